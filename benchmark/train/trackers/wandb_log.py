"""Weights & Biases: offline below the benchmark's folder, unless WANDB_MODE is set (``online``, ``disabled`` ...).

``wandb sync FOLDER/wandb/offline-run-*`` uploads what was logged offline. Parts of a run that was resumed have one id,
and are one run there.
"""

import os
from collections.abc import Mapping

import wandb

from benchmark.train.trackers import TrackedRun


def open_log(run: TrackedRun) -> "WandbLog":
    """The log of a run."""
    run.folder.mkdir(parents=True, exist_ok=True)
    return WandbLog(
        wandb.init(
            project=run.benchmark,
            name=run.name,
            id=run.identity,
            resume="allow",
            config=dict(run.config),
            dir=str(run.folder),
            mode=None if "WANDB_MODE" in os.environ else "offline",
            settings=wandb.Settings(silent=True, console="off"),
        )
    )


class WandbLog:
    """The scalars of a run of wandb."""

    def __init__(self, run: wandb.Run):
        self.run = run

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Logs the scalars of a step."""
        self.run.log(dict(scalars), step=step)

    def close(self) -> None:
        """Ends the run."""
        self.run.finish()
