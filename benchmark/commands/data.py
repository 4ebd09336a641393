"""`fabbench data`: the data sets, and a contact sheet of one of them."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.commands._settings import refuse_unused, set_keys
from benchmark.errors import UsageError, suggestion

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from benchmark.data.faces.labelled_set import LabelledSet
    from plugins import Registry

NAME = "data"
SUMMARY = "list the data sets; `data show NAME` draws one and prints its figures"
EXAMPLES = """
  fabbench data
  fabbench data data=./mine.py sets.mine.kind=./faces.py    with a source and a set of your own
  fabbench data show synthetic                      contact sheet, and the realism readings beside real faces
  fabbench data show synthetic data.version=1       with the readings of version 1 of the built-in tracks
  fabbench data show tracks data=videos data.store=/data/vox2-packed
"""
WORDS = "[show NAME]"
SETTINGS = ("data", "sets", "task", "cache", "out")
FOR_LAUNCHED = False

TRACKS = "tracks"  # NAME of the track store
TRACKS_MEASURED = 120  # built-in tracks whose realism is read


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.config.sets import SyntheticFaces

    match arguments.words:
        case []:
            refuse_unused("data", ("data", "sets", "task"), arguments.settings)
            _list(config)
        case ["show"]:
            raise UsageError(f"name what to show: {', '.join([*config.sets, TRACKS])}")
        case ["show", name]:
            used: tuple[str, ...] = ("data",) if name == TRACKS else set_keys([name], config)
            if isinstance(config.sets.get(name), SyntheticFaces):
                used += tuple(f"data.{key}" for key in ("version", "seed", "identities", "frames_per_track"))
            refuse_unused(f"data show {name}", (*used, "cache", "out"), arguments.settings)
            _show(name, config)
        case ["show", *_]:
            raise UsageError("`fabbench data show` takes one NAME")
        case [word, *_]:
            raise UsageError(f"`fabbench data` takes `show NAME` or nothing, not {word!r}{suggestion(word, ['show'])}")
    return 0


def _list(config: "Config") -> None:
    """Prints the kinds of pre-training data and the labelled sets of the configuration, and what is installed."""
    from benchmark.config.data import DATA_KINDS
    from benchmark.config.own import SETS, SOURCES, TrackReader

    print("to pre-train on (data=KIND):")
    for kind, schema in {**DATA_KINDS, **_installed(SOURCES)}.items():
        print(f"  {kind:<22} {_summary(schema)}")
    if isinstance(config.data, TrackReader):
        print(f"  {config.data.kind:<22} {_summary(config.data)}")
    print("to probe on (tasks of these sets; `fabbench data show NAME`):")
    for name, faces in sorted(config.sets.items()):
        tasks = [task for task, settings in config.task.items() if settings.set == name]
        print(f"  {name:<22} {_summary(faces)}  tasks: {', '.join(sorted(tasks)) or 'none'}")
    for kind, own in _installed(SETS).items():
        print(f"  sets.NAME.kind={kind:<7} {_summary(own)}")


def _installed(registry: "Registry[Any]") -> dict[str, Any]:
    """The classes of installed packages by name.

    Raises:
        UsageError: one cannot be imported.
    """
    from importlib.metadata import entry_points

    from plugins import PluginError

    try:
        return {entry.name: registry.get(entry.name) for entry in entry_points(group=registry.group)}
    except PluginError as error:
        raise UsageError(str(error)) from error


def _summary(described: object) -> str:
    return (described.__doc__ or "").splitlines()[0]


def _show(name: str, config: "Config") -> None:
    folder = Path(config.out).parent / "data"
    if name == TRACKS:
        _show_tracks(config, folder)
    elif name in config.sets:
        _show_faces(name, config, folder)
    else:
        raise UsageError(f"unknown set {name!r}{suggestion(name, [*config.sets, TRACKS])}")


def _show_tracks(config: "Config", folder: Path) -> None:
    from benchmark.data import catalogue
    from benchmark.data.tracks.store import TrackStore
    from benchmark.viz.contact_sheet import track_sheet

    store = catalogue.store_folder(config.data, config.cache)
    path = folder / f"{config.data.name}-tracks.png"
    track_sheet(TrackStore(store), path)
    print(f"sheet: {path}  (store: {store})")


def _show_faces(name: str, config: "Config", folder: Path) -> None:
    from benchmark.data import catalogue
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.faces.summary import summary, table
    from benchmark.progress import data_progress
    from benchmark.viz.contact_sheet import contact_sheet
    from slurm.env import available_cores

    with data_progress(f"faces: {name}") as progress:
        settings = catalogue.set_config(config, name)
        faces = LabelledSet.load(catalogue.make_set(name, settings, config.cache, available_cores(), progress))
    print(table(summary(faces)))
    if faces.protocol.get("source", "").startswith("built-in"):
        _print_realism(name, faces, config)
    path = folder / f"{name}.png"
    contact_sheet(faces, path)
    print(f"sheet: {path}")


def _print_realism(name: str, faces: "LabelledSet", config: "Config") -> None:
    """Prints the readings of the built-in faces, and those of the built-in tracks."""
    from benchmark.config.data import SyntheticData
    from benchmark.data.synthetic import SyntheticTracks, realism, track_realism
    from benchmark.progress import data_progress
    from slurm.env import available_cores

    data = config.data if isinstance(config.data, SyntheticData) else SyntheticData()
    source = SyntheticTracks(
        identities=data.identities, frames_per_track=data.frames_per_track, seed=data.seed, version=data.version
    )
    with data_progress("tracks") as progress:
        tracks = source.sample(TRACKS_MEASURED, available_cores(), progress)
    measured, within = realism.readings(faces), track_realism.readings(tracks)
    print(realism.table(measured, name))
    print(f"\nbuilt-in tracks, version {data.version}: {len(tracks)} of {data.frames_per_track} frames")
    print(track_realism.table(within, f"version {data.version}"))
    problems = realism.check(measured) + track_realism.check(within)
    print("\n".join(problems) or "every reading lies in its range")
