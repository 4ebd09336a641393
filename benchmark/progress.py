"""What a person sees while work goes on: bars on a terminal, plain lines in a log file."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_SECONDS = 15.0  # between plain lines

console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One line to standard error, which progress goes to; results go to standard output."""
    console.print(text, markup=False)


@contextmanager
def data_progress(title: str) -> Iterator[Callable[..., None]]:
    """Yields a callback (done, total, frames or nothing) that shows how far preparing data has come."""
    begun = time.monotonic()
    last = begun
    shown = False
    with progress_bars() as bars:
        bar = bars.add_task(title, total=None, visible=False)

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
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[info]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
