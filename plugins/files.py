"""Load users' Python files and objects in modules.

A target is ``FILE.py``, ``FILE.py:NAME``, ``MODULE`` or ``MODULE:NAME``.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from plugins.errors import PluginError, did_you_mean, first_line
from plugins.sources import check_not_hidden


def split_target(target: str) -> tuple[Path | str, str | None]:
    """The parts of a target: the path of a file or the name of a module, and the name of an object or None."""
    source, colon, name = target.rpartition(":")
    if not colon:
        source, name = target, ""
    return (Path(source) if source.endswith(".py") else source), name or None


def load_object(target: str) -> Any:
    """The object that ``FILE.py:NAME`` or ``MODULE:NAME`` names; the module itself without ``:NAME``.

    Raises:
        PluginError: the file or module is missing or cannot be loaded, or has no such name.
    """
    source, name = split_target(target)
    module = load_module(source) if isinstance(source, Path) else import_module(source)
    if name is None:
        return module
    if not hasattr(module, name):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise PluginError(f"{source} has no {name!r}; {did_you_mean(name, public)}")
    return getattr(module, name)


def import_module(name: str) -> ModuleType:
    """The module of a dotted name.

    Raises:
        PluginError: it cannot be imported.
    """
    return _guarded(lambda: importlib.import_module(name), f"module {name} cannot be imported")


def load_module(path: Path) -> ModuleType:
    """The module that a file defines; a file is executed once in a process.

    The file's folder is appended to ``sys.path``, so that it can import modules beside it. Objects of the module
    cannot be pickled by reference: other processes need the path.

    Raises:
        PluginError: the file is missing or cannot be loaded, or a module beside it cannot be imported by its name.
    """
    path = path.resolve()
    name = module_name(path)
    if name not in sys.modules:
        if not path.is_file():
            raise PluginError(f"no such file: {path}")
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
        check_not_hidden(path)
        _execute(path, name)
    return sys.modules[name]


def module_name(path: Path) -> str:
    """The name in ``sys.modules`` of the module that a file defines."""
    return f"fabbench_file_{sha256(str(path.resolve()).encode()).hexdigest()[:16]}"


def _execute(path: Path, name: str) -> None:
    """Executes a file as a module; one that fails leaves no trace in ``sys.modules``."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module there
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # SystemExit, too, would end the command
        del sys.modules[name]
        if isinstance(error, (PluginError, KeyboardInterrupt)):
            raise
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
        location = f"{path}, line {lines[-1]}," if lines else str(path)
        raise PluginError(f"{location} cannot be loaded: {first_line(error)}") from error


def _guarded(load: Callable[[], ModuleType], failure: str) -> ModuleType:
    try:
        return load()
    except (PluginError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(f"{failure}: {first_line(error)}") from error
