"""Folders of images as tracks: the frames of one folder, one track."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from benchmark.data.folders import IMAGES, check_root, is_kind, step_into, walk
from benchmark.data.tracks.crop import check_crop, cropped, describe_crop
from benchmark.data.tracks.detector import FaceDetector
from benchmark.data.tracks.source import Frame, Picture, RawTrack, SkippedFrame, SkipTrack
from benchmark.errors import DataError
from benchmark.files import content_key

KNOWN_FOLDERS = ("unzippedFaces", "unzippedIntervalFaces/data")  # where VoxCeleb1 keeps its identities
CONVERTIBLE = {"1": "grey", "L": "grey", "CMYK": "CMYK", "YCbCr": "YCbCr", "P": "palette"}


@dataclass(frozen=True)
class FrameFolder:
    """Images in ``ID/VIDEO[/TRACK]/*.jpg`` (also .png ...), or VoxCeleb1's folders as they are unpacked.

    Every folder that holds images is a track; the first folder level is the identity, below
    ``unzippedFaces`` (``NAME/1.6/VIDEO/*.jpg``) and ``unzippedIntervalFaces/data``
    (``NAME/1.6/VIDEO/TRACK/*.jpg``) where the root holds them. Other files, such as VISITED, are ignored.

    Attributes:
        root: the folder.
        size: side of the stored frames, pixels.
        tighten: see ``benchmark.data.tracks.crop.centre_square``, as for ``shift``.
        step: where names are frame numbers, the least distance of those kept.
        detector: finds each folder's face, which is cut out instead; see ``benchmark.data.tracks.crop.face_square``.
    """

    root: Path
    size: int = 256
    tighten: float = 1.0
    shift: float = 0.0
    step: int = 1
    detector: FaceDetector | None = None

    def __post_init__(self) -> None:
        check_crop(self.size, self.tighten, self.shift, self.detector)

    def describe(self) -> dict[str, Any]:
        return {
            "reader": "frames",
            "version": 1,
            "size": self.size,
            "crop": describe_crop(self.tighten, self.shift, self.detector),
            **({"step": self.step} if self.step > 1 else {}),
        }

    def tracks(self) -> list[RawTrack]:
        check_root(self.root)
        if self.detector is not None:
            self.detector.check()
        known = ("data",) if self.root.name == "unzippedIntervalFaces" else KNOWN_FOLDERS
        found, flat = [], 0
        for base in step_into(self.root, known):
            for folder, names in walk(self.root / base, IMAGES):
                if not folder:
                    flat += len(names)  # whose are they?
                    continue
                location = folder if base == "." else f"{base}/{folder}"
                found.append(RawTrack(folder.partition("/")[0], folder, location))
        if not found:
            there = f"{flat} images lie directly in it" if flat else "no image in it"
            raise DataError(
                f"{self.root}: {there}; expected ID/VIDEO/*.jpg, one folder a track (for video files use data=videos)"
            )
        return found

    def read(self, track: RawTrack) -> Iterator[Frame | SkippedFrame]:
        return cropped(partial(self._pictures, track), self.size, self.tighten, self.shift, self.detector)

    def _pictures(self, track: RawTrack) -> Iterator[Picture | SkippedFrame]:
        folder = self.root / track.location
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            raise SkipTrack("folder cannot be read", error.strerror or str(error)) from error
        due = 0
        for path in paths:
            if not is_kind(path.name, IMAGES):
                continue
            number = int(path.stem) if path.stem.isdecimal() else due
            if number >= due:
                due = number + self.step if path.stem.isdecimal() else 0
                yield _picture(path)


def _picture(path: Path) -> Picture | SkippedFrame:
    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content)) as file:
            image, notes = as_rgb(file)
    except ValueError as error:
        return SkippedFrame(path.name, str(error))
    except (OSError, SyntaxError, Image.DecompressionBombError):  # Pillow raises all of these
        return SkippedFrame(path.name, "broken image")
    return Picture(path.name, image, tuple(notes), content_key(content))


def as_rgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """An image of any common kind as upright 8-bit RGB, and what had to be done to it.

    Transparent parts are laid over black; 16-bit and float images are refused, as their range is unknown.

    Raises:
        ValueError: the kind of image is not supported.
    """
    notes = []
    if image.getexif().get(0x0112, 1) != 1:
        image = ImageOps.exif_transpose(image)
        notes.append("rotated upright")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        notes.append("alpha to RGB")
    elif image.mode in CONVERTIBLE:
        notes.append(f"{CONVERTIBLE[image.mode]} to RGB")
    elif image.mode != "RGB":
        raise ValueError(f"image of unsupported kind {image.mode}")
    return image.convert("RGB"), notes
