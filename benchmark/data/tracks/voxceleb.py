"""VoxCeleb+ : VoxCeleb1's frames and VoxCeleb2's clips as one source, a person in both being one identity.

VoxCeleb1 is ``unzippedFaces/NAME/1.6/VIDEO/*.jpg`` (or ``unzippedIntervalFaces``), frames at 1 fps whose names are
frame numbers at 25 fps; VoxCeleb2 is ``{dev,test}/mp4/ID/VIDEO/N.mp4``. ``vox1_meta.csv`` and ``vox2_meta.csv`` say
which folder is whose.

In VoxCeleb2 the face sits higher than in VoxCeleb1 and is a little smaller. FAb-Net's loader cuts a window of 190/256
of the side, 25/256 above the middle, out of VoxCeleb2; the window for VoxCeleb1 is the one in which eyes and mouth
come to lie in the same places, by a face detector's reading of frames of both.
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
from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, TrackSource
from benchmark.data.tracks.videos import VideoFolder
from benchmark.errors import DataError

FRAMES = ("unzippedFaces", "unzippedIntervalFaces")  # the first is at 1 fps already
CLIPS = ("dev/mp4", "test/mp4", "mp4")
RATE = 25  # frames a second that VoxCeleb1's frame numbers count
EXPECTED = {  # as published: 1,251 + 6,112 people, 22,496 videos + 1,128,246 utterances
    "vox1": {"identities": 1251, "tracks": 22_496},
    "vox2": {"identities": 6112, "tracks": 1_128_246},
}


class Window(NamedTuple):
    """The square cut out of a frame: the frame's side over its own, and how far below the middle, in frame sides."""

    tighten: float
    shift: float


CROPS = {
    "face": {"vox1": Window(1.2, 0.02), "vox2": Window(256 / 190, -25 / 256)},
    "whole": {"vox1": Window(1.0, 0.0), "vox2": Window(1.0, 0.0)},
}


class Meta(NamedTuple):
    """A metadata file: its form, in words, and what it says of each code: a folder's name or a person's."""

    form: str
    names: dict[str, str]


@dataclass(frozen=True)
class VoxCeleb:
    """Both sets, or one of them.

    Attributes:
        vox1: folder that holds ``unzippedFaces`` or ``unzippedIntervalFaces``; None without VoxCeleb1.
        vox2: folder that holds ``dev/mp4``, ``test/mp4`` or ``mp4``; None without VoxCeleb2.
        vox1_meta: ``vox1_meta.csv``; None leaves VoxCeleb1's people under their folders' names.
        vox2_meta: ``vox2_meta.csv``; without its column Name nobody can be found in both sets.
        fps: frames a second.
        size: side of the stored frames, pixels.
        crop: a key of ``CROPS``.
        max_frames: see `VideoFolder`.
        detector: finds each track's face, which is cut out instead, alike in both sets; ``crop`` is not used then.
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
        """The readers of the sets that are there."""
        parts: dict[str, TrackSource] = {}
        windows = CROPS["whole" if self.detector else self.crop]
        if self.vox1 is not None:
            step = max(1, round(RATE / self.fps))
            root = next((self.vox1 / name for name in FRAMES if (self.vox1 / name).is_dir()), self.vox1)
            parts["vox1"] = FrameFolder(root, self.size, *windows["vox1"], step=step, detector=self.detector)
        if self.vox2 is not None:
            parts["vox2"] = VideoFolder(
                self.vox2,
                self.fps,
                self.size,
                max_frames=self.max_frames,
                detector=self.detector,
                **windows["vox2"]._asdict(),
            )
        return parts

    def describe(self) -> dict[str, Any]:
        """All that determines the content."""
        return {
            "reader": "voxceleb",
            "version": 1,
            "crop": "detector" if self.detector else self.crop,
            "parts": {name: part.describe() for name, part in self.parts.items()},
            "expected": {name: EXPECTED[name] for name in self.parts},
        }

    def tracks(self) -> list[RawTrack]:
        """The tracks of both sets, named vox1/... and vox2/..., each under its person's one identity."""
        found = []
        for name, part in self.parts.items():
            person = self._people(name)
            for track in part.tracks():
                identity = person(track.identity)
                found.append(RawTrack(identity, f"{name}/{track.track}", f"{name}/{track.location}"))
        return found

    def read(self, track: RawTrack) -> Iterable[Frame | SkippedFrame]:
        """The frames of one track, as its own set's reader has them."""
        name, _, location = track.location.partition("/")
        return self.parts[name].read(RawTrack(track.identity, track.track.removeprefix(f"{name}/"), location))

    def remarks(self) -> list[str]:
        """Which form of metadata was found, whom it does not know, and how many people are in both sets."""
        lines = []
        for name, path in (("vox1", self.vox1_meta), ("vox2", self.vox2_meta)):
            if name in self.parts:
                lines.append(f"{path.name}: {self._meta[name].form}" if path else f"{name}: no {name}_meta.csv")
        if len(self.parts) == 2:
            names = [self._names_of(name).keys() for name in self.parts]
            lines.append(
                f"{len(names[0] & names[1])} people are in both sets by name"
                if all(names)
                else "people in both sets cannot be known without the names in both metadata files"
            )
        return lines

    @cached_property
    def _meta(self) -> dict[str, Meta]:
        none = Meta("", {})
        return {
            "vox1": read_meta(self.vox1_meta, "VoxCeleb1 ID", "VGGFace1 ID") if self.vox1_meta else none,
            "vox2": read_meta(self.vox2_meta, "VoxCeleb2 ID", "Name") if self.vox2_meta else none,
        }

    def _names_of(self, name: str) -> dict[str, str]:
        """Codes by plain names; a name that two codes of a set share is one person."""
        codes: dict[str, str] = {}
        for code, person in self._meta[name].names.items():
            codes.setdefault(plain(person), code)
        codes.pop("", None)
        return codes

    def _people(self, name: str) -> "_Person":
        own, first = self._names_of(name), self._names_of("vox1")
        return _Person(self._meta[name].names, {**own, **first} if name == "vox2" else own)


@dataclass(frozen=True)
class _Person:
    """Folder name -> identity: VoxCeleb1's code of the person where there is one, else VoxCeleb2's, else the name."""

    name_of: Mapping[str, str]
    code_of: Mapping[str, str]

    def __call__(self, folder: str) -> str:
        name = self.name_of.get(folder, folder)
        return self.code_of.get(plain(name), folder)


def plain(name: str) -> str:
    """A name as folders and metadata agree on it: letters and digits alone, since some end in a full stop."""
    return re.sub(r"[\W_]+", "", name).casefold()


def read_meta(path: Path, code: str, name: str) -> Meta:
    """Reads ``vox1_meta.csv`` or either form of ``vox2_meta.csv``: tabs or commas, padded with blanks or not.

    Raises:
        DataError: the file cannot be read, or lacks the column of codes, or a row has fewer cells than the header.
    """
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    separator = "\t" if lines and "\t" in lines[0] else ","
    rows = [[cell.strip() for cell in line.split(separator)] for line in lines]
    if not rows or code not in rows[0]:
        raise DataError(f"{path}: no column {code!r} in its first line; expected VoxCeleb's metadata")
    form = f"{'tabs' if separator == chr(9) else 'commas'}, columns {', '.join(rows[0])}"
    if name not in rows[0]:
        return Meta(form, {})
    place, named = rows[0].index(code), rows[0].index(name)
    names = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) <= max(place, named) or not row[place]:
            raise DataError(f"{path}: line {number} lacks a code or name; cut short?")
        names[row[place]] = row[named]
    return Meta(form, names)


def locate_frames(root: Path) -> Path | None:
    """The folder of VoxCeleb1's frames at ``root`` or one level below."""
    return _holding(root, FRAMES)


def locate_clips(root: Path) -> Path | None:
    """The folder of VoxCeleb2's clips at ``root`` or one level below."""
    return _holding(root, CLIPS)


def locate_meta(name: str, *roots: Path | None) -> Path | None:
    """A metadata file in one of these folders or beside it."""
    places = [place for root in roots if root is not None for place in (root, root.parent)]
    return next((place / name for place in places if (place / name).is_file()), None)


def _holding(root: Path, names: Iterable[str]) -> Path | None:
    check_root(root)
    below = sorted(path for path in root.iterdir() if path.is_dir())
    return next((place for place in (root, *below) if any((place / name).is_dir() for name in names)), None)
