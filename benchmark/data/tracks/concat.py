"""Concatenation of several sources, such as a folder of videos and a folder of frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, TrackSource, check_not_empty


@dataclass(frozen=True)
class Concat:
    """The tracks of all ``parts``, one part after another; equal identity names in different parts are one person."""

    parts: Sequence[TrackSource]

    @property
    def size(self) -> int:
        """Side of the frames, pixels; the same in every part."""
        return self.parts[0].size

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content."""
        return {"reader": "joined", "parts": [part.describe() for part in self.parts]}  # hashed, so not renamed

    def check(self) -> None:
        """Find one track of every part.

        Raises:
            DataError: as the part.
        """
        for part in self.parts:
            check_not_empty(part)

    def tracks(self) -> list[RawTrack]:
        """List the tracks of every part, with the part's number before their names and locations."""
        return [
            RawTrack(track.identity, f"{number}/{track.track}", f"{number}/{track.location}")
            for number, part in enumerate(self.parts)
            for track in part.tracks()
        ]

    def read(self, track: RawTrack) -> Iterable[Frame | SkippedFrame]:
        """Read the frames of one track through its part."""
        number, _, location = track.location.partition("/")
        name = track.track.removeprefix(f"{number}/")
        return self.parts[int(number)].read(RawTrack(track.identity, name, location))
