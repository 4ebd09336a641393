"""The interface of fab-bench in Python; each name is also one of the package `benchmark`.

Everything here raises `FabbenchError`, with a message of one line, for what its user can correct. torch is imported
by `load_encoder` and by runs, and by nothing else.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.errors import DataError, FabbenchError, UsageError, first_line, suggestion
from benchmark.files import read_json
from benchmark.pipeline.plan import Plan, Summary

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.tracks.pack import Progress
    from benchmark.data.tracks.source import TrackSource
    from benchmark.data.tracks.store import TrackStore
    from benchmark.pipeline.frozen import Encoder

__all__ = [
    "Encoder",
    "FabbenchError",
    "Summary",
    "build_labelled_set",
    "load_encoder",
    "pack_tracks",
    "read_cells",
    "run",
]

Folder = str | os.PathLike[str]


def run(settings: Mapping[str, Any] | Iterable[str] = (), *, config_dir: Folder | None = None) -> Summary:
    """Trains, probes and tabulates a benchmark, as `fabbench run` does; what is done already is not done again.

    Data are prepared by several processes, so that a script calls this below ``if __name__ == "__main__":``.

    Args:
        settings: of the benchmark: words such as ``"train.steps=40"``, or their values by key.
        config_dir: a folder of your own config groups, as `--config-dir`.

    Returns:
        The benchmark's folder, its failed runs, and what was submitted where the launcher is a cluster's.

    Raises:
        FabbenchError: settings, data or a cluster that cannot be used. A run that fails does not raise, and is a gap
            in the tables.
    """
    return Plan.of(_load(settings, config_dir)).run()


def read_cells(benchmark: Folder, *, head: str | None = None) -> pd.DataFrame:
    """The cells of a benchmark's tables, from what its runs have left on disk so far.

    Args:
        benchmark: folder of the benchmark, such as ``results/runs/default``, or a file by
            `fabbench tables --format json`.
        head: the probe head whose scores are read; default: that of the launch. A file has those of one head.

    Returns:
        A row for each metric of a task and a row of the tables: benchmark, variant, kind, task, metric, unit, head,
        mean and std over seeds (missing where there are no values), low and high of the 95 % interval over seeds and
        test people (missing where it is not known), the lists values, seeds and runs, encoder, width,
        size and dim of the embedding (`probes.tables.encoders.Embedding`), and trained_on, what the weights of a
        pretrained row have seen; this is not in files.

    Raises:
        UsageError: no such benchmark, or a head that no run was probed with.
        DataError: a record or file that cannot be read.
    """
    from benchmark.pipeline.benchmark_record import BenchmarkRecord
    from benchmark.pipeline.results import read_cells, read_probes
    from probes.tables.cells import Cell
    from probes.tables.encoders import Embedding

    columns = list(Cell.__annotations__)
    path = Path(benchmark)
    if path.is_file():
        return _cells_in_file(path, columns, later=["low", "high", *Embedding.__annotations__])
    record = BenchmarkRecord.read(path)
    default = record.config.get("probe", {}).get("table_head", "exact")
    known = {name for scores in read_probes(path, record) for name in scores["heads"]} if head else set()
    if known and head not in known:
        raise UsageError(f"{path}: no run was probed with the head {head!r}{suggestion(str(head), known)}")
    cells = pd.DataFrame(read_cells(path, head or default, record), columns=columns)
    seen = {run.variant: run.trained_on for run in record.runs if run.trained_on}
    return cells.assign(trained_on=[seen.get(variant, "") for variant in cells["variant"]])


def load_encoder(run: Folder, *, device: str = "cpu") -> "Encoder":
    """The frozen encoder of a finished run as a module with its preprocessing.

    Args:
        run: folder of a run, such as ``results/runs/default/synthetic/fabnet/seed0-1b2c...``, or one written by
            `fabbench import`. Methods, floors and pretrained rows have an encoder; ceilings predict labels.
        device: where the module is, ``cpu`` or ``cuda``.

    Returns:
        A `torch.nn.Module` in evaluation mode: images to embeddings.

    Raises:
        UsageError: a ceiling, or a device that is not there.
        DataError: the run is not finished, or cannot be read.
    """
    from benchmark.pipeline.frozen import load_encoder

    encoder = load_encoder(Path(run))
    try:
        return encoder.to(device)
    except (RuntimeError, AssertionError) as error:  # torch's, for an unknown device and without CUDA
        raise UsageError(f"device={device!r} cannot be used ({first_line(error)}); cpu is always there") from error


def pack_tracks(
    source: "TrackSource",
    folder: Folder,
    *,
    split_seed: int = 0,
    jpeg_quality: int = 95,
    workers: int = 1,
    progress: "Progress | None" = None,
) -> "TrackStore":
    """Packs the tracks of a source into a store, or completes one that was interrupted.

    `data.store=FOLDER` makes it the pre-training data of a benchmark, see the documentation's page on data.

    Args:
        source: where the tracks come from: a reader of `benchmark.data.tracks`, or a class of your own.
        folder: of the store; made where it does not exist.
        split_seed: seed of the split of identities into train, val and test.
        jpeg_quality: of the stored frames, 1 to 100.
        workers: processes; with more than one, the source must be picklable.
        progress: called with tracks done, tracks in total and frames stored.

    Raises:
        UsageError: no source, or a number out of range.
        DataError: the source has nothing usable or fails, or the folder holds something else.
    """
    from benchmark.data.own import check_source
    from benchmark.data.tracks.manifest import MANIFEST
    from benchmark.data.tracks.pack import TrackPacker
    from benchmark.data.tracks.store import TrackStore

    if missing := [name for name in ("size", "describe", "tracks", "read") if not hasattr(source, name)]:
        raise UsageError(f"source: {type(source).__name__} has no {missing[0]!r}; give a `TrackSource`")
    if not 1 <= jpeg_quality <= 100:
        raise UsageError(f"jpeg_quality={jpeg_quality} must be 1 to 100")
    if workers < 1:
        raise UsageError(f"workers={workers} must be 1 or more")
    if not Path(folder, MANIFEST).is_file():
        check_source(source)
    packer = TrackPacker(source, Path(folder), split_seed=split_seed, jpeg_quality=jpeg_quality)
    packer.pack(workers=workers, progress=progress)
    return TrackStore(Path(folder))


def build_labelled_set(
    name: str, settings: Mapping[str, Any], *, cache: Folder = "results/cache", workers: int = 1
) -> "LabelledSet":
    """A labelled set, made in the cache unless it is there already.

    Args:
        name: of the set.
        settings: those of `sets.NAME` in a configuration: its kind and the keys of that kind.
        cache: folder in which the set is kept; a benchmark with the same settings and cache does not make it again.
        workers: processes that render built-in faces.

    Raises:
        UsageError: settings that make no set.
        DataError: files that are missing or cannot be used.
    """
    from benchmark.data import catalogue
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.progress import data_progress

    if not isinstance(settings, Mapping):
        raise UsageError(f"settings: give a mapping such as {{'kind': 'w300', 'root': DIR}}, not {settings!r}")
    faces = catalogue.set_config(_load({f"sets.{name}": dict(settings)}, None), name)
    with data_progress(f"faces: {name}") as progress:
        return LabelledSet.load(catalogue.make_set(name, faces, str(cache), workers, progress))


def _load(settings: Mapping[str, Any] | Iterable[str], config_dir: Folder | None) -> "Config":
    from benchmark.config.load import load
    from benchmark.config.overrides import setting_of

    if isinstance(settings, str) or not isinstance(settings, Iterable):
        raise UsageError(f"settings: give a list of words or a mapping, not {settings!r}")
    if isinstance(settings, Mapping):
        settings = [setting_of(key, value) for key, value in settings.items()]
    settings = list(settings)
    if wrong := [word for word in settings if not isinstance(word, str)]:
        raise UsageError(f"settings: {wrong[0]!r} is no text such as 'train.steps=40'")
    return load(settings, config_dir=None if config_dir is None else os.fspath(config_dir))


def _cells_in_file(path: Path, columns: list[str], later: list[str]) -> pd.DataFrame:
    """The cells in a file; the ``later`` columns are missing in one by an earlier version."""
    try:
        cells = pd.DataFrame(read_json(path))
        return cells.reindex(columns=[*cells.columns, *(key for key in later if key not in cells)])[columns]
    except (ValueError, KeyError, OSError) as error:
        raise DataError(f"{path}: no file by fabbench tables --format json, or cut short") from error


def __getattr__(name: str) -> Any:
    if name != "Encoder":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from benchmark.pipeline.frozen import Encoder

    return Encoder
