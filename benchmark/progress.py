"""Progress of long work: bars on a terminal, plain lines in a log file."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

LINE_SECONDS = 15.0  # between plain lines

console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Prints one line to standard error, where progress goes; results go to standard output."""
    console.print(text, markup=False)


@contextmanager
def data_progress(title: str) -> Iterator[Callable[..., None]]:
    """Yields a callback (done, total, frames or nothing) that shows the progress of preparing data."""
    begun = time.monotonic()
    last = begun
    shown = False
    with progress_bars() as bars:
        bar = bars.add_task(title, total=None, visible=False, info="")

        def progress(done: int, total: int, frames: int | None = None) -> None:
            nonlocal last, shown
            rate = f"{frames / max(time.monotonic() - begun, 1e-3):.0f} frames/s" if frames else ""
            bars.update(bar, completed=done, total=total, info=rate, visible=True)
            now = time.monotonic()
            if not console.is_terminal and now - last > LINE_SECONDS:
                say(f"{title}: {done} of {total}  {rate}")
                last = now
            shown = shown or done < total

        yield progress
    if shown and not console.is_terminal:
        say(f"{title}: ready after {time.monotonic() - begun:.0f} s")


def progress_bars() -> Progress:
    """Bars with a description, completed and total, and a text ``info``; invisible where there is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _CountColumn(),
        TextColumn("{task.fields[info]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


class _CountColumn(MofNCompleteColumn):
    """Completed and total; empty for work whose total is not known."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.total is not None else Text()
