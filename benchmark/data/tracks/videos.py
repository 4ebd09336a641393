"""Reader for folders of videos: each file is one track, sampled by time; sound is ignored."""

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

from benchmark.data.folders import check_root, existing_subfolders, walk
from benchmark.data.tracks.crop import Crop
from benchmark.data.tracks.detector import FaceDetector
from benchmark.data.tracks.source import Frame, RawFrame, RawTrack, SkippedFrame, SkipTrack
from benchmark.errors import DataError, UsageError

SUFFIXES = frozenset({".mp4", ".mpg", ".mpeg", ".mov", ".avi", ".mkv", ".webm", ".m4v"})
IDENTITY_FOLDERS = ("mp4", "dev/mp4", "test/mp4")  # of VoxCeleb2
DEFAULT_RATE = 25.0  # frames per second, for files with neither time stamps nor a frame rate
TIME_TOLERANCE = 1e-4  # seconds; some containers round time stamps to a millisecond


@dataclass(frozen=True)
class VideoFolder:
    """Videos in ``ID/.../*.mp4`` (also .mpg .mov .avi .mkv .webm ...), such as VoxCeleb2's ``mp4/ID/VIDEO/N.mp4``.

    The first folder level is the identity, below ``mp4``, ``dev/mp4`` and ``test/mp4`` where the root has them. A
    file directly in the root is an identity of its own, named by its stem: put all files of a person into one folder,
    or the splits cannot keep them together.

    Attributes:
        root: the folder.
        fps: frames per second to keep; of a video with fewer, all are kept. VoxCeleb1 is distributed at 1.
        size: side of the stored frames, pixels.
        tighten: see `Crop`.
        max_frames: keep at most this many sampled frames of a video, from its start; None keeps all.
        shift: see `Crop`.
        detector: see `Crop`.
    """

    root: Path
    fps: float = 1.0
    size: int = 256
    tighten: float = 1.0
    max_frames: int | None = None
    shift: float = 0.0
    detector: FaceDetector | None = None

    def __post_init__(self) -> None:
        _ = self.crop  # raises UsageError for values out of range
        if self.fps <= 0:
            raise UsageError(f"fps must be above 0, not {self.fps}")
        if self.max_frames is not None and self.max_frames < 2:
            raise UsageError(f"max_frames must be 2 or more, not {self.max_frames}: a sample is two frames")

    @property
    def crop(self) -> Crop:
        """Crop of the frames."""
        return Crop(self.size, self.tighten, self.shift, self.detector)

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content."""
        return {
            "reader": "videos",
            "version": 1,
            "fps": self.fps,
            "max_frames": self.max_frames,
            "size": self.size,
            "crop": self.crop.describe(),
        }

    def check(self) -> None:
        """Find one video.

        Raises:
            DataError: there is none, or the folder or the detector's weights cannot be read.
        """
        check_root(self.root)
        if self.detector is not None:
            self.detector.check()
        if next(self._videos(), None) is None:
            raise DataError(
                f"{self.root}: no video in it ({' '.join(sorted(SUFFIXES))}); "
                "expected ID/.../*.mp4 (for folders of images use data=frames)"
            )

    def _videos(self) -> Iterator[tuple[str, str]]:
        """Folder above the identities, and path below it, of each video."""
        for base in existing_subfolders(self.root, IDENTITY_FOLDERS):
            for folder, names in walk(self.root / base, SUFFIXES):
                for name in names:
                    yield base, f"{folder}/{name}" if folder else name

    def tracks(self) -> list[RawTrack]:
        """List the videos, sorted by path; where two differ only in their suffix, it is part of their names."""
        self.check()
        videos = list(self._videos())
        stems = [path.rpartition(".")[0] for _, path in videos]
        files_per_stem = Counter(stems)
        return [
            RawTrack(
                identity=stem.partition("/")[0],
                track=stem if files_per_stem[stem] == 1 else path,
                location=path if base == "." else f"{base}/{path}",
            )
            for (base, path), stem in zip(videos, stems, strict=True)
        ]

    def read(self, track: RawTrack) -> Iterator[Frame | SkippedFrame]:
        """Decode, sample and crop one video."""
        return self.crop.apply(partial(self._raw_frames, track))

    def _raw_frames(self, track: RawTrack) -> Iterator[RawFrame | SkippedFrame]:
        time = None
        try:
            with av.open(str(self.root / track.location)) as container:
                stream = container.streams.best("video")
                if not isinstance(stream, av.VideoStream):
                    raise SkipTrack("no video stream")
                stream.codec_context.thread_count = 1
                aspect = float(stream.sample_aspect_ratio or 1)
                frames = sample_by_time(container.decode(stream), stream.average_rate, self.fps)
                for time, frame in islice(frames, self.max_frames):
                    yield _raw_frame(time, frame, aspect)
        except (av.FFmpegError, OSError) as error:
            if time is None:
                raise SkipTrack("video does not decode", error.strerror or str(error)) from error
            yield SkippedFrame(f"after {time:.3f} s", "video breaks off")


def _raw_frame(time: float, frame: av.VideoFrame, aspect: float) -> RawFrame | SkippedFrame:
    source_id = f"{time:.3f} s"
    if frame.is_corrupt:
        return SkippedFrame(source_id, "corrupt video frame")
    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    if not frame.rotation:
        return RawFrame(source_id, image, pixel_aspect=aspect)
    if frame.rotation % 180:
        aspect = 1 / aspect
    image = image.rotate(frame.rotation, expand=True)
    return RawFrame(source_id, image, ("rotated upright",), pixel_aspect=aspect)


def sample_by_time(
    frames: Iterable[av.VideoFrame], rate: Fraction | None, fps: float
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Sample frames at ``fps`` frames per second: for each k / fps seconds, the first frame at or after that time.

    Time stamps are used, so videos of variable frame rate are sampled correctly. A gap in a video is left as it is,
    never filled by repeating a frame.

    Args:
        frames: decoded frames, in order.
        rate: frames per second, for frames without time stamps.
        fps: frames per second to keep.

    Yields:
        (seconds since the first frame, frame).
    """
    start: float | None = None
    next_time = 0.0
    for i, frame in enumerate(frames):
        stamp = frame.time if frame.time is not None else i / float(rate or DEFAULT_RATE)
        start = stamp if start is None else start
        time = stamp - start
        if time >= next_time - TIME_TOLERANCE:
            yield time, frame
            next_time = (math.floor(time * fps + 1e-3) + 1) / fps
