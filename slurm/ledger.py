"""Which job of Slurm does which job of ours: one small file, so that a later command finds what an earlier one did."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from slurm.commands import SlurmError

FILE = "jobs.json"


@dataclass(frozen=True)
class Entry:
    """The last submission of one job: ``job`` is Slurm's number_index, ``array`` the name it has in the queue."""

    stage: str
    job: str
    array: str
    log: str
    submitted: float

    @property
    def logs(self) -> list[Path]:
        """What has been written: by its allocation, which may have failed before it or share it out, and by itself."""
        own = Path(self.log)
        return [path for path in dict.fromkeys((own.with_name(f"{self.stage}-{self.job}.log"), own)) if path.is_file()]


class Ledger:
    """The entries of one folder, by the names of jobs.

    Raises:
        SlurmError: they cannot be read.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        if (path := folder / FILE).is_file():
            try:
                self.entries = {name: Entry(**entry) for name, entry in json.loads(path.read_text()).items()}
            except (ValueError, TypeError, AttributeError) as error:
                raise SlurmError(
                    f"{path}: cut short or altered; remove it and launch again, which takes out of the queue what is "
                    "there of this and submits it anew"
                ) from error

    def add(self, entries: dict[str, Entry]) -> None:
        """Notes submissions, for good."""
        self.entries |= entries
        temporary = self.folder / f".{FILE}.{os.getpid()}"
        try:
            temporary.write_text(json.dumps({name: asdict(entry) for name, entry in self.entries.items()}, indent=1))
            temporary.replace(self.folder / FILE)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """The folder's ledger for this process alone: of two commands at once, the second sees what the first submitted."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Ledger(folder)
