"""Persistent map from job name to Slurm job id, so that later commands find what earlier ones submitted."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from slurm.commands import SlurmError

FILE = "jobs.json"
LOCK = ".lock"


@dataclass(frozen=True)
class Entry:
    """The last submission of one job.

    Attributes:
        stage: the job's stage.
        job: Slurm's job id, ``<array id>_<index>``.
        array: name of the array in the queue.
        log: path of the job's log file.
        submitted: Unix time of the submission.
        launch: name of the launch's folder, which tells the job from others if the cluster gives its id again; empty
            in ledgers that were written without it.
        depends_on: Slurm's ids of the jobs that it was submitted to wait for, of this ledger and of others.
    """

    stage: str
    job: str
    array: str
    log: str
    submitted: float
    launch: str = ""
    depends_on: tuple[str, ...] = ()

    @property
    def logs(self) -> list[Path]:
        """Existing log files: the allocation's first, then the job's own where packed jobs have one each."""
        job_log = Path(self.log)
        allocation_log = job_log.with_name(f"{self.stage}-{self.job}.log")
        return [path for path in dict.fromkeys((allocation_log, job_log)) if path.is_file()]


class Ledger:
    """The entries of one folder by job name.

    Raises:
        SlurmError: the file is damaged.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        if (path := folder / FILE).is_file():
            try:
                self.entries = {name: Entry(**entry) for name, entry in json.loads(path.read_text()).items()}
            except (ValueError, TypeError, AttributeError) as error:
                raise SlurmError(
                    f"{path}: cut short or altered; remove it and launch again, which cancels the jobs it had recorded "
                    "and submits them anew"
                ) from error

    def add(self, entries: dict[str, Entry]) -> None:
        """Record submissions; the file is replaced atomically."""
        self.entries |= entries
        temporary = self.folder / f".{FILE}.{os.getpid()}"
        try:
            temporary.write_text(json.dumps({name: asdict(entry) for name, entry in self.entries.items()}, indent=1))
            temporary.replace(self.folder / FILE)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def locked_ledger(folder: Path) -> Iterator[Ledger]:
    """The folder's ledger under an exclusive lock: of two simultaneous commands, the second sees the first's jobs."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / LOCK):
        yield Ledger(folder)
