"""`fabbench verify`: check a track store against its checksums, or a labelled set against its protocol."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from benchmark.commands import only_word
from benchmark.commands._settings import refuse_unused, set_keys
from benchmark.errors import UsageError, suggestion

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "verify"
SUMMARY = "check a track store against its checksums, or a labelled set against its protocol"
EXAMPLES = """
  fabbench verify data=videos data.store=/data/vox2-packed
  fabbench verify w300 sets.w300.root=/data/300w    counts, images, labels; writes a JSON report
  fabbench verify w300 root=/data data.size=256 cache=/scratch/cache    and the copy in the cache, at this size
"""
WORDS = "[SET]"
SETTINGS = ("data", "sets", "cache")
FOR_LAUNCHED = False


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    if not arguments.words:
        refuse_unused("verify", ("data", "cache"), arguments.settings)
        return _verify_tracks(config)
    name = only_word(arguments, "SET")
    refuse_unused(f"verify {name}", (*set_keys([name], config), "cache"), arguments.settings)
    return _verify_set(name, config)


def _verify_tracks(config: "Config") -> int:
    from benchmark.data import catalogue
    from benchmark.data.tracks.verify import verify
    from benchmark.progress import data_progress
    from slurm.env import available_cores

    folder = catalogue.store_folder(config.data, config.cache)
    with data_progress(f"verify: {folder}") as progress:
        report = verify(folder, workers=available_cores(), progress=progress)
    for problem in report.problems:
        print(problem)
    verdict = "sound" if report.ok else f"{len(report.problems)} problem(s); remove the store and prepare it anew"
    print(f"{folder}: {report.tracks} tracks, {report.frames} frames, {report.shards} shards: {verdict}")
    return 0 if report.ok else 1


def _verify_set(name: str, config: "Config") -> int:
    from benchmark.data.catalogue import set_config
    from benchmark.data.faces.summary import table
    from benchmark.data.verify_set import verify_set
    from benchmark.progress import data_progress
    from slurm.env import available_cores

    if name not in config.sets:
        raise UsageError(f"unknown set {name!r}{suggestion(name, config.sets)}")
    with data_progress(f"verify: {name}") as progress:
        report = verify_set(name, set_config(config, name), config.cache, available_cores(), progress)
    print(table(report.summary))
    for problem in report.problems:
        print(f"problem: {problem}")
    verdict = f"{len(report.problems)} problem(s)" if report.problems else "sound"
    if not report.cached:
        print(f"{name}: not in {config.cache} at {config.sets[name].size} px; `fabbench prepare {name}` makes it")
    print(f"{name}: {verdict}  (report: {report.path})")
    return 1 if report.problems else 0
