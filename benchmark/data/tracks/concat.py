"""Several sources as one: VoxCeleb's videos beside its frame folders, or one's own beside either."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, TrackSource


@dataclass(frozen=True)
class Concat:
    """The tracks of all ``parts``, one part after another; an identity named in two of them is one person."""

    parts: Sequence[TrackSource]

    @property
    def size(self) -> int:
        """Side of the frames, pixels; the same in every part."""
        return self.parts[0].size

    def describe(self) -> dict[str, Any]:
        """All that determines the content."""
        return {"reader": "joined", "parts": [part.describe() for part in self.parts]}

    def tracks(self) -> list[RawTrack]:
        """The tracks of every part, their names and locations preceded by the part's number."""
        return [
            RawTrack(track.identity, f"{number}/{track.track}", f"{number}/{track.location}")
            for number, part in enumerate(self.parts)
            for track in part.tracks()
        ]

    def read(self, track: RawTrack) -> Iterable[Frame | SkippedFrame]:
        """The frames of one track, as its own part reads them."""
        number, _, location = track.location.partition("/")
        name = track.track.removeprefix(f"{number}/")
        return self.parts[int(number)].read(RawTrack(track.identity, name, location))
