"""Progress of runs: bars on a terminal, plain lines in a log file."""

import platform
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.progress import Progress, TaskID

from benchmark.pipeline.run_folder import Run, status
from benchmark.progress import LINE_SECONDS, console, progress_bars, say
from slurm.env import current_job

POLL_SECONDS = 0.5


@contextmanager
def job_progress(run: Run, part: str) -> Iterator[None]:
    """Logs one job: its node when it begins, its progress now and then, and that it is done."""
    job = current_job()
    restart = f", restart {job['restarts']}" if job and job["restarts"] else ""
    say(f"{run.name}: {part} on {job['node'] if job else platform.node()}{restart}")
    begun, ended = time.monotonic(), threading.Event()

    def follow() -> None:
        while not ended.wait(LINE_SECONDS):
            say(_line(run.name, status(run.folder)))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    say(f"{run.name}: {part} done after {time.monotonic() - begun:.0f} s")


class RunsProgress:
    """Shows runs by the status they write, whichever process they are in.

    Args:
        runs: to show.
        after_seed: called when all runs of a seed have ended, while those of others go on.
    """

    def __init__(self, runs: Sequence[Run], after_seed: Callable[[], None] | None = None) -> None:
        self.folders = {run.name: run.folder for run in runs}
        self.of_seed = Counter(run.seed for run in runs)
        self.seeds = {run.name: run.seed for run in runs}
        self.after_seed = after_seed
        self.begun = time.time()
        self.n_finished = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "RunsProgress":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def _follow(self) -> None:
        with progress_bars() as bars:
            overall = bars.add_task("runs", total=len(self.folders), info="")
            run_bars = RunBars(bars)
            last = time.monotonic()
            unfinished = dict(self.folders)
            while True:
                ending = self.stop.wait(POLL_SECONDS)
                lines = []
                for name, folder in list(unfinished.items()):
                    latest = status(folder)
                    if latest.get("heartbeat", 0) < self.begun:
                        continue  # of an earlier launch
                    if latest["state"] in ("done", "failed"):
                        del unfinished[name]
                        run_bars.remove(name)
                        self._report_end(name, latest, bool(unfinished))
                        bars.update(overall, completed=self.n_finished)
                    else:
                        run_bars.show(name, latest)
                        lines.append(_line(name, latest))
                if not console.is_terminal and time.monotonic() - last > LINE_SECONDS:
                    for line in lines:
                        say(line)
                    last = time.monotonic()
                if ending:
                    return

    def _report_end(self, name: str, latest: dict[str, Any], others_go_on: bool) -> None:
        self.n_finished += 1
        end = "done" if latest["state"] == "done" else f"failed in {latest['stage']}: {latest.get('error', '')}"
        say(f"[{self.n_finished}/{len(self.folders)}] {name}: {end}")
        seed = self.seeds[name]
        self.of_seed[seed] -= 1
        if self.after_seed and others_go_on and not self.of_seed[seed]:
            self.after_seed()


class RunBars:
    """One bar for each run that is computed now, for its present stage."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.shown: dict[str, _StageBar] = {}

    def show(self, name: str, latest: dict[str, Any]) -> None:
        """Updates a run's bar; a new stage gets a new bar, since a stage may have steps and the next none."""
        shown = self.shown.get(name)
        if shown is None or shown.stage != latest["stage"]:
            self.remove(name)
            shown = self.shown[name] = _StageBar(latest["stage"], self.bars.add_task(name, total=None, info=""))
        info = f"{latest['images_per_s']:.0f} images/s" if latest.get("images_per_s") else latest["stage"]
        self.bars.update(shown.bar, completed=latest.get("step", 0), total=latest.get("steps"), info=info)

    def remove(self, name: str) -> None:
        """Removes a run's bar, if it has one."""
        if (shown := self.shown.pop(name, None)) is not None:
            self.bars.remove_task(shown.bar)


@dataclass(frozen=True)
class _StageBar:
    stage: str
    bar: TaskID


def _line(name: str, latest: dict[str, Any]) -> str:
    """A run's status in one line."""
    if latest.get("steps"):
        rate = f"  {latest['images_per_s']:.0f} images/s" if latest.get("images_per_s") else ""
        return f"{name}: {latest['stage']} {latest['step']}/{latest['steps']}{rate}"
    return f"{name}: {latest['stage']}"
