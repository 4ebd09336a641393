"""The files that a plugin consists of: its own and those it imports from its folder, found without executing them.

Only import statements are seen, not ``importlib.import_module``. The packages of fab-bench itself never count.
"""

import ast
import importlib.util
from collections.abc import Iterator
from hashlib import sha256
from importlib.machinery import ModuleSpec
from pathlib import Path

from plugins.errors import PluginError, first_line

OWN_PACKAGES = ("benchmark", "methods", "plugins", "probes", "slurm")


def source_files(path: Path, package: Path | None = None) -> list[Path]:
    """A file and all modules below its folder that it imports, directly or not, sorted, itself first.

    Args:
        path: of the file.
        package: for a file of a package, the package's folder: modules of the package count, and no others.

    Raises:
        PluginError: one of them is missing or no valid Python.
    """
    path = path.resolve()
    root = package.resolve().parent if package else path.parent
    found, pending = {path}, [path]
    while pending:
        file = pending.pop()
        for imported in _imported_names(file, root):
            if package is None or imported[:1] == [package.name]:
                new = set(_files_of(imported, root)) - found
                found |= new
                pending += sorted(new)
    return [path, *sorted(found - {path})]


def code_hash(path: Path, package: Path | None = None) -> str:
    """SHA-256 of a file's content; if `source_files` finds more files, of all their names and contents.

    Raises:
        PluginError: one of them is missing or no valid Python.
    """
    first, *others = source_files(path, package)
    total = sha256(first.read_bytes())
    root = package.resolve().parent if package else first.parent
    for file in others:
        total.update(f"\0{file.relative_to(root)}\0{sha256(file.read_bytes()).hexdigest()}".encode())
    return total.hexdigest()


def check_not_hidden(path: Path) -> None:
    """Refuses a file that imports a module beside it by a name under which Python finds another module.

    Raises:
        PluginError: it does.
    """
    root = path.resolve().parent
    for file in source_files(path)[1:]:
        name = file.relative_to(root).parts[0].removesuffix(".py")
        spec = importlib.util.find_spec(name)
        if spec is None or not any(place.is_relative_to(root) for place in _places(spec)):
            where = next(iter(map(str, _places(spec))), "Python itself") if spec else "nothing"
            raise PluginError(f"{path} imports {name}, which is {where} and not {root / name}: rename the latter")


def _places(spec: ModuleSpec) -> list[Path]:
    """Where a module is loaded from."""
    if spec.has_location and spec.origin:
        return [Path(spec.origin).resolve()]
    return [Path(place).resolve() for place in spec.submodule_search_locations or ()]


def _imported_names(file: Path, root: Path) -> Iterator[list[str]]:
    """The parts of every dotted name that a file may import, as seen from ``root``."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError) as error:
        raise PluginError(f"{file} cannot be loaded: {first_line(error)}") from error
    package = list(file.relative_to(root).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            yield module
            yield from ([*module, alias.name] for alias in node.names)


def _files_of(parts: list[str], root: Path) -> Iterator[Path]:
    """The files below ``root`` that importing a dotted name executes."""
    if not parts or parts[0] in OWN_PACKAGES:
        return
    folder = root
    for part in parts:
        if (folder / part / "__init__.py").is_file():
            yield folder / part / "__init__.py"
        elif (folder / f"{part}.py").is_file():
            yield folder / f"{part}.py"
            return
        folder = folder / part
        if not folder.is_dir():
            return
