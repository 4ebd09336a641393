"""Labelled sets and sources of tracks of a user's own: a class in a file, whose fields are its settings.

Such a class is a frozen dataclass, registered by `register_set` or `register_source`. The setting ``kind``, the path of
the file or the name of an installed class, chooses it.
"""

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, GetPydanticSchema
from pydantic_core import core_schema

from benchmark.config.base import Count, Folder, Seed, Whole
from benchmark.errors import UsageError
from plugins import PluginError, Registry, split_target

GROUND = Path(__file__).parent  # no built-in class registers in it


@dataclass(frozen=True, kw_only=True)
class Own:
    """What sets and sources of a user's own have in common.

    Attributes:
        kind: by which its registry finds the class: a path or a name.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True
    )
    registry: ClassVar["Registry[type[Any]]"]
    version: ClassVar[int]

    kind: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Other processes load the class where it is defined: one from a file cannot be pickled by reference."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return _loaded, (self.registry.group, self.target, values)

    @property
    def target(self) -> str:
        """Where other processes find the class: the absolute path of its file, or its ``kind``."""
        moved: str | None = vars(self).get("_moved")
        source, _ = split_target(self.kind)
        if moved is None and isinstance(source, Path):
            return f"{sys.modules[type(self).__module__].__file__}:{type(self).__name__}"
        return moved or self.kind or f"{type(self).__module__}:{type(self).__name__}"

    def moved(self, target: str) -> Self:
        """The same settings, of which other processes find the class elsewhere, such as in a copy of its file."""
        copied = replace(self)
        object.__setattr__(copied, "_moved", target)
        return copied

    @property
    def code(self) -> str | None:
        """Hash of the code of a class in a file; None for one that is known by name."""
        return self.registry.code(self.target) if self.kind else None

    def folder(self) -> Path:
        """The folder of its files.

        Raises:
            UsageError: ``root`` is not given, or is no folder.
        """
        root: str | None = getattr(self, "root", None)
        if root is None:
            raise UsageError("root=DIR is missing: the folder of its files")
        if not Path(root).is_dir():
            raise UsageError(f"root={root} is no folder")
        return Path(root)

    def identity(self) -> dict[str, Any]:
        """Name and version of the class and, for one in a file, the hash of its code: part of the hash of its data."""
        registered: str = type(self).name  # type: ignore[attr-defined]  # set by the registry
        return {"reader": registered, "version": self.version, **({"code": self.code} if self.code else {})}


@dataclass(frozen=True, kw_only=True)
class FaceSet(Own):
    """Base class of a labelled set of a user's own; a subclass adds its settings as fields, and two methods.

    Attributes:
        root: folder of its files, if it has one.
        size: side of the faces, pixels; that of the pre-training data unless given.
        seed: of the random split.
        val_fraction: of train, where ``read`` gives no val.
    """

    root: Folder | None = None
    size: Count = 256
    seed: Whole = 0
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.15

    def find(self) -> Any:
        """The files: an object with ``fingerprint()``, such as `benchmark.data.sets.files.SetFiles`."""
        raise NotImplementedError

    def read(self) -> Any:
        """The faces, as `benchmark.data.faces.build.RawFaces`."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class TrackReader(Own):
    """Base class of a source of tracks of a user's own; a subclass adds its settings as fields, and two methods.

    It is a `benchmark.data.tracks.source.TrackSource`.

    Attributes:
        name: of a folder below the benchmark's; default: that of the class.
        root: folder of its files, if it has one; the only setting that may hold a path, since the others are hashed.
        store: folder of the packed store; default: in the cache.
        size: side of the frames, pixels.
        split_seed: of the split of identities into train, val and test.
        jpeg_quality: of the stored frames.
        sampling: what training draws uniformly, see `benchmark.config.data.Data`.
    """

    name: str = ""
    root: Folder | None = None
    store: Folder | None = None
    size: Annotated[Whole, Field(ge=16)] = 64
    split_seed: Seed = 0
    jpeg_quality: Annotated[Whole, Field(ge=1, le=100)] = 95
    sampling: Literal["track", "identity"] = "track"

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content of the frames."""
        elsewhere = {"kind", "name", "root", "store", "split_seed", "jpeg_quality", "sampling"}
        settings = {key: value for key, value in asdict(self).items() if key not in elsewhere}
        return {**self.identity(), **settings}

    def tracks(self) -> list[Any]:
        """All tracks, as `benchmark.data.tracks.source.RawTrack`, in the same order every time."""
        raise NotImplementedError

    def read(self, track: Any) -> Iterable[Any]:
        """The frames of one track, each a `benchmark.data.tracks.source.Frame`."""
        raise NotImplementedError


def _check_class(base: type[Own], methods: Iterable[str], cls: Any, where: str) -> None:
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise PluginError(f"{where} is registered as a {base.registry.kind}; make it a subclass of {base.__name__}")
    if "__dataclass_params__" not in vars(cls) or not vars(cls)["__dataclass_params__"].frozen:
        raise PluginError(f"{where}: put @dataclass(frozen=True) below the decorator that registers it")
    for name in methods:
        if getattr(cls, name) is getattr(base, name):
            raise PluginError(f"{where} has no `{name}`; define it")
    if not cls.__doc__ or cls.__doc__.startswith(f"{cls.__name__}("):  # what dataclasses write where there is none
        raise PluginError(f"{where} has no docstring; its first line is shown by `fabbench data`")


def _built_in_sets() -> Collection[str]:
    from benchmark.config.sets import SET_KINDS  # which imports this module

    return SET_KINDS


def _built_in_sources() -> Collection[str]:
    from benchmark.config.data import DATA_KINDS  # likewise

    return DATA_KINDS


SETS: "Registry[type[FaceSet]]" = Registry(
    "labelled set",
    folder=GROUND,
    package="benchmark.config",
    group="fabbench.sets",
    check=lambda cls, where: _check_class(FaceSet, ("find", "read"), cls, where),
    decorator="register_set",
    reserved=_built_in_sets,
)
SOURCES: "Registry[type[TrackReader]]" = Registry(
    "source of tracks",
    folder=GROUND,
    package="benchmark.config",
    group="fabbench.sources",
    check=lambda cls, where: _check_class(TrackReader, ("tracks", "read"), cls, where),
    decorator="register_source",
    reserved=_built_in_sources,
)
FaceSet.registry, TrackReader.registry = SETS, SOURCES
register_set = SETS.register
"""Decorator ``@register_set(NAME, version=N)`` of a `FaceSet`, above ``@dataclass(frozen=True)``."""
register_source = SOURCES.register
"""Decorator ``@register_source(NAME, version=N)`` of a `TrackReader`, above ``@dataclass(frozen=True)``."""


def is_own(kind: str, registry: Registry[Any]) -> bool:
    """Whether a kind names a class of a user's own: by a path, ``MODULE:CLASS``, or the name of an installed one."""
    return kind.endswith(".py") or ":" in kind or kind in registry.names()


def own_or(built_in: Any, base: type[Own]) -> GetPydanticSchema:
    """For the type of a key: an instance of a class of a user's own as it is, or a built-in kind from its values."""

    def schema(source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def validate(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            return value if isinstance(value, base) else inner(value)

        kinds = handler.generate_schema(Annotated[built_in, Field(discriminator="kind")])
        return core_schema.no_info_wrap_validator_function(validate, kinds)

    return GetPydanticSchema(schema)


def _loaded(group: str, target: str, values: Mapping[str, Any]) -> Own:
    registry: Registry[Any] = {each.group: each for each in (SETS, SOURCES)}[group]
    own: Own = registry.get(target)(**values)
    return own.moved(target)
