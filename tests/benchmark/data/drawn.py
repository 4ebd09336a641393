"""A source of synthetic tracks for tests, with switches for every failure; importable by worker processes."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, SkipTrack


@dataclass(frozen=True)
class Drawn:
    """Tracks of colour gradients, two per identity.

    Attributes:
        n: number of tracks.
        frames: frames per track.
        size: side of the frames, pixels.
        skip: numbers of the tracks that raise SkipTrack.
        short: numbers of the tracks with one frame only.
        broken_frames: numbers of the tracks with a skipped frame at their end.
        killed_at: numbers of the tracks whose reading kills the process.
        hold: reading waits from track 6 on while this file exists.
    """

    n: int = 12
    frames: int = 3
    size: int = 32
    skip: tuple[int, ...] = ()
    short: tuple[int, ...] = ()
    broken_frames: tuple[int, ...] = ()
    killed_at: tuple[int, ...] = field(default=(), compare=False)
    hold: Path | None = field(default=None, compare=False)

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


def drawn(track: int, frame: int, size: int) -> NDArray[np.uint8]:
    """Image of a frame: a colour per track, plus a gradient per frame."""
    base = np.array([track * 37 % 256, track * 71 % 256, track * 113 % 256]) / 2
    ramp = np.linspace(0, 40 * (frame + 1), size)[:, None, None]
    return np.broadcast_to(base + ramp, (size, size, 3)).astype(np.uint8)
