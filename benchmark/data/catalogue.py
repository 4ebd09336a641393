"""Map from configuration to data: the reader of each kind of tracks and labelled faces, and their names on disk."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.csv import CsvFaces
from benchmark.config.data import AnyData, ConcatData, FrameData, SyntheticData, VideoData, VoxCelebData
from benchmark.config.own import FaceSet, TrackReader
from benchmark.config.schema import Config
from benchmark.config.sets import AnyFaces, FaceFolder, SyntheticFaces, TrackFaces
from benchmark.errors import DataError, UsageError
from benchmark.files import digest

if TYPE_CHECKING:
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.tracks.detector import FaceDetector
    from benchmark.data.tracks.source import TrackSource


# Keys that sets did not have at first; at these defaults they change nothing, and files in the cache keep their names.
ADDED_KEYS = [("regression", None), ("valence_arousal", False), ("region", "square")]


def source(data: AnyData) -> "TrackSource":
    """The reader of raw tracks for a kind of pre-training data.

    Raises:
        UsageError: no folder of raw files given.
    """
    match data:
        case SyntheticData():
            from benchmark.data.synthetic import SyntheticTracks

            return SyntheticTracks(
                size=data.size,
                identities=data.identities,
                tracks_per_identity=data.tracks_per_identity,
                frames_per_track=data.frames_per_track,
                seed=data.seed,
                version=data.version,
            )
        case VideoData():
            from benchmark.data.tracks.videos import VideoFolder

            return VideoFolder(
                _root(data),
                fps=data.fps,
                size=data.size,
                tighten=data.tighten,
                max_frames=data.max_frames,
                detector=_detector(data),
            )
        case FrameData():
            from benchmark.data.tracks.frames import FrameFolder

            return FrameFolder(_root(data), size=data.size, tighten=data.tighten, detector=_detector(data))
        case ConcatData():
            from benchmark.data.tracks.concat import Concat

            return Concat([source(part) for part in data.parts])
        case VoxCelebData():
            return _voxceleb(data)
        case TrackReader():
            return data
    raise TypeError(f"no reader for {type(data).__name__}")


def _root(data: VideoData | FrameData) -> Path:
    if data.root is None:
        raise UsageError(f"data={data.kind} needs data.root=DIR, the folder of raw files")
    return Path(data.root)


def _voxceleb(data: VoxCelebData) -> "TrackSource":
    from benchmark.data.tracks.voxceleb import VoxCeleb, locate_clips, locate_frames, locate_metadata

    root = Path(data.root) if data.root else None
    vox1 = Path(data.vox1) if data.vox1 else locate_frames(root) if root else None
    vox2 = Path(data.vox2) if data.vox2 else locate_clips(root) if root else None
    if vox1 is None and vox2 is None:
        if root is not None:
            raise DataError(f"{root}: neither unzippedFaces/ of VoxCeleb1 nor dev/mp4/ of VoxCeleb2 in it")
        raise UsageError("data=voxceleb needs root=DIR, the folder of both sets, or data.vox1=DIR and data.vox2=DIR")
    return VoxCeleb(
        vox1,
        vox2,
        Path(data.vox1_meta) if data.vox1_meta else locate_metadata("vox1_meta.csv", vox1, root),
        Path(data.vox2_meta) if data.vox2_meta else locate_metadata("vox2_meta.csv", vox2, root),
        data.fps,
        data.size,
        crop=data.crop,
        max_frames=data.max_frames,
        detector=_detector(data),
    )


def _detector(data: VideoData | FrameData | VoxCelebData) -> "FaceDetector | None":
    from benchmark.data.tracks.detector import FaceDetector

    return FaceDetector(Path(data.detector)) if data.detector else None


def store_folder(data: AnyData, cache: str) -> Path:
    """Folder of the packed track store: ``data.store``, or one in the cache named by all that decides its content.

    Raises:
        UsageError: as `source`.
        DataError: a source of the user's own that cannot be described.
    """
    if data.store is not None:
        return Path(data.store)
    from benchmark.data.own import description

    parts: Sequence[AnyData] = data.parts if isinstance(data, ConcatData) else [data]
    folders = [getattr(part, key, None) for part in parts for key in ("root", "vox1", "vox2")]
    resolved = [str(Path(folder).resolve()) for folder in folders if folder is not None]
    key = digest([description(source(data)), resolved, data.split_seed, data.jpeg_quality])
    return Path(cache, "tracks", f"{data.name}-{key[:10]}")


def set_folder(cache: str) -> Path:
    """Folder of the labelled sets in the cache."""
    return Path(cache, "faces")


def set_config(config: Config, name: str) -> AnyFaces:
    """The settings of a labelled set; one made of tracks has the store of the pre-training data unless given another.

    Raises:
        UsageError, DataError: data whose store cannot be named.
    """
    settings = config.sets[name]
    if isinstance(settings, TrackFaces) and settings.store is None:
        return replace(settings, store=str(store_folder(config.data, config.cache)))
    return settings


def check_set(name: str, config: AnyFaces) -> None:
    """Refuse a labelled set without its files, without listing its images.

    Raises:
        UsageError: a set read from files without its folder.
        DataError: the folder does not hold the set.
    """
    _refuse_missing_root(name, config)
    if isinstance(config, FaceSet):
        from benchmark.data.own import find_own

        find_own(name, config)
    elif not isinstance(config, SyntheticFaces):
        from benchmark.data.sets import module_of

        module_of(config.kind).find(config)


def set_made(name: str, config: AnyFaces, cache: str) -> bool:
    """Whether a labelled set is in the cache. Its images are listed only where a set of its name is there.

    Raises:
        UsageError, DataError: as `check_set`.
    """
    if next(set_folder(cache).glob(f"{name}-*.arrow"), None) is None:
        check_set(name, config)
        return False
    return set_file(name, config, cache).is_file()


def set_file(name: str, config: AnyFaces, cache: str) -> Path:
    """Path of a labelled set in the cache, named by all that decides its content.

    For a set read from files that is its settings and the names, sizes and times of the files.

    Raises:
        UsageError, DataError: as `check_set`.
    """
    _refuse_missing_root(name, config)
    settings = set_settings(name, config)
    if isinstance(config, FaceSet):
        from benchmark.data.own import fingerprint

        return _set_path(name, cache, [settings, fingerprint(name, config)])
    if isinstance(config, SyntheticFaces):
        from benchmark.data.synthetic import VERSION
        from benchmark.data.synthetic.version import head_digest

        origin: list[object] = [VERSION, head_digest()]
    else:
        from benchmark.data.sets import module_of

        module = module_of(config.kind)
        origin = [module.VERSION, *module.find(config).fingerprint()]
    return _set_path(name, cache, [settings, origin])


def _set_path(name: str, cache: str, content: list[object]) -> Path:
    return set_folder(cache) / f"{name}-{digest(content)[:10]}.arrow"


def set_settings(name: str, config: AnyFaces) -> dict[str, Any]:
    """The settings that decide the content of a labelled set, together with its files."""
    settings = {key: value for key, value in asdict(config).items() if (key, value) not in ADDED_KEYS}
    if isinstance(config, CsvFaces):  # whose files in the cache have always been named so
        del settings["kind"]
        settings["name"] = name
    if isinstance(config, FaceSet):
        del settings["kind"]  # a path, say: the code counts instead
    return settings


def _refuse_missing_root(name: str, config: AnyFaces) -> None:
    if isinstance(config, FaceFolder) and config.root is None:
        raise UsageError(f"sets.{name}.root=DIR is missing: its folder, or root=DIR for the folder of all sets")


def make_set(name: str, config: AnyFaces, cache: str, workers: int, progress: Callable[..., None]) -> Path:
    """The file of a labelled set in the cache, made if it is not there yet."""
    path = set_file(name, config, cache)
    if not path.is_file():
        read_set(name, config, cache, workers, progress).save(path)
    return path


def read_set(name: str, config: AnyFaces, cache: str, workers: int, progress: Callable[..., None]) -> "LabelledSet":
    """A labelled set made anew from its own files; its frames are in an unnamed file in the cache."""
    if isinstance(config, SyntheticFaces):
        from benchmark.data.synthetic import labelled_faces

        settings = {key: value for key, value in asdict(config).items() if key != "kind"}
        return labelled_faces(**settings, workers=workers, progress=progress)
    from benchmark.data.faces.build import build_set
    from benchmark.data.sets import module_of

    scratch = set_folder(cache)
    scratch.mkdir(parents=True, exist_ok=True)
    if isinstance(config, FaceSet):
        from benchmark.data.own import read_own

        return read_own(name, config, progress, scratch)
    module = module_of(config.kind)
    try:
        raw = module.read(config)
    except UsageError as error:
        raise UsageError(f"sets.{name}: {error}") from error
    raw.protocol |= {"reader": config.kind, "version": module.VERSION}
    val_fraction = 0.0 if isinstance(config, TrackFaces) else config.val_fraction  # it gives a val itself
    return build_set(raw, name, config.size, config.seed, val_fraction, progress, scratch)
