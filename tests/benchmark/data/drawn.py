"""A source of drawn tracks that can be told to fail, importable by worker processes."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, SkipTrack


@dataclass(frozen=True)
class Drawn:
    """Tracks of smooth gradients, two an identity; the numbers of tracks in the lists misbehave."""

    n: int = 12
    frames: int = 3
    size: int = 32
    skip: tuple[int, ...] = ()
    short: tuple[int, ...] = ()
    broken_frames: tuple[int, ...] = ()
    killed_at: tuple[int, ...] = field(default=(), compare=False)
    hold: Path | None = field(default=None, compare=False)  # from track 6 on, wait while this file is there

    def describe(self) -> dict[str, Any]:
        return {"reader": "drawn", "n": self.n, "frames": self.frames, "size": self.size}

    def tracks(self) -> list[RawTrack]:
        return [RawTrack(f"id{i // 2:03d}", f"id{i // 2:03d}/t{i:04d}", str(i)) for i in range(self.n)]

    def read(self, track: RawTrack) -> Iterator[Frame | SkippedFrame]:
        number = int(track.location)
        while self.hold is not None and number >= 6 and self.hold.exists():
            time.sleep(0.01)
        if number in self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if number in self.skip:
            raise SkipTrack("made to be skipped", "on purpose")
        for f in range(1 if number in self.short else self.frames):
            yield Frame(f"{f:02d}", drawn(number, f, self.size), ("drawn by hand",))
        if number in self.broken_frames:
            yield SkippedFrame("99", "made to be broken")


def drawn(track: int, frame: int, size: int) -> np.ndarray:
    """What the frame shows: a plain colour per track with a gradient per frame."""
    base = np.array([track * 37 % 256, track * 71 % 256, track * 113 % 256]) / 2
    ramp = np.linspace(0, 40 * (frame + 1), size)[:, None, None]
    return np.broadcast_to(base + ramp, (size, size, 3)).astype(np.uint8)
