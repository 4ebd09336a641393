"""What jobs have written: the last lines, or as they come."""

import time
from collections.abc import Sequence
from pathlib import Path

from benchmark.commands import status
from benchmark.errors import DataError
from benchmark.pipeline.results import about
from slurm.commands import SlurmError
from slurm.ledger import Ledger
from slurm.submission import in_queue

LINES = 40  # shown of each log
POLL_SECONDS = 1.0


def show(words: Sequence[str], folder: Path, ledger_folder: Path, follow: bool) -> None:
    """Prints the end of the logs of the runs or stages named; with ``follow``, on until their jobs have ended.

    Raises:
        UsageError: there is no such run.
        DataError: nothing is written of it yet.
    """
    jobs = status.chosen(list(words), folder)
    paths = _logs(jobs, folder, ledger_folder)
    if not paths and not follow:
        raise DataError(f"nothing is written yet of {', '.join(words)}; fabbench status tells where it stands")
    ends: dict[Path, int] = {}
    for path in paths:
        content = path.read_bytes()
        ends[path] = len(content)
        print(f"==> {status.short(path)}")
        print("\n".join(content.decode(errors="replace").splitlines()[-LINES:]))
    while follow:
        ending = not _running(jobs, ledger_folder)
        for path in _logs(jobs, folder, ledger_folder):
            with path.open("rb") as file:
                file.seek(ends.get(path, 0))
                more = file.read()
            if more:
                print(more.decode(errors="replace"), end="", flush=True)
                ends[path] = ends.get(path, 0) + len(more)
        if ending and not ends:
            raise DataError(f"nothing is written of {', '.join(words)}, and nothing is queued")
        if ending:
            return
        time.sleep(POLL_SECONDS)


def _logs(jobs: Sequence[str], folder: Path, ledger_folder: Path) -> list[Path]:
    """Of jobs on a cluster what they print; of others what went wrong."""
    entries = Ledger(ledger_folder).entries
    paths = [path for job in jobs if job in entries for path in entries[job].logs]
    if not any(job in entries for job in jobs):
        what = about(folder)
        runs = {run["name"]: folder.parent / run["run"] for run in what["runs"] + what.get("starts", [])}
        paths = [runs[name] / "error.log" for name in dict.fromkeys(job.rpartition(" ")[0] for job in jobs)]
        paths = [path for path in paths if path.is_file()]
    return paths


def _running(jobs: Sequence[str], ledger_folder: Path) -> bool:
    try:
        return bool(in_queue(Ledger(ledger_folder)).keys() & set(jobs))
    except SlurmError:
        return True  # it does not answer now
