"""A folder of videos as tracks: one file, one track; frames sampled by time, without audio."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import av
from PIL import Image

from benchmark.data.folders import check_root, step_into, walk
from benchmark.data.tracks.crop import check_crop, cropped, describe_crop
from benchmark.data.tracks.detector import FaceDetector
from benchmark.data.tracks.source import Frame, Picture, RawTrack, SkippedFrame, SkipTrack
from benchmark.errors import DataError, UsageError

SUFFIXES = frozenset({".mp4", ".mpg", ".mpeg", ".mov", ".avi", ".mkv", ".webm", ".m4v"})
KNOWN_FOLDERS = ("mp4", "dev/mp4", "test/mp4")  # where VoxCeleb2 keeps its identities


@dataclass(frozen=True)
class VideoFolder:
    """Videos in ``ID/.../*.mp4`` (also .mpg .mov .avi .mkv .webm ...), such as VoxCeleb2's ``mp4/ID/VIDEO/N.mp4``.

    The first folder level is the identity, below ``mp4``, ``dev/mp4`` and ``test/mp4`` where the root holds
    them. A file directly in the root is an identity of its own, named by its stem: put all files of a person
    into one folder, or the splits cannot know that they belong together.

    Attributes:
        root: the folder.
        fps: frames a second to keep; a video with fewer gives all it has. VoxCeleb1 is distributed at 1.
        size: side of the stored frames, pixels.
        tighten: see ``benchmark.data.tracks.crop.centre_square``, as for ``shift``.
        max_frames: keep no more than the first so many sampled frames of a video; None keeps all.
        detector: finds each video's face, which is cut out instead; see ``benchmark.data.tracks.crop.face_square``.
    """

    root: Path
    fps: float = 1.0
    size: int = 256
    tighten: float = 1.0
    max_frames: int | None = None
    shift: float = 0.0
    detector: FaceDetector | None = None

    def __post_init__(self) -> None:
        check_crop(self.size, self.tighten, self.shift, self.detector)
        if self.fps <= 0:
            raise UsageError(f"fps must be above 0, not {self.fps}")
        if self.max_frames is not None and self.max_frames < 2:
            raise UsageError(f"max_frames must be 2 or more, not {self.max_frames}: a sample is two frames")

    def describe(self) -> dict[str, Any]:
        return {
            "reader": "videos",
            "version": 1,
            "fps": self.fps,
            "max_frames": self.max_frames,
            "size": self.size,
            "crop": describe_crop(self.tighten, self.shift, self.detector),
        }

    def tracks(self) -> list[RawTrack]:
        check_root(self.root)
        if self.detector is not None:
            self.detector.check()
        found = [
            (base, f"{folder}/{name}" if folder else name)
            for base in step_into(self.root, KNOWN_FOLDERS)
            for folder, names in walk(self.root / base, SUFFIXES)
            for name in names
        ]
        if not found:
            raise DataError(
                f"{self.root}: no video in it ({' '.join(sorted(SUFFIXES))}); "
                "expected ID/.../*.mp4 (for folders of images use data=frames)"
            )
        stems = [path.rpartition(".")[0] for _, path in found]
        files_of = Counter(stems)
        return [
            RawTrack(
                identity=stem.partition("/")[0],
                track=stem if files_of[stem] == 1 else path,
                location=path if base == "." else f"{base}/{path}",
            )
            for (base, path), stem in zip(found, stems, strict=True)
        ]

    def read(self, track: RawTrack) -> Iterator[Frame | SkippedFrame]:
        return cropped(partial(self._pictures, track), self.size, self.tighten, self.shift, self.detector)

    def _pictures(self, track: RawTrack) -> Iterator[Picture | SkippedFrame]:
        time = None
        try:
            with av.open(str(self.root / track.location)) as container:
                stream = container.streams.best("video")
                if stream is None:
                    raise SkipTrack("no video stream")
                stream.codec_context.thread_count = 1
                aspect = float(stream.sample_aspect_ratio or 1)
                frames = sample_by_time(container.decode(stream), stream.average_rate, self.fps)
                for time, frame in islice(frames, self.max_frames):
                    yield _picture(time, frame, aspect)
        except (av.FFmpegError, OSError) as error:
            if time is None:
                raise SkipTrack("video does not decode", error.strerror or str(error)) from error
            yield SkippedFrame(f"after {time:.3f} s", "video breaks off")


def _picture(time: float, frame: av.VideoFrame, aspect: float) -> Picture | SkippedFrame:
    source_id = f"{time:.3f} s"
    if frame.is_corrupt:
        return SkippedFrame(source_id, "corrupt video frame")
    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    if not frame.rotation:
        return Picture(source_id, image, pixel_aspect=aspect)
    aspect = 1 / aspect if frame.rotation % 180 else aspect
    image = image.rotate(frame.rotation, expand=True)
    return Picture(source_id, image, ("rotated upright",), pixel_aspect=aspect)


def sample_by_time(
    frames: Iterable[av.VideoFrame], rate: Fraction | None, fps: float
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yields (seconds since the first frame, frame): the first frame at or after each k / fps seconds.

    Time stamps decide, so a variable frame rate is no matter; where a file has none, ``rate`` and the frame's
    number do. A gap in the video is skipped over, never filled by repeating a frame.
    """
    first: float | None = None
    due = 0.0
    for i, frame in enumerate(frames):
        stamp = frame.time if frame.time is not None else i / float(rate or 25)
        first = stamp if first is None else first
        time = stamp - first
        if time >= due - 1e-4:  # time stamps are rounded to a millisecond in some containers
            yield time, frame
            due = (math.floor(time * fps + 1e-3) + 1) / fps
