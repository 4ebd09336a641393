"""From configuration to data: which reader makes the track store, which makes each labelled set."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_origin

from benchmark.config.schema import (
    SET_KINDS,
    ConcatData,
    Data,
    FaceFolder,
    FrameData,
    SyntheticData,
    SyntheticFaces,
    VideoData,
    VoxCelebData,
)
from benchmark.data.tracks.source import TrackSource
from benchmark.errors import DataError, UsageError, suggestion
from benchmark.files import digest

if TYPE_CHECKING:
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.sets.csv.config import CsvFaces
    from benchmark.data.tracks.detector import FaceDetector

_Schema = TypeVar("_Schema")


def source(data: Data) -> TrackSource:
    """The reader of raw tracks that ``data`` describes.

    Raises:
        UsageError: a reader of files without ``data.root``.
    """
    if isinstance(data, SyntheticData):
        from benchmark.data.synthetic import SyntheticTracks

        return SyntheticTracks(
            size=data.size,
            identities=data.identities,
            tracks_per_identity=data.tracks_per_identity,
            frames_per_track=data.frames_per_track,
            seed=data.seed,
        )
    if isinstance(data, ConcatData):
        from benchmark.data.tracks.concat import Concat

        return Concat([source(part) for part in _parts(data)])
    if isinstance(data, VoxCelebData):
        return _voxceleb(data)
    if data.root is None:
        raise UsageError(f"data={data.kind} needs data.root=DIR, the folder of raw files")
    if isinstance(data, VideoData):
        from benchmark.data.tracks.videos import VideoFolder

        return VideoFolder(
            Path(data.root),
            fps=data.fps,
            size=data.size,
            tighten=data.tighten,
            max_frames=data.max_frames,
            detector=_detector(data),
        )
    if isinstance(data, FrameData):
        from benchmark.data.tracks.frames import FrameFolder

        return FrameFolder(Path(data.root), size=data.size, tighten=data.tighten, detector=_detector(data))
    raise TypeError(f"no reader for {type(data).__name__}")


def _voxceleb(data: VoxCelebData) -> TrackSource:
    from benchmark.data.tracks.voxceleb import CROPS, VoxCeleb, locate_clips, locate_frames, locate_metadata

    if data.crop not in CROPS:
        raise UsageError(f"data.crop is {data.crop!r}; one of {', '.join(CROPS)}")
    root = Path(data.root) if data.root else None
    vox1 = Path(data.vox1) if data.vox1 else locate_frames(root) if root else None
    vox2 = Path(data.vox2) if data.vox2 else locate_clips(root) if root else None
    if vox1 is None and vox2 is None:
        if root is not None:
            raise DataError(f"{root}: neither unzippedFaces/ of VoxCeleb1 nor dev/mp4/ of VoxCeleb2 in it")
        raise UsageError("data=voxceleb needs root=DIR, the folder of both sets, or data.vox1=DIR and data.vox2=DIR")
    meta = {
        name: Path(given) if given else locate_metadata(f"{name}_meta.csv", vox1 if name == "vox1" else vox2, root)
        for name, given in (("vox1", data.vox1_meta), ("vox2", data.vox2_meta))
    }
    return VoxCeleb(
        vox1,
        vox2,
        meta["vox1"],
        meta["vox2"],
        data.fps,
        data.size,
        crop=data.crop,
        max_frames=data.max_frames,
        detector=_detector(data),
    )


def _detector(data: VideoData | FrameData | VoxCelebData) -> "FaceDetector | None":
    from benchmark.data.tracks.detector import FaceDetector

    return FaceDetector(Path(data.detector)) if data.detector else None


def _parts(data: ConcatData) -> list[VideoData | FrameData]:
    """The settings of each part of joined data."""
    return [_part(f"data.parts[{number}]", part, data) for number, part in enumerate(data.parts)]


def _part(key: str, values: Any, data: ConcatData) -> VideoData | FrameData:
    kinds: dict[Any, Any] = {"videos": VideoData, "frames": FrameData}
    if not isinstance(values, Mapping):
        raise UsageError(f"{key} holds keys of its own, such as kind and root, not {values!r}")
    kind = values.get("kind")
    if kind not in kinds:
        raise UsageError(f"{key}.kind is {kind!r}; one of {', '.join(kinds)}")
    whole = {"detector": data.detector, **values, "size": data.size}
    return cast(VideoData | FrameData, _typed(kinds[kind], whole, f"{key}."))


def store_folder(data: Data, cache: str) -> Path:
    """Where the packed store lies: ``data.store``, or a place in the cache named by all that makes it."""
    if data.store is not None:
        return Path(data.store)
    parts: list[Any] = list(_parts(data)) if isinstance(data, ConcatData) else [data]
    roots = [getattr(part, key, None) for part in parts for key in ("root", "vox1", "vox2")]
    places = [str(Path(root).resolve()) for root in roots if root is not None]
    key = digest([source(data).describe(), places, data.split_seed, data.jpeg_quality])
    return Path(cache, "tracks", f"{data.name}-{key[:10]}")


def faces_config(name: str, values: Mapping[str, Any]) -> "SyntheticFaces | CsvFaces | FaceFolder":
    """The settings of a labelled set, by its ``kind``.

    Raises:
        UsageError: an unknown kind or key, or a value out of range.
    """
    kind = values.get("kind")
    if kind == "csv":
        from benchmark.data.sets.csv.config import CsvFaces

        own = {key: value for key, value in values.items() if key != "kind"}
        for key in ("csv", "images"):
            if key in own and not isinstance(own[key], str | list if key == "csv" else str):
                raise UsageError(f"sets.{name}.{key} is {own[key]!r}, not a path")
        try:
            return CsvFaces.from_mapping({"name": name, **own})
        except UsageError as error:
            raise UsageError(f"sets.{name}: {error}") from error
    if kind == "synthetic":
        return _typed(SyntheticFaces, values, f"sets.{name}.")
    if kind in SET_KINDS:
        return _published(name, _typed(SET_KINDS[kind], values, f"sets.{name}."))
    raise UsageError(f"sets.{name}.kind is {kind!r}; one of csv, synthetic, {', '.join(SET_KINDS)}")


def _published(name: str, config: FaceFolder) -> FaceFolder:
    if not 0 < config.val_fraction < 1 or config.size < 1:
        raise UsageError(f"sets.{name}: val_fraction must lie between 0 and 1, size above 0")
    return config


def _typed(schema: type[_Schema], values: Mapping[str, Any], prefix: str) -> _Schema:
    """A dataclass of these values, every key known and every value of its type."""
    known: dict[str, Any] = {item.name: item.type for item in fields(schema)}  # type: ignore[arg-type]
    for key, value in values.items():
        if key not in known:
            raise UsageError(f"unknown key {prefix}{key}{suggestion(str(key), known)}")
        fits = isinstance(value, _plain_type(known[key]))
        if isinstance(value, bool) or value != value or not fits:  # NaN is not itself
            raise UsageError(f"{prefix}{key} is {value!r}, not {getattr(known[key], '__name__', known[key])}")
    return schema(**values)


def _plain_type(kind: Any) -> Any:
    """What `isinstance` can tell: a list's members are looked at by who reads them, a whole number is a number."""
    return int | float if kind is float else list if get_origin(kind) is list else kind


def set_file(name: str, values: Mapping[str, Any], cache: str) -> Path:
    """Where the labelled set lies once it is made: a place in the cache named by all that makes it.

    For a set read from files that is their settings and the names, sizes and times of the files.
    """
    config = faces_config(name, values)
    if isinstance(config, SyntheticFaces):
        from benchmark.data.synthetic import VERSION
        from benchmark.data.synthetic.version import head_digest

        origin: Any = [VERSION, head_digest()]
    else:
        from benchmark.data.sets import module_of

        module = module_of(_kind(config))
        origin = [module.VERSION, *module.find(config).fingerprint()]
    key = digest([json.loads(json.dumps(asdict(config), default=str)), origin])
    return Path(cache, "faces", f"{name}-{key[:10]}.arrow")


def make_set(name: str, values: Mapping[str, Any], cache: str, workers: int, progress: Callable[..., None]) -> Path:
    """Makes the labelled set, or finds it made; returns its file."""
    path = set_file(name, values, cache)
    if not path.is_file():
        read_set(name, values, cache, workers, progress).save(path)
    return path


def read_set(
    name: str, values: Mapping[str, Any], cache: str, workers: int, progress: Callable[..., None]
) -> "LabelledSet":
    """The labelled set, from its own files; its frames lie in an unnamed file in the cache."""
    config = faces_config(name, values)
    if isinstance(config, SyntheticFaces):
        from benchmark.data.synthetic import labelled_faces

        settings = {key: value for key, value in asdict(config).items() if key != "kind"}
        return labelled_faces(**settings, workers=workers, progress=progress)
    scratch = Path(cache, "faces")
    scratch.mkdir(parents=True, exist_ok=True)
    from benchmark.data.faces.build import build_set
    from benchmark.data.sets import module_of

    kind = _kind(config)
    module = module_of(kind)
    try:
        raw = module.read(config)
    except UsageError as error:
        raise UsageError(f"sets.{name}: {error}") from error
    raw.protocol |= {"reader": kind, "version": module.VERSION}
    return build_set(raw, name, config.size, config.seed, config.val_fraction, progress, scratch)


def _kind(config: "CsvFaces | FaceFolder") -> str:
    return config.kind if isinstance(config, FaceFolder) else "csv"
