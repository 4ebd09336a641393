"""Imports point one way, the numerical core needs no configuration library, and files stay short."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("benchmark", "methods", "plugins", "probes", "slurm")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}

# From the top floor to the ground: a module imports from its own floor and from those below.
FLOORS = (
    ("benchmark.__main__",),
    ("benchmark.cli",),
    ("benchmark.commands",),
    ("benchmark.report",),
    ("benchmark.api",),
    ("benchmark.pipeline",),
    ("benchmark.train",),
    ("benchmark.viz",),
    ("benchmark.data",),
    ("benchmark.config", "benchmark.conf"),
    ("benchmark", "benchmark.errors", "benchmark.files", "benchmark.layout", "benchmark.progress"),
    ("methods", "probes", "slurm"),
    ("plugins",),
)
INTERFACE = "benchmark"  # names `benchmark.api` to type checkers, and imports it when one of its names is used
INDEPENDENT = ("methods", "plugins", "probes", "slurm")  # of each other, but for `plugins`, and of all else

CONFIG_LIBRARIES = ("hydra", "omegaconf", "submitit")
CORE = sorted(
    name
    for name in FILES
    if name.partition(".")[0] in ("methods", "probes")
    or f"{name}.".startswith(("benchmark.data.", "benchmark.train."))
    or name in ("benchmark.pipeline.features", "benchmark.pipeline.stages")
)

MAX_LINES = 400
SOURCES = [
    path
    for folder in (*PACKAGES, "tests", "tools", "examples", "results")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def floor(module: str) -> int:
    """The floor of a module: that of the longest name in `FLOORS` it belongs to."""
    levels = {name: level for level, names in enumerate(FLOORS) for name in names}
    package = module
    while package not in levels:
        package, _, rest = package.rpartition(".")
        assert rest, f"{module} is on no floor"
    assert package != "benchmark" or module == "benchmark", f"{module} is on no floor"
    return levels[package]


def imports(module: str, *, everywhere: bool) -> set[str]:
    """Names that a file imports: anywhere in it, or only when it is itself imported."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(tree) if everywhere else _run_on_import(tree.body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def imported_modules(module: str, *, everywhere: bool) -> set[str]:
    """The modules of these packages that a file imports, without the packages above them."""
    names = imports(module, everywhere=everywhere) & FILES.keys() - {module}
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


def _run_on_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run on import, without those for type checkers alone."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for name in ("body", "orelse", "finalbody", "handlers"):
                for inner in getattr(node, name, []):
                    yield from _run_on_import(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


@pytest.mark.parametrize("module", FILES)
def test_imports_only_from_its_floor_and_below(module: str) -> None:
    imported = imported_modules(module, everywhere=module != INTERFACE)
    upward = {name for name in imported if floor(name) < floor(module)}
    assert not upward, f"{module} imports from a floor above it"


@pytest.mark.parametrize("module", [name for name in FILES if name.partition(".")[0] in INDEPENDENT])
def test_methods_plugins_probes_and_slurm_stand_alone(module: str) -> None:
    packages = {name.partition(".")[0] for name in imports(module, everywhere=True)}
    assert packages & {*PACKAGES} <= {module.partition(".")[0], "plugins"}


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{path.relative_to(ROOT)} has {lines} lines, more than {MAX_LINES}"
