"""Trackio: in the folder ``trackio`` of the benchmark, unless TRACKIO_DIR names another.

``TRACKIO_DIR=FOLDER/trackio trackio show --project NAME`` shows it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.train.trackers import TrackedRun

if TYPE_CHECKING:
    from trackio.run import Run


def open_log(run: TrackedRun) -> "TrackioLog":
    """The log of a run; one that is resumed goes on with the same run of Trackio."""
    os.environ.setdefault("TRACKIO_DIR", str((run.folder / "trackio").absolute()))  # read when it is imported
    import trackio

    with _silence():
        return TrackioLog(
            trackio.init(
                project=run.benchmark,
                name=run.name,
                config=dict(run.config),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        )


class TrackioLog:
    """The scalars of a run of Trackio."""

    def __init__(self, run: "Run"):
        self.run = run

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Logs the scalars of a step."""
        self.run.log(dict(scalars), step=step)

    def close(self) -> None:
        """Ends the run."""
        import trackio

        with _silence():
            trackio.finish()  # of the run and of what Trackio would do at exit


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps what Trackio prints out of standard output, where results go."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield
