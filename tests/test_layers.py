"""Who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("benchmark", "methods", "probes", "slurm")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
CONFIG_LIBRARIES = ("hydra", "omegaconf", "submitit")
CORE = sorted(
    name
    for name in FILES
    if name.partition(".")[0] in ("methods", "probes")
    or f"{name}.".startswith(("benchmark.data.", "benchmark.train."))
    or name in ("benchmark.pipeline.features", "benchmark.pipeline.stages")
)


def imports(module: str, *, everywhere: bool) -> set[str]:
    """Modules that a file imports: anywhere in it, or only when it is itself imported."""
    tree = ast.parse(FILES[module].read_text())
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    nodes = list(ast.walk(tree)) if everywhere else list(_at_import(tree.body))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def _at_import(body: list[ast.stmt]):  # type: ignore[no-untyped-def]
    """Statements that run on import, without those for type checkers alone."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for name in ("body", "orelse", "finalbody", "handlers"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = getattr(node, name, [])
                for each in inner:
                    yield from _at_import(each.body if isinstance(each, ast.ExceptHandler) else [each])


@pytest.mark.parametrize("module", [name for name in FILES if not name.startswith("benchmark")])
def test_methods_probes_and_slurm_stand_alone(module: str) -> None:
    own = module.partition(".")[0]
    others = {name for name in imports(module, everywhere=True) if name.partition(".")[0] in PACKAGES}
    assert {name for name in others if name.partition(".")[0] != own} == set()


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {name: imports(name, everywhere=False) & FILES.keys() - {name} for name in FILES}
    # "from package import module" names the package as well; its own file matters only where it imports more.
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_the_numerical_core_imports_without_config_or_job_libraries() -> None:
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({CONFIG_LIBRARIES!r}))\n"
        f"import importlib\nfor name in {CORE!r}: importlib.import_module(name)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)


@pytest.mark.parametrize("module", CORE)
def test_the_numerical_core_never_imports_them_later_either(module: str) -> None:
    names = {name.partition(".")[0] for name in imports(module, everywhere=True)}
    assert not names & {*CONFIG_LIBRARIES}
