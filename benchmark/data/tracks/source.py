"""The contract between raw data and the packed store: what `prepare` asks of anything that yields tracks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, slots=True)
class RawTrack:
    """A track that can be read: whose it is, what it is called, and where it lies.

    ``track`` is unique in its source, e.g. ``id90001/v_00015/00001``. ``location`` is what the source's own
    ``read`` needs to find it again: a path relative to the source's root, or a seed.
    """

    identity: str
    track: str
    location: str


class Picture(NamedTuple):
    """One frame of a track as a file holds it, upright RGB, before it is cropped."""

    source_id: str  # this and notes and content as in `Frame`
    image: Image.Image
    notes: tuple[str, ...] = ()
    content: str | None = None
    pixel_aspect: float = 1.0  # width of a pixel divided by its height


class Frame(NamedTuple):
    """One frame of a track, ready to be stored."""

    source_id: str  # where it comes from within the track: a file name, a time, a number
    image: NDArray[np.uint8]  # (size, size, 3), RGB
    notes: tuple[str, ...] = ()  # what had to be done to it, counted in the manifest: ("resized", "grey to RGB")
    content: str | None = None  # of the image file it was read from, as `content_key` has it; None for a video's


class SkippedFrame(NamedTuple):
    """One frame that cannot be used; counted by reason, the track goes on."""

    source_id: str
    reason: str  # short and the same for all of its kind, since it is what skips are counted by


class SkipTrack(Exception):
    """The reason a whole track cannot be used; counted by reason, preparation goes on.

    Like the reason of a skipped frame, the message is the same for all of its kind; details go to ``detail``.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(reason)
        self.detail = detail


class TrackSource(Protocol):
    """Raw data as tracks of square RGB frames. Small and picklable: every worker process gets a copy."""

    @property
    def size(self) -> int:
        """Side of the frames, pixels."""

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content, as plain JSON values: reader, its version, options, size.

        It enters the hash of the data, so it names no absolute path, time or machine.
        """

    def tracks(self) -> list[RawTrack]:
        """All tracks, in the same order every time.

        Raises:
            DataError: the root is missing, unreadable, or holds nothing this source can read.
        """

    def read(self, track: RawTrack) -> Iterable[Frame | SkippedFrame]:
        """The frames of one track, the same whatever process or number of threads reads them.

        Raises:
            SkipTrack: nothing of the track can be used (also while iterating; what came before is dropped).
        """


@runtime_checkable
class Remarks(Protocol):
    """A source with something to say about the files it found, for people: it is kept in the manifest."""

    def remarks(self) -> list[str]:
        """A line each."""
