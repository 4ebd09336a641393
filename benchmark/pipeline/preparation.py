"""Data of a benchmark before its runs: the packed track store and the labelled sets, checked, made or found made."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.data import SyntheticData
from benchmark.config.schema import Config
from benchmark.config.sets import TrackFaces
from benchmark.config.variants import Variant
from benchmark.data import catalogue
from benchmark.data.catalogue import set_config
from benchmark.data.split import SPLITS, split_identities
from benchmark.errors import DataError, UsageError, suggestion
from benchmark.pipeline.run_spec import SetFile
from benchmark.progress import data_progress
from probes.target import COMPARED, RETRIEVAL
from slurm.env import available_cores

if TYPE_CHECKING:
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.tracks.pack import TrackPacker


UNKNOWN = "unknown"  # hash of data that are not prepared yet


@dataclass(frozen=True)
class PreparedData:
    """The data that runs are trained and probed on."""

    store: Path
    store_hash: str
    longest_track: int  # frames
    sets: dict[str, SetFile]  # labelled sets by name


# -- all data of a benchmark -------------------------------------------------------------------------------------------


def check_data(config: Config, variants: dict[str, Variant]) -> None:
    """Looks for mistakes that can be seen before any data are made.

    Raises:
        UsageError: settings that make no data, data of different sizes, or tracks too short for a variant's samples.
        DataError: raw data that are missing, or a store that cannot be read.
    """
    from benchmark.data.own import check_source
    from benchmark.data.tracks.manifest import read_manifest

    size = config.data.size
    for name in set_names(config):
        if (set_size := config.sets[name].size) != size:
            raise UsageError(f"set {name} holds {set_size} px faces, data.size={size}; make them the same")
    if not tracks_ready(config):
        check_source(catalogue.source(config.data))
    elif (store_size := read_manifest(track_store(config))["size"]) != size:
        store = track_store(config)
        raise UsageError(
            f"the track store {store} holds {store_size} px frames; set data.size={store_size}, not {size}"
        )
    if isinstance(config.data, SyntheticData):
        check_track_length(variants, config.data.frames_per_track)


def check_track_length(variants: dict[str, Variant], longest: int) -> None:
    """Refuses variants whose samples need more frames than the longest track has.

    Raises:
        UsageError: there is such a variant.
    """
    for variant in variants.values():
        if variant.kind == "method" and variant.frames > longest:
            raise UsageError(f"{variant.name} needs {variant.frames} frames of one track; the longest has {longest}")


def prepare_data(config: Config) -> PreparedData:
    """Makes the labelled sets and the track store, or finds them made.

    Raises:
        UsageError: a set without a task's target.
        DataError: data that cannot be made or read, or a split of a set without a label of a task.
    """
    names = set_names(config)
    of_tracks = [name for name in names if isinstance(config.sets[name], TrackFaces)]
    sets = prepare_sets(config, [name for name in names if name not in of_tracks])
    prepare_tracks(config)
    sets |= prepare_sets(config, of_tracks)
    return _prepared(config, {name: sets[name] for name in names})


def find_data(config: Config) -> PreparedData | None:
    """The data where all are prepared; writes nothing.

    Raises:
        UsageError: a set without a task's target.
        DataError: data that cannot be read, or a split of a set without a label of a task.
    """
    if sets_to_make(config) or not tracks_ready(config):
        return None
    paths = set_files(config)
    return _prepared(config, {name: _checked_set(config, name, path, note=False) for name, path in paths.items()})


def unknown_data(config: Config) -> PreparedData:
    """Stands for data that are not prepared yet."""
    sets = {name: SetFile(Path(name), UNKNOWN) for name in set_names(config)}
    return PreparedData(track_store(config), UNKNOWN, sys.maxsize, sets)


def describe_data(config: Config) -> list[str]:
    """The state of the track store and of each labelled set, a line each."""
    missing = sets_to_make(config)
    return [
        describe_tracks(config),
        *(f"faces    {name}: {'to be made' if name in missing else 'ready'}" for name in set_names(config)),
    ]


def _prepared(config: Config, sets: dict[str, SetFile]) -> PreparedData:
    from benchmark.data.tracks.store import TrackStore

    store = TrackStore(track_store(config))
    longest = int(store.n_frames().max(initial=0))
    return PreparedData(track_store(config), store.manifest["hash"], longest, sets)


# -- labelled sets -----------------------------------------------------------------------------------------------------


def set_names(config: Config) -> list[str]:
    """Labelled sets of the benchmark's tasks."""
    return list(dict.fromkeys(config.task[task].set for task in config.tasks))


def set_files(config: Config) -> dict[str, Path]:
    """Files of the labelled sets by name, whether made or not."""
    return {name: catalogue.set_file(name, set_config(config, name), config.cache) for name in set_names(config)}


def sets_to_make(config: Config) -> list[str]:
    """Those of the benchmark's labelled sets that are not in the cache.

    Raises:
        UsageError: a set without its folder.
        DataError: a folder does not hold the set.
    """
    return [
        name
        for name in set_names(config)
        if waits_for_tracks(config, name) or not catalogue.set_made(name, set_config(config, name), config.cache)
    ]


def waits_for_tracks(config: Config, name: str) -> bool:
    """Whether a labelled set is made of the benchmark's tracks, and these are not prepared yet."""
    settings = config.sets[name]
    return isinstance(settings, TrackFaces) and settings.store is None and not tracks_ready(config)


def prepare_sets(config: Config, names: Sequence[str]) -> dict[str, SetFile]:
    """Makes labelled sets, or finds them made; returns their files by name.

    Raises:
        UsageError: a set without a task's target.
        DataError: a set cannot be made or read, or a split of it has no label of a task.
    """
    files = {}
    for name in names:
        with data_progress(f"faces: {name}") as progress:
            path = catalogue.make_set(name, set_config(config, name), config.cache, available_cores(), progress)
        files[name] = _checked_set(config, name, path, note=True)
    return files


def data_warnings(data: PreparedData) -> list[str]:
    """Reasons why scores on these data may not compare with others', or with each other."""
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.faces.summary import warnings
    from benchmark.data.tracks.leakage import overlap

    lines = []
    for name, file in data.sets.items():
        faces = LabelledSet.load(file.path)
        lines += [f"set {name}: {line}" for line in warnings(faces)]
        if (leak := overlap(faces, data.store)) is not None:
            lines.append(leak)
    return lines


def _checked_set(config: Config, name: str, path: Path, note: bool) -> SetFile:
    """A labelled set with a known label of every task in every split.

    Args:
        config: of the benchmark.
        name: of the set.
        path: its file.
        note: whether to note beside the file that its content has been checked.
    """
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.faces.people import faces_of_task

    faces = LabelledSet.load(path, write_note=note)
    for task in config.tasks:
        if config.task[task].set == name:
            target = config.task[task].target
            _check_task(task, target, faces_of_task(faces, target))
    return SetFile(path, faces.hash)


def _check_task(task: str, target: str, faces: "LabelledSet") -> None:
    if target == RETRIEVAL:
        _check_retrieval(task, faces)
        return
    if target not in faces.targets:
        raise UsageError(f"task {task}: set {faces.name} has no target {target!r}{suggestion(target, faces.targets)}")
    known = faces.targets[target].known
    for split in SPLITS:
        if not known[faces.indices(split)].any():
            raise DataError(f"task {task}: no {split} face of set {faces.name} has a known value of {target}")


def _check_retrieval(task: str, faces: "LabelledSet") -> None:
    if RETRIEVAL in faces.targets:
        raise UsageError(
            f"task {task}: set {faces.name} has a target named {RETRIEVAL}, which stands for all of them; rename it"
        )
    if not any(target.kind in COMPARED for target in faces.targets.values()):
        raise UsageError(
            f"task {task}: set {faces.name} has no head pose, classes or action units, which retrieved faces are "
            f"compared by; it has {', '.join(faces.targets)}"
        )
    people = None if faces.identity is None else set(faces.identity[faces.indices("test")].tolist())
    if people is not None and len(people) == 1 and "" not in people:
        raise DataError(f"task {task}: all test faces of set {faces.name} are of one person; retrieval needs others")


# -- the track store ---------------------------------------------------------------------------------------------------


def track_store(config: Config) -> Path:
    """Folder of the packed track store."""
    return catalogue.store_folder(config.data, config.cache)


def tracks_ready(config: Config) -> bool:
    """Whether the track store is finished."""
    from benchmark.data.tracks.manifest import MANIFEST

    return (track_store(config) / MANIFEST).is_file()


def describe_tracks(config: Config) -> str:
    """The state of the track store, in one line."""
    from benchmark.data.tracks.slices import slices_done

    done = slices_done(track_store(config))
    unfinished = f"{sum(done)} of {len(done)} slices are done" if done else "to be prepared"
    return f"tracks   {track_store(config)}: {'ready' if tracks_ready(config) else unfinished}"


def n_training_tracks(config: Config) -> int | None:
    """Number of tracks to train on, as far as it is known without reading raw data; None: not known yet.

    Of tracks that are listed and not packed yet, it includes those that will turn out to be unusable.
    """
    from benchmark.data.tracks.format import TRACK_LIST, UNFINISHED, read_track_list
    from benchmark.data.tracks.plan import PackPlan
    from benchmark.data.tracks.store import TrackStore

    if tracks_ready(config):
        return len(TrackStore(track_store(config)).tracks("train"))
    if plan := PackPlan.read(track_store(config)):
        tracks = read_track_list(track_store(config) / UNFINISHED / TRACK_LIST, 0, plan.tracks)
    elif isinstance(config.data, SyntheticData):
        tracks = catalogue.source(config.data).tracks()
    else:
        return None
    people = [track.identity for track in tracks]
    split_of = split_identities(people, config.data.split_seed)
    return sum(split_of[person] == "train" for person in people)


def track_packer(config: Config) -> "TrackPacker":
    """Packs the configuration's raw tracks into its store.

    Raises:
        UsageError: data without a folder of raw files.
    """
    from benchmark.data.tracks.pack import TrackPacker

    data = config.data
    source = catalogue.source(data)
    return TrackPacker(source, track_store(config), split_seed=data.split_seed, jpeg_quality=data.jpeg_quality)


def prepare_tracks(config: Config) -> dict[str, Any]:
    """Packs all tracks with a process a core, or finds them packed; returns the store's manifest.

    A finished store is compared with its raw data where these are known.
    """
    from benchmark.data.tracks.store import TrackStore

    if tracks_ready(config) and config.data.kind != "synthetic" and config.data.root is None:
        return TrackStore(track_store(config)).manifest
    with data_progress(f"tracks: {config.data.name}") as progress:
        return track_packer(config).pack(workers=available_cores(), progress=progress)


def tracks_report(config: Config, manifest: dict[str, Any]) -> list[str]:
    """Contents of a finished store, tracks and frames left out of it, and how to use it."""
    from benchmark.data.tracks.summary import summarise

    folder = track_store(config)
    settings = f"data={config.data.kind} data.store={folder} data.size={manifest['size']}"
    return [*summarise(manifest), f"store: {folder}  (use it with {settings})"]
