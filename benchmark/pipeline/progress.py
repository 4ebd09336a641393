"""Progress of runs: bars on a terminal, plain lines in a log file."""

import platform
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.progress import Progress

from benchmark.pipeline.run_folder import Run, status
from benchmark.progress import LINE_SECONDS, console, progress_bars, say
from slurm.env import current_job


@contextmanager
def job_progress(run: Run, part: str) -> Iterator[None]:
    """What the log of one job tells: where it runs, now and then how far it is, and that it is done."""
    here = current_job()
    again = f", restart {here['restarts']}" if here and here["restarts"] else ""
    say(f"{run.name}: {part} on {here['node'] if here else platform.node()}{again}")
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
    """Follows runs by the status they write, whatever process they are in."""

    def __init__(self, runs: Sequence[Run]):
        self.runs = {run.name: run.folder for run in runs}
        self.begun = time.time()
        self.finished: set[str] = set()
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
            overall = bars.add_task("runs", total=len(self.runs), info="")
            tasks: dict[str, Any] = {}
            last = time.monotonic()
            while True:
                ending = self.stop.wait(0.5)
                lines = []
                for name in [name for name in self.runs if name not in self.finished]:
                    now = status(self.runs[name])
                    if now.get("heartbeat", 0) < self.begun:
                        continue
                    self._show(bars, tasks, name, now)
                    if now["state"] in ("done", "failed"):
                        self._close(bars, tasks, name, now)
                        bars.update(overall, completed=len(self.finished))
                    else:
                        lines.append(_line(name, now))
                if not console.is_terminal and time.monotonic() - last > LINE_SECONDS:
                    for line in lines:
                        say(line)
                    last = time.monotonic()
                if ending:
                    return

    def _show(self, bars: Progress, tasks: dict[str, Any], name: str, now: dict[str, Any]) -> None:
        if name not in tasks:
            tasks[name] = bars.add_task(name, total=None, info="")
        rate = f"{now['images_per_s']:.0f} images/s" if now.get("images_per_s") else now["stage"]
        bars.update(tasks[name], completed=now.get("step", 0), total=now.get("steps"), info=rate)

    def _close(self, bars: Progress, tasks: dict[str, Any], name: str, now: dict[str, Any]) -> None:
        bars.remove_task(tasks.pop(name))
        self.finished.add(name)
        ended = "done" if now["state"] == "done" else f"failed in {now['stage']}: {now.get('error', '')}"
        say(f"[{len(self.finished)}/{len(self.runs)}] {name}: {ended}")


def _line(name: str, now: dict[str, Any]) -> str:
    if now.get("steps"):
        rate = f"  {now['images_per_s']:.0f} images/s" if now.get("images_per_s") else ""
        return f"{name}: {now['stage']} {now['step']}/{now['steps']}{rate}"
    return f"{name}: {now['stage']}"
