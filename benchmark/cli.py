"""`fabbench COMMAND [key=value ...]`: parses, calls, and turns mistakes into one line and an exit code."""

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from benchmark import __version__
from benchmark.errors import ClusterError, FabbenchError, UsageError, suggestion
from slurm.commands import SlurmError

WATCH_SECONDS = 5.0

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from benchmark.pipeline.pipeline import Summary

OVERRIDES = """
key=value sets one key of the configuration; the most used are
  preset=default|quick|FILE.yaml   the benchmark to start from        methods=fabnet,./mine.py  the rows
  data=synthetic|videos|frames|voxceleb|joined  to pre-train on         tasks=synthetic-pose,...  what to probe
  data.root=DIR  data.store=DIR    raw files; the packed store        seeds=3 or seeds=[0,1,5]  repetitions
  train.steps=N  train.lr=X        the budget, the same for all       launcher=inline|local|slurm  where it runs
  out=DIR                          run folders (results/runs)         name=NAME                 of the benchmark
`fabbench run --cfg` prints every key with its value."""


@dataclass(frozen=True)
class Command:
    """One command: what it does, how it is used, and the function that does it."""

    act: Callable[[argparse.Namespace], int]
    summary: str
    examples: str
    dry_run: bool = False


def run(arguments: argparse.Namespace) -> int:
    """Runs a benchmark to its tables."""
    from benchmark.pipeline import pipeline
    from benchmark.pipeline.results import render
    from benchmark.progress import say

    config = _config(arguments)
    if arguments.dry_run:
        print("\n".join(pipeline.describe_plan(config)))
        return 0
    summary = pipeline.run(config)
    if summary.submitted is not None:
        print(_submitted(summary, config))
        return 0
    print(render(summary.folder, "text", config.probe.table_head))
    for failure in summary.failed:
        say(f"failed: {failure.name}: {failure.error}  (log: {failure.log})")
    if summary.failed:
        say("the tables show its cells as gaps; the same command tries again only what failed")
    print(f"\nTables, runs and logs are in {summary.folder}  (tables: {summary.folder / 'tables'})")
    return 1 if summary.failed else 0


def _submitted(summary: "Summary", config: "Config") -> str:
    """What has been put into the queue, and what to type next."""
    from benchmark.pipeline import cluster

    assert summary.submitted is not None
    lines = cluster.summarise(summary.submitted)
    which = shlex.join([f"name={config.name}", f"out={config.out}"])
    next_commands = {
        f"fabbench status {which} --watch": "where every run stands",
        f"fabbench logs {which} RUN --follow": "what it prints",
        f"fabbench cancel {which}": "takes all of it out of the queue",
        f"fabbench tables {which}": "what there is of them; complete once all has ended",
    }
    width = max(map(len, next_commands))
    lines += ["", *(f"{command:<{width}}  {what}" for command, what in next_commands.items())]
    return "\n".join([*lines, "The same command again submits only what is missing, failed or lost by then."])


def status(arguments: argparse.Namespace) -> int:
    """Tells where every stage of every run stands; 1 where one has ended badly."""
    from benchmark.commands.status import report
    from benchmark.pipeline import cluster
    from benchmark.progress import console

    config = _config(arguments)
    while True:
        found = report(cluster.folder(config), cluster.JobPaths.of_benchmark(config).ledger)
        if arguments.watch and sys.stdout.isatty():
            console.clear()
        print(found.text(arguments.all), flush=True)
        if not (arguments.watch and found.open):
            return 1 if found.bad else 0
        time.sleep(WATCH_SECONDS)


def logs(arguments: argparse.Namespace) -> int:
    """Prints what jobs have written."""
    from benchmark.commands.logs import show
    from benchmark.pipeline import cluster

    names = _names(arguments)
    if not names:
        raise UsageError("`fabbench logs` needs a run, such as fabnet/seed0; `fabbench status --all` lists them")
    config = _config(arguments)
    show(names, cluster.folder(config), cluster.JobPaths.of_benchmark(config).ledger, arguments.follow)
    return 0


def cancel(arguments: argparse.Namespace) -> int:
    """Takes jobs out of the queue and ends those that run."""
    from benchmark.commands.status import chosen
    from benchmark.pipeline import cluster

    names = _names(arguments)
    config = _config(arguments)
    jobs = chosen(names, cluster.folder(config)) if names else None
    cancelled = cluster.cancel(config, jobs)
    print(f"{len(cancelled)} jobs cancelled" + (f": {', '.join(cancelled)}" if names and cancelled else ""))
    return 0


def prepare(arguments: argparse.Namespace) -> int:
    """Packs raw data into a track store, here or as jobs on a cluster."""
    from benchmark.commands import prepare as prepare_command

    config = _config(arguments)
    if arguments.dry_run:
        lines = prepare_command.describe(config, arguments.parts)
    elif arguments.part:
        lines = prepare_command.prepare_part(config, arguments.part)
    elif config.launcher.kind == "slurm":
        lines = prepare_command.submit(config, arguments.parts)
    else:
        lines = prepare_command.prepare(config)
    print("\n".join(lines))
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Checks a track store byte by byte, or the labelled set that is named."""
    from benchmark.data import catalogue
    from benchmark.data.tracks.verify import verify as check
    from benchmark.pipeline.pipeline import cores
    from benchmark.progress import data_progress

    if arguments.overrides and "=" not in arguments.overrides[0]:
        from benchmark.commands import data as data_command

        return data_command.verify(arguments.overrides.pop(0), _config(arguments))
    config = _config(arguments)
    folder = catalogue.store_folder(config.data, config.cache)
    with data_progress(f"verify: {folder}") as progress:
        found = check(folder, workers=cores(), progress=progress)
    for problem in found.problems:
        print(problem)
    state = "sound" if found.ok else f"{len(found.problems)} problem(s); remove the store and prepare it anew"
    print(f"{folder}: {found.tracks} tracks, {found.frames} frames, {found.shards} shards: {state}")
    return 0 if found.ok else 1


def methods(arguments: argparse.Namespace) -> int:
    """Lists methods with their options, variants, and imported weights."""
    from benchmark.commands.methods import listing

    print("\n".join(listing(_config(arguments))))
    return 0


def import_(arguments: argparse.Namespace) -> int:
    """Makes a pretrained row of released weights."""
    from benchmark.commands.import_weights import import_weights
    from benchmark.config.checks import check_folder_name
    from benchmark.config.load import parse_value

    file = _one_argument(arguments, "FILE")
    config = _config(arguments)
    if arguments.as_ is not None:
        check_folder_name("--as", arguments.as_)
    options = {}
    for setting in arguments.option:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--option {setting}: expected KEY=VALUE")
        options[key] = parse_value(key, text)
    made = import_weights(Path(file), Path(config.imported), arguments.as_, options)
    probe = f", and a probe of {made.probe_outputs} outputs" if made.probe_outputs else ""
    print(f"{made.folder}: {made.method}, {made.parameters / 1e6:.2f} M parameters, options {made.options}{probe}")
    print(f"a row of any benchmark: fabbench run methods=...,{made.folder.name}")
    return 0


def pictures(arguments: argparse.Namespace) -> int:
    """Draws what a run makes of faces."""
    from benchmark.commands.pictures import draw

    run = _one_argument(arguments, "RUN")
    print("\n".join(str(path) for path in draw(run, _config(arguments))))
    return 0


def _one_argument(arguments: argparse.Namespace, what: str) -> str:
    """Takes the one word that is no setting out of the settings."""
    words = [word for word in arguments.overrides if "=" not in word]
    if len(words) != 1:
        raise UsageError(f"`fabbench {arguments.command}` takes one {what}; see fabbench {arguments.command} --help")
    arguments.overrides.remove(words[0])
    return words[0]


def tasks(arguments: argparse.Namespace) -> int:
    """Lists the tasks that the configuration knows."""
    config = _config(arguments)
    for name, task in sorted(config.task.items()):
        print(f"{name:<24} {task.summary or f'{task.target} of {task.set}'}")
    return 0


def data(arguments: argparse.Namespace) -> int:
    """Lists data, or shows one labelled set or the track store."""
    from benchmark.commands import data as data_command

    if arguments.overrides[:1] == ["show"]:
        rest = arguments.overrides[1:]
        name = rest.pop(0) if rest and "=" not in rest[0] else ""
        arguments.overrides = rest
        data_command.show(name, _config(arguments))
    else:
        data_command.listing(_config(arguments))
    return 0


def tables(arguments: argparse.Namespace) -> int:
    """Prints the tables of a benchmark from what is on disk."""
    from benchmark.pipeline.results import render

    config = _config(arguments)
    print(render(Path(config.out, config.name), arguments.format, config.probe.table_head))
    return 0


COMMANDS = {
    "run": Command(
        run,
        "train every method, probe every encoder, write the tables; resumes what was interrupted",
        """  fabbench run preset=quick                         a smoke run of all parts, about a minute
  fabbench run                                      the default benchmark on built-in faces
  fabbench run methods=fabnet,./my_method.py seeds=5
  fabbench run data=videos data.root=/data/vox2 data.size=256 encoder.width=32
  fabbench run preset=real_mini root=/data --dry-run""",
        dry_run=True,
    ),
    "status": Command(
        status,
        "where every stage of every run stands; exit code 1 where one has failed or is lost",
        """  fabbench status                                   what is not done, and counts
  fabbench status preset=quick --all                done stages as well
  fabbench status --watch                           again every few seconds, until nothing is left in the queue""",
    ),
    "logs": Command(
        logs,
        "print what a run's jobs have written",
        """  fabbench logs fabnet/seed0
  fabbench logs fabnet/seed0:pretrain --follow      as it comes, until the job has ended""",
    ),
    "cancel": Command(
        cancel,
        "take a benchmark's jobs out of the queue, or some runs' only",
        """  fabbench cancel
  fabbench cancel rotation/seed0 fabnet/seed1:probe""",
    ),
    "prepare": Command(
        prepare,
        "pack raw videos or frames into a track store",
        """  fabbench prepare data=videos data.root=/data/vox2 data.store=/data/vox2-packed data.fps=1
  fabbench prepare data=frames data.root=/data/vox1
  fabbench prepare data=voxceleb root=/data launcher=slurm --parts 64    64 jobs on the cluster, and the index
  fabbench prepare data=voxceleb root=/data --part 3/16     one share of 16; then once more without --part""",
        dry_run=True,
    ),
    "verify": Command(
        verify,
        "check a track store against its checksums, or a labelled set against its protocol, naming what is broken",
        """  fabbench verify data=videos data.store=/data/vox2-packed
  fabbench verify w300 sets.w300.root=/data/300w    counts, images, labels; writes a JSON report""",
    ),
    "methods": Command(
        methods,
        "list the methods with their options, the variants, and imported weights",
        """  fabbench methods
  fabbench methods data.size=256 encoder.width=32   parameters as at the papers' size""",
    ),
    "import": Command(
        import_,
        "make a pretrained row of released weights: FAb-Net's checkpoints, or VGG-Face",
        """  fabbench import 300w_4views.pt                    the row fabnet-released
  fabbench import aflwpose_nv4.pth --as fabnet-aflw
  fabbench import vgg_face_caffe.pth --option channels=bgr""",
    ),
    "pictures": Command(
        pictures,
        "draw what a run makes of faces: generated frames, flows, landmarks, training curves",
        """  fabbench pictures fabnet/seed0                    of the default benchmark
  fabbench pictures fabnet-3source/seed0 preset=quick
  fabbench pictures results/imported/fabnet-released""",
    ),
    "tasks": Command(tasks, "list the tasks that encoders can be probed on", "  fabbench tasks"),
    "data": Command(
        data,
        "list the data sets; `data show NAME` draws one and prints its figures",
        """  fabbench data
  fabbench data show synthetic                      contact sheet, and the realism readings beside real faces
  fabbench data show tracks data=videos data.store=/data/vox2-packed""",
    ),
    "tables": Command(
        tables,
        "print a benchmark's tables from what is on disk",
        """  fabbench tables                                   the default benchmark, for reading
  fabbench tables preset=quick --format tex         LaTeX that pastes into a paper
  fabbench tables --format json                     one record per cell""",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    try:
        return _main(sys.argv[1:] if arguments is None else list(arguments))
    except FabbenchError as error:
        print(f"fabbench: {error}", file=sys.stderr)
        return error.exit_code
    except SlurmError as error:
        print(f"fabbench: {error}", file=sys.stderr)
        return ClusterError.exit_code
    except KeyboardInterrupt:
        print("fabbench: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:  # a full disk, a file where a folder belongs, no permission
        print(f"fabbench: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return 1


def _main(words: list[str]) -> int:
    parser = _parser()
    if not words:
        parser.print_help()
        return 2
    if words[0] not in (*COMMANDS, "-h", "--help", "--version"):
        raise UsageError(f"unknown command {words[0]!r}{suggestion(words[0], COMMANDS)}")
    parsed, rest = parser.parse_known_args(words)
    if unknown := [word for word in rest if word.startswith("-")]:
        raise UsageError(f"unknown option {unknown[0]!r} for `{parsed.command}`; see fabbench {parsed.command} --help")
    parsed.overrides += rest  # settings that stand after an option
    if getattr(parsed, "cfg", False):
        from benchmark.config.load import to_yaml

        print(to_yaml(_config(parsed)), end="")
        return 0
    return COMMANDS[parsed.command].act(parsed)


def _names(arguments: argparse.Namespace) -> list[str]:
    """The words that are no settings, which are taken out of them."""
    names = [word for word in arguments.overrides if "=" not in word]
    arguments.overrides = [word for word in arguments.overrides if "=" in word]
    return names


def _config(arguments: argparse.Namespace) -> "Config":
    from benchmark.config.load import load

    return load(arguments.overrides)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        "fabbench",
        description="Compares self-supervised face embeddings on one encoder, one data stream and one budget.",
        epilog=OVERRIDES + "\n\n`fabbench COMMAND --help` shows a command's examples.",
        formatter_class=raw,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fabbench {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=command.summary,
            description=command.summary,
            epilog=f"examples:\n{command.examples}\n{OVERRIDES}",
            formatter_class=raw,
            allow_abbrev=False,
        )
        named = {"import": "FILE ", "pictures": "RUN ", "logs": "RUN ", "cancel": "[RUN] "}.get(name, "")
        one.add_argument("overrides", nargs="*", metavar=f"{named}key=value", help="settings, see below")
        one.add_argument("--cfg", action="store_true", help="print the resolved configuration and stop")
        if command.dry_run:
            one.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
        if name == "import":
            one.add_argument("--as", dest="as_", metavar="NAME", help="the row's name (default: by the method)")
            one.add_argument(
                "--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the method"
            )
        if name == "status":
            one.add_argument("--watch", action="store_true", help="look again every few seconds until all has ended")
            one.add_argument("--all", action="store_true", help="show stages that are done as well")
        if name == "logs":
            one.add_argument("--follow", action="store_true", help="go on until the jobs have ended")
        if name == "prepare":
            one.add_argument("--part", metavar="I/N", help="do share I of N, from 0, at the same time as the others")
            one.add_argument("--parts", metavar="N", type=int, default=16, help="with launcher=slurm: jobs (16)")
        if name == "tables":
            one.add_argument("--format", choices=["text", "md", "tex", "csv", "json"], default="text")
    return parser


if __name__ == "__main__":
    sys.exit(main())
