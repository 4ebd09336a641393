"""Interface between raw data and the packed store: what a reader of raw tracks provides."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, slots=True)
class RawTrack:
    """A track that has been listed but not read.

    Attributes:
        identity: the person it shows.
        track: its name, unique in its source, such as ``id90001/v_00015/00001``.
        location: what the source needs to read it, such as a path relative to the source's root, or a seed.
    """

    identity: str
    track: str
    location: str


class RawFrame(NamedTuple):
    """One decoded frame before it is cropped: an upright RGB image.

    Attributes:
        source_id: as in `Frame`.
        image: RGB, of any size.
        notes: as in `Frame`.
        content: as in `Frame`.
        pixel_aspect: width of a pixel divided by its height; not 1 in some old videos.
    """

    source_id: str
    image: Image.Image
    notes: tuple[str, ...] = ()
    content: str | None = None
    pixel_aspect: float = 1.0


class Frame(NamedTuple):
    """One frame of a track, ready to be stored.

    Attributes:
        source_id: origin within the track: a file name, a time or a number.
        image: RGB, uint8 (size, size, 3).
        notes: conversions that were applied, such as ``("resized", "grey to RGB")``; counted in the manifest.
        content: `content_key` of the image file it was read from; None for frames of videos.
    """

    source_id: str
    image: NDArray[np.uint8]
    notes: tuple[str, ...] = ()
    content: str | None = None


class SkippedFrame(NamedTuple):
    """One frame that cannot be used; the rest of the track is kept.

    Attributes:
        source_id: as in `Frame`.
        reason: short and without details, since skipped frames are counted by reason.
    """

    source_id: str
    reason: str


class SkipTrack(Exception):
    """Raised for a track that cannot be used; packing goes on with the next one.

    Args:
        reason: short and without details, since skipped tracks are counted by reason.
        detail: details for the examples in the manifest.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason)
        self.detail = detail


class TrackSource(Protocol):
    """Raw data as tracks of square RGB frames. Small and picklable, since each worker process receives a copy."""

    @property
    def size(self) -> int:
        """Side of the frames, pixels."""

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content, as JSON values: reader, its version, options, size.

        The description is part of the data's hash, so it has no absolute path, time or machine in it.
        """

    def tracks(self) -> list[RawTrack]:
        """List all tracks, in the same order every time.

        Raises:
            DataError: the root is missing, unreadable, or has nothing this source can read.
        """

    def read(self, track: RawTrack) -> Iterable[Frame | SkippedFrame]:
        """Read the frames of one track; the result is the same in any process and with any number of threads.

        Raises:
            SkipTrack: the track cannot be used. May be raised while iterating; frames before it are dropped.
        """


@runtime_checkable
class HasCheck(Protocol):
    """A source that can tell whether there is something to read without listing all of it."""

    def check(self) -> None:
        """Look at the folders down to the first that has tracks.

        Raises:
            DataError: as `TrackSource.tracks`, as far as this shows.
        """


def check_not_empty(source: TrackSource) -> None:
    """Refuse a source without anything to read. Lists all of it only if the source has no `check`.

    Raises:
        DataError: as `TrackSource.tracks`.
    """
    if isinstance(source, HasCheck):
        source.check()
    else:
        source.tracks()


@runtime_checkable
class HasRemarks(Protocol):
    """A source with remarks about the files it was given; they are kept in the manifest for people."""

    def remarks(self) -> list[str]:
        """One line per remark."""
