"""Registry of methods: built-in ones, those of installed packages, and those in a user's own file.

A method registers where it is defined::

    @register("fabnet", version=1)
    class FabNet(Method): ...

``names`` imports neither torch nor any method: built-in methods are found by their ``@register`` lines, those of
packages by entry points (``[project.entry-points."fabbench.methods"]``, ``name = "package.module"``). Registering a
name twice is an error that names both places.
"""

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, TypeVar

from methods.errors import MethodError, did_you_mean, first_line

if TYPE_CHECKING:
    from methods.base import Method
    from methods.encoder import EncoderSpec

ENTRY_POINTS = "fabbench.methods"
KINDS = ("method", "floor", "ceiling", "pretrained")

_MethodClass = TypeVar("_MethodClass", bound="type[Method]")
_registered: dict[str, "type[Method]"] = {}


@dataclass(frozen=True)
class Option:
    """Option of a method, for listings."""

    name: str
    type: str
    default: Any
    help: str


@dataclass(frozen=True)
class MethodInfo:
    """Description of a method, for listings; ``origin`` is the file or package that it comes from."""

    name: str
    version: int
    kind: str
    frames: int
    trained: bool
    summary: str
    paper: str
    year: int | None
    origin: str
    options: list[Option]


@dataclass(frozen=True)
class _Source:
    """Where a method is defined; it need not be imported yet."""

    name: str
    module: str
    origin: str


def register(name: str, *, version: int) -> Callable[[_MethodClass], _MethodClass]:
    """Class decorator that registers a ``Method``.

    Args:
        name: how users call it; lower case letters, digits, ``_`` and ``-``.
        version: recorded with results; raise it whenever the method computes something else.

    Raises:
        MethodError: the name is malformed or registered elsewhere, or what is registered is no valid method.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise MethodError(f"method name {name!r}: use lower case letters, digits, '_' and '-'")

    def decorate(method: _MethodClass) -> _MethodClass:
        module = _module_of(name)
        if module is not None and _package(module) != _package(method.__module__):
            raise _duplicate(name, _origin(name), _file(method))
        _check_class(method, version)
        method.name, method.version = name, version
        _registered[name] = method
        return method

    return decorate


def names() -> list[str]:
    """The names of all known methods, sorted; imports none of them."""
    return sorted(_sources().keys() | _registered.keys())


def get(name: str) -> "type[Method]":
    """The method with a name, or the one that a file registers if ``name`` ends in ``.py``.

    A class from a file cannot be pickled by reference; worker processes need the path.

    Raises:
        MethodError: the name is unknown, or the file is missing, broken or does not register exactly one method.
    """
    if name.endswith(".py"):
        return _load_file(Path(name))
    source = _sources().get(name)
    if name not in _registered and source is not None:
        _import(source)
    if name not in _registered:
        raise MethodError(f"unknown method {name!r}; {did_you_mean(name, names())}")
    return _registered[name]


def describe() -> list[MethodInfo]:
    """Descriptions of all known methods, sorted by name; imports all of them."""
    return [info(get(name)) for name in names()]


def info(method: "type[Method]") -> MethodInfo:
    """Description of a method."""
    return MethodInfo(
        name=method.name,
        version=method.version,
        kind=method.kind,
        frames=method.frames,
        trained=method.trained,
        summary=method.summary,
        paper=method.paper,
        year=method.year,
        origin=_origin(method.name),
        options=[
            Option(option.name, getattr(option.type, "__name__", str(option.type)), option.default, _help(option))
            for option in fields(method.Options)
        ],
    )


def outline(method: "type[Method]", spec: "EncoderSpec", options: Mapping[str, Any]) -> "Method":
    """An instance for its structure alone, with arbitrary weights; on the meta device if possible, without memory.

    Raises:
        MethodError: the method cannot be built.
    """
    import torch

    method.parse_options(options)
    for device in ("meta", "cpu"):  # the meta device has no values, and a constructor may compute with its weights
        try:
            with torch.device(device):
                if method.kind == "ceiling":
                    built = method(spec, options, outputs=1, loss=None)  # type: ignore[call-arg]
                else:
                    built = method(spec, options)
            _check_instance(built)
            return built
        except (MethodError, KeyboardInterrupt):
            raise
        except BaseException as error:  # SystemExit, too, would end the command
            problem = error
    raise MethodError(f"{method.name} cannot be built: {first_line(problem)}") from problem


@cache
def _sources() -> dict[str, _Source]:
    """Methods that can be imported by name."""
    sources: dict[str, _Source] = {}
    for source in [*_built_in(), *_installed()]:
        if source.name in sources:
            raise _duplicate(source.name, sources[source.name].origin, source.origin)
        sources[source.name] = source
    return sources


def _built_in() -> Iterator[_Source]:
    """Methods of this package, by the text of its files."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        for name in re.findall(r'^@register\("([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE):
            yield _Source(name, f"methods.{path.stem}", f"built in (methods/{path.name})")


def _installed() -> Iterator[_Source]:
    """Methods of installed packages, by their entry points."""
    for entry in entry_points(group=ENTRY_POINTS):
        package = entry.dist.name if entry.dist else _package(entry.module)
        yield _Source(entry.name, entry.module, f"package {package} ({entry.module})")


def _import(source: _Source) -> None:
    try:
        importlib.import_module(source.module)
    except (MethodError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise MethodError(f"{source.origin} cannot be imported: {first_line(error)}") from error
    if source.name not in _registered:
        raise MethodError(f"{source.origin} does not register the method {source.name!r} that it announces")


def _load_file(path: Path) -> "type[Method]":
    """The method that a file registers; a file is executed once."""
    path = path.resolve()
    module_name = f"fabbench_method_{sha256(str(path).encode()).hexdigest()[:16]}"
    if module_name not in sys.modules:
        if not path.is_file():
            raise MethodError(f"no such method file: {path}")
        _execute(path, module_name)
    methods = [method for method in _registered.values() if method.__module__ == module_name]
    if len(methods) != 1:
        registered = ", ".join(method.name for method in methods) or "none"
        raise MethodError(f"{path} must register exactly one method with @register; it registers {registered}")
    return methods[0]


def _execute(path: Path, module_name: str) -> None:
    """Imports a file under a module name, without a trace if it fails."""
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look up their module there
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[module_name]
        for name in [name for name, method in _registered.items() if method.__module__ == module_name]:
            del _registered[name]
        if isinstance(error, (MethodError, KeyboardInterrupt)):
            raise
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
        location = f"{path}, line {lines[-1]}," if lines else str(path)
        raise MethodError(f"{location} cannot be loaded: {first_line(error)}") from error


def _check_class(method: Any, version: Any) -> None:
    """Refuses what `register` is given in place of a method.

    Raises:
        MethodError: it is no subclass of ``Method``, or a class attribute is invalid.
    """
    from methods.base import Method

    where = f"{_file(method)}: {method.__name__}"
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise MethodError(f"{where} is registered as a method; make it a subclass of methods.base.Method")
    if not isinstance(version, int):
        raise MethodError(f"{where}: version={version!r} must be an int")
    if method.kind not in KINDS:
        raise MethodError(f"{where}: kind={method.kind!r} must be one of {', '.join(KINDS)}")
    if not is_dataclass(method.Options):
        raise MethodError(f"{where}: Options must be a dataclass, not {method.Options!r}")
    if method.trained and method.forward is Method.forward:
        raise MethodError(f"{where} has no `forward`, so it cannot be trained; define it, or set trained = False")


def _check_instance(method: "Method") -> None:
    """Refuses a method whose constructor left it invalid.

    Raises:
        MethodError: ``frames`` is no positive integer, or there is no encoder for ``embed``.
    """
    from methods.base import Method

    where = f"{_file(type(method))}: {type(method).__name__}"
    if not isinstance(method.frames, int) or method.frames < 1:
        raise MethodError(f"{where}: frames={method.frames!r} must be an int of 1 or more")
    if type(method).embed is Method.embed and not hasattr(method, "encoder"):
        raise MethodError(f"{where} has no `encoder`; set self.encoder in __init__, or define `embed`")


def _help(option: Field[Any]) -> str:
    return str(option.metadata.get("help", ""))


def _package(module: str) -> str:
    return module.partition(".")[0]


def _module_of(name: str) -> str | None:
    """The module that a name belongs to; None if it is free."""
    if name in _sources():
        return _sources()[name].module
    if name in _registered:
        return _registered[name].__module__
    return None


def _origin(name: str) -> str:
    source = _sources().get(name)
    return source.origin if source else _file(_registered[name])


def _file(method: "type[Method]") -> str:
    file: str | None = getattr(sys.modules.get(method.__module__), "__file__", None)
    return file or method.__module__


def _duplicate(name: str, first: str, second: str) -> MethodError:
    return MethodError(f"method {name!r} is registered twice: by {first} and by {second}; rename one of them")
