"""`fabbench data`: what data sets there are, and a look at one of them."""

from pathlib import Path

from benchmark.config.schema import DATA_KINDS, SET_KINDS, Config
from benchmark.data import catalogue
from benchmark.errors import UsageError, suggestion
from benchmark.pipeline.pipeline import cores
from benchmark.progress import data_progress

TRACKS = "tracks"


def listing(config: Config) -> None:
    """Prints the kinds of pre-training data and the labelled sets of the configuration."""
    print("to pre-train on (data=KIND):")
    for kind, schema in DATA_KINDS.items():
        print(f"  {kind:<22} {(schema.__doc__ or '').splitlines()[0]}")
    print("to probe on (tasks of these sets; `fabbench data show NAME`):")
    for name, values in sorted(config.sets.items()):
        tasks = [task for task, about in config.task.items() if about.set == name]
        about = SET_KINDS[values["kind"]].__doc__ if values.get("kind") in SET_KINDS else values.get("kind")
        print(f"  {name:<22} {about}  tasks: {', '.join(sorted(tasks)) or 'none'}")


def show(name: str, config: Config) -> None:
    """Draws the labelled set ``name`` and prints its figures, or draws the track store for ``tracks``.

    Raises:
        UsageError: no such set.
    """
    folder = Path(config.out).parent / "data"
    if name == TRACKS:
        _show_tracks(config, folder)
    elif name in config.sets:
        _show_faces(name, config, folder)
    elif name:
        raise UsageError(f"unknown set {name!r}{suggestion(name, [*config.sets, TRACKS])}")
    else:
        raise UsageError(f"name what to show: {', '.join([*config.sets, TRACKS])}")


def verify(name: str, config: Config) -> int:
    """Checks the labelled set ``name``; 1 if something is wrong with it.

    Raises:
        UsageError: no such set.
    """
    from benchmark.data.faces.summary import table
    from benchmark.data.verify_set import verify_set

    if name not in config.sets:
        raise UsageError(f"unknown set {name!r}{suggestion(name, config.sets)}")
    with data_progress(f"verify: {name}") as progress:
        found = verify_set(name, config.sets[name], config.cache, cores(), progress)
    print(table(found.told))
    for problem in found.problems:
        print(f"problem: {problem}")
    state = "sound" if not found.problems else f"{len(found.problems)} problem(s)"
    print(f"{name}: {state}  (report: {found.report})")
    return 1 if found.problems else 0


def _show_tracks(config: Config, folder: Path) -> None:
    from benchmark.data.tracks.store import TrackStore
    from benchmark.viz.contact_sheet import track_sheet

    store = catalogue.store_folder(config.data, config.cache)
    path = folder / f"{config.data.name}-tracks.png"
    track_sheet(TrackStore(store), path)
    print(f"sheet: {path}  (store: {store})")


def _show_faces(name: str, config: Config, folder: Path) -> None:
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.faces.summary import summary, table
    from benchmark.data.synthetic.realism import check, readings
    from benchmark.data.synthetic.realism import table as realism_table
    from benchmark.viz.contact_sheet import contact_sheet

    with data_progress(f"faces: {name}") as progress:
        faces = LabelledSet.load(catalogue.make_set(name, config.sets[name], config.cache, cores(), progress))
    print(table(summary(faces)))
    if faces.protocol.get("source", "").startswith("built-in"):
        found = readings(faces)
        print(realism_table(found, name))
        print("\n".join(check(found)) or "every reading lies in its range")
    path = folder / f"{name}.png"
    contact_sheet(faces, path)
    print(f"sheet: {path}")
