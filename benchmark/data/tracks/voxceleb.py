"""Reader for VoxCeleb+: VoxCeleb1's frames and VoxCeleb2's clips as one source, with one identity per person.

Layout: VoxCeleb1 is ``unzippedFaces/NAME/1.6/VIDEO/*.jpg`` (or ``unzippedIntervalFaces``), frames at 1 fps named by
their frame number at 25 fps. VoxCeleb2 is ``{dev,test}/mp4/ID/VIDEO/N.mp4``. ``vox1_meta.csv`` and ``vox2_meta.csv``
map folders to people.

Crops: in VoxCeleb2 the face lies higher and is a little smaller than in VoxCeleb1. From VoxCeleb2, FAb-Net's loader
cuts a window of 190/256 of the frame's side, 25/256 above the centre. The window for VoxCeleb1 is the one that brings
eyes and mouth to the same places, measured with a face detector on frames of both.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.data.folders import check_root
from benchmark.data.text import read_text
from benchmark.data.tracks.detector import FaceDetector
from benchmark.data.tracks.frames import FrameFolder
from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, TrackSource, check_not_empty
from benchmark.data.tracks.videos import VideoFolder
from benchmark.errors import DataError

FRAME_FOLDERS = ("unzippedFaces", "unzippedIntervalFaces")  # of VoxCeleb1; the first is preferred: it is at 1 fps
CLIP_FOLDERS = ("dev/mp4", "test/mp4", "mp4")  # of VoxCeleb2
FRAME_NUMBER_RATE = 25  # frames per second counted by the names of VoxCeleb1's frames
EXPECTED = {  # as published: 1,251 + 6,112 people, 22,496 videos + 1,128,246 utterances
    "vox1": {"identities": 1251, "tracks": 22_496},
    "vox2": {"identities": 6112, "tracks": 1_128_246},
}


class Window(NamedTuple):
    """Square cut from a frame.

    Attributes:
        tighten: side of the frame divided by the side of the square.
        shift: how far the square lies below the centre of the frame, in sides of the frame.
    """

    tighten: float
    shift: float


CROPS = {
    "face": {"vox1": Window(1.2, 0.02), "vox2": Window(256 / 190, -25 / 256)},
    "whole": {"vox1": Window(1.0, 0.0), "vox2": Window(1.0, 0.0)},
}


class Metadata(NamedTuple):
    """Content of a metadata file.

    Attributes:
        format: separator and columns, for people.
        names: code such as ``id10001`` -> name: that of the folder in VoxCeleb1, of the person in VoxCeleb2. Empty for
            a file without names.
    """

    format: str
    names: dict[str, str]


@dataclass(frozen=True)
class VoxCeleb:
    """Both sets, or one of them.

    Attributes:
        vox1: folder with ``unzippedFaces`` or ``unzippedIntervalFaces``; None to leave VoxCeleb1 out.
        vox2: folder with ``dev/mp4``, ``test/mp4`` or ``mp4``; None to leave VoxCeleb2 out.
        vox1_meta: ``vox1_meta.csv``; without it, the identities of VoxCeleb1 are the names of its folders.
        vox2_meta: ``vox2_meta.csv``; without its column Name, people who are in both sets cannot be matched.
        fps: frames per second to keep.
        size: side of the stored frames, pixels.
        crop: a key of ``CROPS``. Not used with a detector.
        max_frames: see `VideoFolder`.
        detector: see `benchmark.data.tracks.crop.Crop`; crops both sets alike.
    """

    vox1: Path | None
    vox2: Path | None
    vox1_meta: Path | None = None
    vox2_meta: Path | None = None
    fps: float = 1.0
    size: int = 256
    crop: str = "face"
    max_frames: int | None = None
    detector: FaceDetector | None = None

    @cached_property
    def parts(self) -> dict[str, TrackSource]:
        """Readers of the sets that are given, by ``vox1`` and ``vox2``."""
        windows = CROPS["whole" if self.detector else self.crop]
        parts: dict[str, TrackSource] = {}
        if self.vox1 is not None:
            parts["vox1"] = FrameFolder(
                next((self.vox1 / name for name in FRAME_FOLDERS if (self.vox1 / name).is_dir()), self.vox1),
                size=self.size,
                tighten=windows["vox1"].tighten,
                shift=windows["vox1"].shift,
                step=max(1, round(FRAME_NUMBER_RATE / self.fps)),
                detector=self.detector,
            )
        if self.vox2 is not None:
            parts["vox2"] = VideoFolder(
                self.vox2,
                fps=self.fps,
                size=self.size,
                tighten=windows["vox2"].tighten,
                shift=windows["vox2"].shift,
                max_frames=self.max_frames,
                detector=self.detector,
            )
        return parts

    def describe(self) -> dict[str, Any]:
        """Everything that determines the content."""
        return {
            "reader": "voxceleb",
            "version": 1,
            "crop": "detector" if self.detector else self.crop,
            "parts": {name: part.describe() for name, part in self.parts.items()},
            "expected": {name: EXPECTED[name] for name in self.parts},
        }

    def check(self) -> None:
        """Find one track of each set, and read the metadata.

        Raises:
            DataError: there is none, or a file cannot be read.
        """
        for part in self.parts.values():
            check_not_empty(part)
        _ = self._metadata

    def tracks(self) -> list[RawTrack]:
        """List the tracks of both sets, named ``vox1/...`` and ``vox2/...``, with one identity per person."""
        tracks = []
        for name, part in self.parts.items():
            identities = self._identities(name)
            for track in part.tracks():
                identity = identities.of_folder(track.identity)
                tracks.append(RawTrack(identity, f"{name}/{track.track}", f"{name}/{track.location}"))
        return tracks

    def read(self, track: RawTrack) -> Iterable[Frame | SkippedFrame]:
        """Read the frames of one track through the reader of its set."""
        name, _, location = track.location.partition("/")
        return self.parts[name].read(RawTrack(track.identity, track.track.removeprefix(f"{name}/"), location))

    def remarks(self) -> list[str]:
        """Format of the metadata files, and how many people are in both sets."""
        lines = []
        for name, path in (("vox1", self.vox1_meta), ("vox2", self.vox2_meta)):
            if name in self.parts:
                lines.append(f"{path.name}: {self._metadata[name].format}" if path else f"{name}: no {name}_meta.csv")
        if len(self.parts) == 2:
            people1, people2 = self._code_of_person("vox1").keys(), self._code_of_person("vox2").keys()
            if people1 and people2:
                lines.append(f"{len(people1 & people2)} people are in both sets by name")
            else:
                lines.append("people in both sets cannot be known without the names in both metadata files")
        return lines

    @cached_property
    def _metadata(self) -> dict[str, Metadata]:
        none = Metadata("", {})
        return {
            "vox1": read_metadata(self.vox1_meta, "VoxCeleb1 ID", "VGGFace1 ID") if self.vox1_meta else none,
            "vox2": read_metadata(self.vox2_meta, "VoxCeleb2 ID", "Name") if self.vox2_meta else none,
        }

    def _code_of_person(self, name: str) -> dict[str, str]:
        """Normalised name -> code in one set; where two codes have the same name, the first."""
        codes: dict[str, str] = {}
        for code, person in self._metadata[name].names.items():
            codes.setdefault(normalised(person), code)
        codes.pop("", None)
        return codes

    def _identities(self, name: str) -> "_Identities":
        codes = self._code_of_person(name)
        if name == "vox2":
            codes |= self._code_of_person("vox1")
        return _Identities(self._metadata[name].names, codes)


@dataclass(frozen=True)
class _Identities:
    """Identities of one set: the person's code in VoxCeleb1 if there is one, else in VoxCeleb2, else the folder.

    Attributes:
        name_of_code: code -> name, as in the set's metadata.
        code_of_person: normalised name -> code.
    """

    name_of_code: Mapping[str, str]
    code_of_person: Mapping[str, str]

    def of_folder(self, folder: str) -> str:
        """Identity of a folder, which is a name in VoxCeleb1 and a code in VoxCeleb2."""
        name = self.name_of_code.get(folder, folder)
        return self.code_of_person.get(normalised(name), folder)


def normalised(name: str) -> str:
    """A name reduced to its letters and digits, in lower case, since folders and metadata differ in punctuation."""
    return re.sub(r"[\W_]+", "", name).casefold()


def read_metadata(path: Path, code_column: str, name_column: str) -> Metadata:
    """Read ``vox1_meta.csv`` or either form of ``vox2_meta.csv``: separated by tabs or commas, padded or not.

    Raises:
        DataError: the file cannot be read, has no column of codes, or a row has fewer cells than the header.
    """
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    separator, separators = ("\t", "tabs") if lines and "\t" in lines[0] else (",", "commas")
    rows = [[cell.strip() for cell in line.split(separator)] for line in lines]
    if not rows or code_column not in rows[0]:
        raise DataError(f"{path}: no column {code_column!r} in its first line; expected VoxCeleb's metadata")
    header = rows[0]
    file_format = f"{separators}, columns {', '.join(header)}"
    if name_column not in header:
        return Metadata(file_format, {})
    code_at, name_at = header.index(code_column), header.index(name_column)
    names = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) <= max(code_at, name_at) or not row[code_at]:
            raise DataError(f"{path}: line {number} lacks a code or name; cut short?")
        names[row[code_at]] = row[name_at]
    return Metadata(file_format, names)


def locate_frames(root: Path) -> Path | None:
    """Folder with VoxCeleb1's frames: ``root`` or a folder directly in it; None if there is none."""
    return _folder_with(root, FRAME_FOLDERS)


def locate_clips(root: Path) -> Path | None:
    """Folder with VoxCeleb2's clips: ``root`` or a folder directly in it; None if there is none."""
    return _folder_with(root, CLIP_FOLDERS)


def locate_metadata(name: str, *roots: Path | None) -> Path | None:
    """Path of a metadata file in one of these folders or next to it; None if there is none."""
    for root in roots:
        if root is not None:
            for folder in (root, root.parent):
                if (folder / name).is_file():
                    return folder / name
    return None


def _folder_with(root: Path, names: Iterable[str]) -> Path | None:
    check_root(root)
    subfolders = sorted(path for path in root.iterdir() if path.is_dir())
    for folder in (root, *subfolders):
        if any((folder / name).is_dir() for name in names):
            return folder
    return None
