"""Source of rendered pre-training tracks."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.data.synthetic.version import VERSION, head_digest
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.errors import UsageError


@dataclass(frozen=True)
class SyntheticTracks:
    """Tracks of rendered people: one identity, light and background per track, with smooth motion.

    The default set has about 10,000 frames. None of its people is in a set of `labelled_faces`.

    Attributes:
        size: side of the frames, pixels.
        identities: number of people.
        tracks_per_identity: tracks of each person.
        frames_per_track: frames of each track.
        seed: seed of the whole set.

    Raises:
        UsageError: a number is not positive, or a track has fewer than two frames.
    """

    size: int = 64
    identities: int = 320
    tracks_per_identity: int = 4
    frames_per_track: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.size, self.identities, self.tracks_per_identity) < 1 or self.frames_per_track < 2:
            raise UsageError(f"built-in faces need positive numbers and 2 frames or more in a track: {self}")

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content."""
        return {"reader": "synthetic", "version": VERSION, "head": head_digest(), **asdict(self)}

    def tracks(self) -> list[RawTrack]:
        """List the tracks, person by person."""
        return [
            RawTrack(f"face{i:05d}", f"face{i:05d}/{t:03d}", f"{i}/{t}")
            for i in range(self.identities)
            for t in range(self.tracks_per_identity)
        ]

    def read(self, track: RawTrack) -> Iterator[Frame]:
        """Render the frames of one track."""
        from benchmark.data.synthetic.produce import track_frames

        identity, number = map(int, track.location.split("/"))
        frames = track_frames(self.seed, identity, number, self.frames_per_track, self.size)
        for i, frame in enumerate(frames):
            yield Frame(f"{i:03d}", frame)
