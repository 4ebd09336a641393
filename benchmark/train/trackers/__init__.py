"""Experiment trackers that training is logged to beside the run folder, one file each; `tracker=NAME` chooses one.

Each is an extra of the package, and works without a network unless the environment points it elsewhere.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.config.schema import TrackerName
from benchmark.progress import say
from benchmark.train.log import Log, NullLog


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run.

    Attributes:
        benchmark: name of the benchmark: the tracker's project or experiment.
        name: of the run, such as ``fabnet/seed0``.
        identity: a name that no other run has; a run that is resumed keeps it.
        config: its settings.
        folder: of the benchmark; trackers without a server write below it.
    """

    benchmark: str
    name: str
    identity: str
    config: Mapping[str, Any]
    folder: Path


def open_tracker(name: TrackerName, run: TrackedRun) -> Log:
    """The log of a run in a tracker; a tracker that fails is reported once and given up, and training goes on."""
    if name == "none":
        return NullLog()
    module = importlib.import_module(f"benchmark.train.trackers.{name}_log")
    try:
        return _Guarded(name, module.open_log(run))
    except Exception as error:
        _give_up(name, error)
        return NullLog()


class _Guarded:
    """A log whose first failure ends it, and nothing else."""

    def __init__(self, name: str, log: Log):
        self.name, self.log = name, log

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes named values of a step, unless the log has failed before."""
        try:
            self.log.write(step, scalars)
        except Exception as error:
            self.log = NullLog()
            _give_up(self.name, error)

    def close(self) -> None:
        """Closes the log."""
        try:
            self.log.close()
        except Exception as error:
            _give_up(self.name, error)


def _give_up(name: str, error: Exception) -> None:
    first = str(error).strip().splitlines()[:1]
    say(f"tracker={name} failed and is left out of this run: {first[0] if first else type(error).__name__}")
