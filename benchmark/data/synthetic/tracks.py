"""Source of rendered pre-training tracks."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.data.synthetic.track_realism import TrackSample
from benchmark.data.synthetic.version import TRACK_VERSIONS, head_digest
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.workers import run_parallel
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
        version: one of `TRACK_VERSIONS`, which differ in motion and show the same people.

    Raises:
        UsageError: a number is not positive, a track has fewer than two frames, or there is no such version.
    """

    size: int = 64
    identities: int = 320
    tracks_per_identity: int = 4
    frames_per_track: int = 8
    seed: int = 0
    version: int = 2

    def __post_init__(self) -> None:
        if min(self.size, self.identities, self.tracks_per_identity) < 1 or self.frames_per_track < 2:
            raise UsageError(f"built-in faces need positive numbers and 2 frames or more in a track: {self}")
        if self.version not in TRACK_VERSIONS:
            raise UsageError(f"built-in tracks have the versions {TRACK_VERSIONS}, not {self.version}")

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content."""
        return {"reader": "synthetic", "head": head_digest(), **asdict(self), "version": str(self.version)}

    def tracks(self) -> list[RawTrack]:
        """List the tracks, person by person."""
        return [
            RawTrack(f"face{i:05d}", f"face{i:05d}/{t:03d}", f"{i}/{t}")
            for i in range(self.identities)
            for t in range(self.tracks_per_identity)
        ]

    def read(self, track: RawTrack) -> Iterator[Frame]:
        """Render the frames of one track."""
        from benchmark.data.synthetic.produce import render_track

        identity, number = map(int, track.location.split("/"))
        rendering, _ = render_track(self.seed, identity, number, self.frames_per_track, self.size, self.version)
        for i, frame in enumerate(rendering.frames.numpy()):
            yield Frame(f"{i:03d}", frame)

    def sample(
        self, count: int, workers: int = 1, progress: Callable[[int, int], None] | None = None
    ) -> list[TrackSample]:
        """One track each of the first ``count`` people, or of all if there are fewer, to read their realism from."""
        count = min(count, self.identities)
        calls = [
            (self.seed, i, i % self.tracks_per_identity, self.frames_per_track, self.size, self.version)
            for i in range(count)
        ]
        samples: dict[int, TrackSample] = {}
        for i, sample in run_parallel(_sample, calls, workers):
            samples[i] = sample
            if progress is not None:
                progress(len(samples), count)
        return [samples[i] for i in range(count)]


def _sample(*arguments: int) -> TrackSample:
    from benchmark.data.synthetic.produce import track_sample  # imports torch

    return track_sample(*arguments)
