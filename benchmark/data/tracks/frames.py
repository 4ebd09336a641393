"""Reader for folders of images: the images of one folder are the frames of one track."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from benchmark.data.folders import IMAGES, check_root, existing_subfolders, is_kind, walk
from benchmark.data.tracks.crop import Crop
from benchmark.data.tracks.detector import FaceDetector
from benchmark.data.tracks.source import Frame, RawFrame, RawTrack, SkippedFrame, SkipTrack
from benchmark.errors import DataError
from benchmark.files import content_key

IDENTITY_FOLDERS = ("unzippedFaces", "unzippedIntervalFaces/data")  # of VoxCeleb1
CONVERTIBLE = {"1": "grey", "L": "grey", "CMYK": "CMYK", "YCbCr": "YCbCr", "P": "palette"}  # Pillow mode -> its name
EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class FrameFolder:
    """Images in ``ID/VIDEO[/TRACK]/*.jpg`` (also .png ...), or VoxCeleb1's folders as they are unpacked.

    Every folder with images is a track. The first folder level is the identity, below ``unzippedFaces``
    (``NAME/1.6/VIDEO/*.jpg``) and ``unzippedIntervalFaces/data`` (``NAME/1.6/VIDEO/TRACK/*.jpg``) where the root has
    them. Other files are ignored.

    Attributes:
        root: the folder.
        size: side of the stored frames, pixels.
        tighten: see `Crop`.
        shift: see `Crop`.
        step: minimum distance between the frames kept, where file names are frame numbers.
        detector: see `Crop`.
    """

    root: Path
    size: int = 256
    tighten: float = 1.0
    shift: float = 0.0
    step: int = 1
    detector: FaceDetector | None = None

    def __post_init__(self) -> None:
        _ = self.crop  # raises UsageError for values out of range

    @property
    def crop(self) -> Crop:
        """Crop of the frames."""
        return Crop(self.size, self.tighten, self.shift, self.detector)

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content."""
        return {
            "reader": "frames",
            "version": 1,
            "size": self.size,
            "crop": self.crop.describe(),
            **({"step": self.step} if self.step > 1 else {}),
        }

    def check(self) -> None:
        """Find one folder with images.

        Raises:
            DataError: there is none, or the folder or the detector's weights cannot be read.
        """
        check_root(self.root)
        if self.detector is not None:
            self.detector.check()
        n_without_identity = 0
        for _, folder, names in self._folders():
            if folder:
                return
            n_without_identity += len(names)
        state = f"{n_without_identity} images lie directly in it" if n_without_identity else "no image in it"
        raise DataError(
            f"{self.root}: {state}; expected ID/VIDEO/*.jpg, one folder a track (for video files use data=videos)"
        )

    def _folders(self) -> Iterator[tuple[str, str, list[str]]]:
        """Folder above the identities, path below it, and names of the images, of each folder with images."""
        known = ("data",) if self.root.name == "unzippedIntervalFaces" else IDENTITY_FOLDERS
        for base in existing_subfolders(self.root, known):
            for folder, names in walk(self.root / base, IMAGES):
                yield base, folder, names

    def tracks(self) -> list[RawTrack]:
        """List the folders with images, sorted by path."""
        self.check()
        return [
            RawTrack(folder.partition("/")[0], folder, folder if base == "." else f"{base}/{folder}")
            for base, folder, _ in self._folders()
            if folder
        ]

    def read(self, track: RawTrack) -> Iterator[Frame | SkippedFrame]:
        """Read and crop the images of one folder, sorted by name."""
        return self.crop.apply(partial(self._raw_frames, track))

    def _raw_frames(self, track: RawTrack) -> Iterator[RawFrame | SkippedFrame]:
        folder = self.root / track.location
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            raise SkipTrack("folder cannot be read", error.strerror or str(error)) from error
        next_number = 0
        for path in paths:
            if not is_kind(path.name, IMAGES):
                continue
            if not path.stem.isdecimal():
                next_number = 0
                yield _read_image(path)
            elif (number := int(path.stem)) >= next_number:
                next_number = number + self.step
                yield _read_image(path)


def _read_image(path: Path) -> RawFrame | SkippedFrame:
    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content)) as file:
            image, notes = as_rgb(file)
    except ValueError as error:
        return SkippedFrame(path.name, str(error))
    except (OSError, SyntaxError, Image.DecompressionBombError):  # Pillow raises all of these
        return SkippedFrame(path.name, "broken image")
    return RawFrame(path.name, image, tuple(notes), content_key(content))


def as_rgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Convert an image to upright 8-bit RGB.

    Transparent pixels are blended with black. 16-bit and float images are refused, as their range is unknown.

    Returns:
        The image, and the names of the conversions applied.

    Raises:
        ValueError: the kind of image is not supported.
    """
    notes = []
    if image.getexif().get(EXIF_ORIENTATION, 1) != 1:
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
