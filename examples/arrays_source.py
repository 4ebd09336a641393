"""A source of tracks in one file: each track is an array of frames."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmark.config.own import TrackReader, register_source
from benchmark.data.tracks.crop import Crop
from benchmark.data.tracks.source import Frame, RawFrame, RawTrack, SkippedFrame


@register_source("arrays", version=1)
@dataclass(frozen=True)
class Arrays(TrackReader):
    """ROOT/PERSON/TRACK.npy, uint8 (frames, height, width, 3)."""

    step: int = 1  # one of so many frames is kept

    def tracks(self) -> list[RawTrack]:
        files = [path.relative_to(self.folder()) for path in sorted(self.folder().glob("*/*.npy"))]
        return [RawTrack(file.parts[0], f"{file.parts[0]}/{file.stem}", str(file)) for file in files]

    def read(self, track: RawTrack) -> Iterable[Frame | SkippedFrame]:
        frames = np.load(self.folder() / track.location)[:: self.step]
        raw = [RawFrame(str(number), Image.fromarray(frame)) for number, frame in enumerate(frames)]
        return Crop(self.size, 1.0, 0.0, None).apply(lambda: raw)  # the centre square, resized
