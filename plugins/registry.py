"""Registry of one kind of plugin: built-in classes, those of installed packages, and those in a user's own file.

A class registers where it is defined::

    @register("fabnet", version=1)
    class FabNet(Method): ...

``names`` imports nothing: built-in classes are found by their ``@register`` lines, those of packages by entry points
(``[project.entry-points."fabbench.methods"]``, ``name = "package.module"``). Registering a name twice is an error that
names both places.
"""

import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from plugins.errors import PluginError, did_you_mean
from plugins.files import import_module, load_module, load_object, module_name, split_target
from plugins.sources import code_hash

LONGEST = 64  # name, which may be that of a folder

T = TypeVar("T", bound=type)
Decorated = TypeVar("Decorated")


@dataclass(frozen=True)
class _Source:
    """Where a class is defined; it need not be imported yet."""

    name: str
    module: str
    origin: str


class Registry(Generic[T]):
    """Classes of one kind by name. ``register`` sets their class attributes ``name`` and ``version``.

    Args:
        kind: what they are, for messages: "method".
        folder: of the package whose files define the built-in ones, with ``@register("NAME"`` at the start of a line.
        package: its dotted name.
        group: entry points of installed packages; the name of an entry is that of the class, its value the module.
        check: raises for a class that is not valid; called with the class and a text that says where it is defined.
        decorator: the name under which the kind's module offers ``register``.
        error: raised for what is wrong.
        reserved: gives names that no class may have, since they are those of built-in kinds that are no classes here.
    """

    def __init__(
        self,
        kind: str,
        *,
        folder: Path,
        package: str,
        group: str,
        check: Callable[[Any, str], None],
        decorator: str = "register",
        error: type[PluginError] = PluginError,
        reserved: Callable[[], Collection[str]] = tuple,
    ):
        self.kind, self.group = kind, group
        self._folder, self._package, self._check, self._error = folder, package, check, error
        self._decorator, self._reserved = decorator, reserved
        self._pattern = re.compile(rf'^@{decorator}\(\s*"([^"]+)"', re.MULTILINE)
        self._classes: dict[str, T] = {}

    def register(self, name: str, *, version: int) -> Callable[[Decorated], Decorated]:
        """Class decorator.

        Args:
            name: how users call it; lower case letters, digits, ``_`` and ``-``.
            version: recorded with results; raise it whenever the class computes something else.

        Raises:
            PluginError: the name is malformed or registered elsewhere, or the class is not valid.
        """
        if not (isinstance(name, str) and re.fullmatch(rf"[a-z][a-z0-9_-]{{0,{LONGEST - 1}}}", name)):
            raise self._error(
                f"{self.kind} name {_short(name)}: use up to {LONGEST} lower case letters, digits, '_' and '-'"
            )

        def decorate(decorated: Decorated) -> Decorated:
            cls: Any = decorated
            owner = self._owner(name)
            if owner is not None and _top(owner) != _top(cls.__module__):
                raise self._duplicate(name, self.origin(name), _file(cls))
            where = self.place(cls)
            if name in self._reserved():
                raise self._error(f"{where}: {name!r} is the name of a built-in {self.kind}; choose another")
            earlier = self._classes.get(name)
            if earlier is not None and _stand_in_one_module(earlier, cls):
                raise self._error(f"{where}: {earlier.__name__} is {self.kind} {name!r} already; rename one of them")
            if not isinstance(version, int) or isinstance(version, bool):
                raise self._error(f"{where}: version={version!r} must be an int")
            self._check(cls, where)
            cls.name, cls.version = name, version
            self._classes[name] = cls
            return decorated

        return decorate

    def names(self) -> list[str]:
        """The names of all known classes, sorted; imports none of them."""
        return sorted(self._sources.keys() | self._loaded.keys())

    def get(self, target: str) -> T:
        """The class with a name, or that of ``FILE.py``, ``FILE.py:NAME`` or ``MODULE:NAME``.

        A file without ``:NAME`` must register exactly one class of this kind. In a file, NAME may be the registered
        name. A class from a file cannot be pickled by reference; worker processes need the path.

        Raises:
            PluginError: the name is unknown, or the file or module is missing, broken or does not register the class.
        """
        source, name = split_target(target)
        if isinstance(source, Path):
            self._load(lambda: load_module(source))
            return self._pick(f"{source.resolve()}", module_name(source), name)
        if name is not None:
            return self._of_module(source, name)
        if target not in self._loaded and target in self._sources:
            self._import(self._sources[target])
        if target not in self._loaded:
            raise self._error(f"unknown {self.kind} {target!r}; {did_you_mean(target, self.names())}")
        return self._loaded[target]

    def origin(self, name: str) -> str:
        """The file or package that a known class comes from."""
        source = self._sources.get(name)
        return source.origin if source else _file(self._loaded[name])

    @staticmethod
    def place(cls: Any) -> str:
        """The file and name of a class, for messages."""
        return f"{_file(cls)}: {getattr(cls, '__name__', cls)}"

    def code(self, target: str) -> str | None:
        """SHA-256 of the file of a class given by path or module, and of modules of its folder that it imports.

        None for a class given by its registered name, whose ``version`` says what it computes.

        Raises:
            PluginError: the file or module is missing or broken.
        """
        if target in self.names():
            return None
        source, _ = split_target(target)
        try:
            if isinstance(source, Path):
                return code_hash(source)
            module = self.get(target).__module__
            path = Path(_module_file(module))
            return code_hash(path, _package_folder(path, module))
        except PluginError as error:
            raise self._error(str(error)) from error

    def refresh(self) -> None:
        """Forgets which built-in and installed classes there are, so that they are looked for again."""
        self.__dict__.pop("_sources", None)

    @property
    def _loaded(self) -> dict[str, T]:
        """The registered classes, without those of modules that then failed to load."""
        return {name: cls for name, cls in self._classes.items() if cls.__module__ in sys.modules}

    @cached_property
    def _sources(self) -> dict[str, _Source]:
        """Classes that can be imported by name."""
        sources: dict[str, _Source] = {}
        for source in [*self._built_in(), *self._installed()]:
            if source.name in sources:
                raise self._duplicate(source.name, sources[source.name].origin, source.origin)
            sources[source.name] = source
        return sources

    def _built_in(self) -> Iterator[_Source]:
        """Classes of the package, by the text of its files."""
        for path in sorted(self._folder.glob("*.py")):
            for name in self._pattern.findall(path.read_text(encoding="utf-8")):
                origin = f"built in ({self._package.replace('.', '/')}/{path.name})"
                yield _Source(name, f"{self._package}.{path.stem}", origin)

    def _installed(self) -> Iterator[_Source]:
        """Classes of installed packages, by their entry points."""
        for entry in entry_points(group=self.group):
            package = entry.dist.name if entry.dist else _top(entry.module)
            yield _Source(entry.name, entry.module, f"package {package} ({entry.module})")

    def _import(self, source: _Source) -> None:
        self._load(lambda: import_module(source.module), source.origin)
        if source.name not in self._loaded:
            raise self._error(f"{source.origin} does not register the {self.kind} {source.name!r} that it announces")

    def _load(self, load: Callable[[], object], origin: str = "") -> None:
        """Loads a module, with this registry's error in place of `PluginError`."""
        try:
            load()
        except self._error:
            raise
        except PluginError as error:
            raise self._error(f"{origin}: {error}" if origin else str(error)) from error

    def _of_module(self, module: str, name: str) -> T:
        """The registered class that a module has under a name."""
        loaded: list[Any] = []
        self._load(lambda: loaded.append(load_object(f"{module}:{name}")))
        for cls in self._loaded.values():
            if cls is loaded[0]:
                return cls
        raise self._error(f"{module}:{name} is no registered {self.kind}: put @{self._decorator} above it")

    def _pick(self, where: str, module: str, name: str | None) -> T:
        """The class that a file registers."""
        classes = {key: cls for key, cls in self._loaded.items() if cls.__module__ == module}
        if name is not None:
            picked = [cls for key, cls in classes.items() if name in (key, cls.__name__)]
            if not picked:
                raise self._error(f"{where} registers no {self.kind} {name!r}; {did_you_mean(name, classes)}")
            return picked[0]
        if len(classes) != 1:
            registered = ", ".join(classes) or "none"
            raise self._error(
                f"{where} must register exactly one {self.kind} with @{self._decorator}; it registers {registered}"
            )
        return next(iter(classes.values()))

    def _owner(self, name: str) -> str | None:
        """The module that a name belongs to; None if it is free."""
        if name in self._sources:
            return self._sources[name].module
        return self._loaded[name].__module__ if name in self._loaded else None

    def _duplicate(self, name: str, first: str, second: str) -> PluginError:
        return self._error(f"{self.kind} {name!r} is registered twice: by {first} and by {second}; rename one of them")


def _stand_in_one_module(earlier: Any, later: Any) -> bool:
    """Whether a module defines two classes; not when it is executed again, or defines one in a function."""
    module = sys.modules.get(later.__module__)
    same = earlier is not later and earlier.__module__ == later.__module__
    return same and getattr(module, earlier.__name__, None) is earlier


def _short(name: object) -> str:
    text = repr(name)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _top(module: str) -> str:
    return module.partition(".")[0]


def _file(cls: Any) -> str:
    return _module_file(cls.__module__)


def _module_file(module: str) -> str:
    file: str | None = getattr(sys.modules.get(module), "__file__", None)
    return file or module


def _package_folder(path: Path, module: str) -> Path | None:
    """The folder of the outermost package of a module; None for a module outside packages."""
    depth = module.count(".") - (path.name != "__init__.py")
    return path.parents[depth] if depth >= 0 else None
