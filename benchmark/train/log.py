"""Training log: one JSON object a line in metrics.jsonl, and TensorBoard events."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from torch.utils.tensorboard import SummaryWriter

from benchmark.files import write_text
from benchmark.layout import EVENTS, METRICS


class Log(Protocol):
    """Where the loop writes its scalars."""

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes named values of a step."""

    def close(self) -> None:
        """Closes the files."""


class MetricsLog:
    """Log in a run folder. Resuming at ``step`` removes what was written after that step."""

    def __init__(self, folder: Path, step: int):
        path = folder / METRICS
        lines = [line for line in _complete_lines(path) if json.loads(line)["step"] <= step]
        write_text(path, "".join(f"{line}\n" for line in lines))
        self.file = path.open("a")
        self.events = SummaryWriter(str(folder / EVENTS), purge_step=step + 1 if step else None)

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes named values of a step."""
        self.file.write(json.dumps({"step": step, **scalars}) + "\n")
        self.file.flush()
        for name, value in scalars.items():
            self.events.add_scalar(name, value, step)

    def close(self) -> None:
        """Closes the files."""
        self.file.close()
        self.events.close()


class BothLogs:
    """Writes to two logs."""

    def __init__(self, first: Log, second: Log):
        self.logs = (first, second)

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes named values of a step."""
        for log in self.logs:
            log.write(step, scalars)

    def close(self) -> None:
        """Closes both."""
        for log in self.logs:
            log.close()


class NullLog:
    """Log that writes nothing, of all processes but the first and of runs without a tracker."""

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes nothing."""

    def close(self) -> None:
        """Does nothing."""


def _complete_lines(path: Path) -> list[str]:
    """Lines of a file, without the last if a crash cut it short."""
    return path.read_text().split("\n")[:-1] if path.is_file() else []
