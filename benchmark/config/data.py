"""Schema of the pre-training data: one class for each ``data.kind``."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from benchmark.config.base import AsWritten, Count, Folder, NonNegative, Schema, Seed, Whole
from benchmark.config.own import TrackReader

RENAMED = {"joined": "concat"}  # former names of kinds

Sampling = Literal["track", "identity"]
SAMPLING: Sampling = "track"  # the default, which is no part of a run's identity

Jpeg = Annotated[Whole, Field(ge=1, le=100)]


@dataclass(frozen=True)
class Data(Schema):
    """Keys that every kind of pre-training data has."""

    kind: str
    name: str  # of a folder below the benchmark's
    store: Folder | None = None  # folder of the packed store; default: in the cache
    root: Folder | None = None  # folder of the raw files, for kinds that read files
    size: Annotated[Whole, Field(ge=16)] = 256  # side of a stored frame, pixels
    split_seed: Seed = 0  # of the split of identities into train/val/test, 75/15/10
    jpeg_quality: Jpeg = 95
    # What training draws uniformly: a track | a person, then one of the person's videos, then a track of it, as FAb-Net
    sampling: Sampling = SAMPLING


@dataclass(frozen=True)
class SyntheticData(Data):
    """Built-in faces, rendered here; nothing is downloaded."""

    kind: Literal["synthetic"] = "synthetic"
    name: str = "synthetic"
    size: Annotated[Whole, Field(ge=16)] = 64
    identities: Annotated[Whole, Field(ge=2)] = 320  # one to train on and one to validate
    tracks_per_identity: Count = 4
    frames_per_track: Annotated[Whole, Field(ge=2)] = 8
    seed: Seed = 0
    version: Annotated[Whole, Field(ge=1, le=2)] = 2  # 2: faces move as in real tracks; 1: as before (docs/fairness.md)

    @field_validator("root")
    @classmethod
    def _refuse_root(cls, root: str | None) -> None:
        """A folder of raw files would change the name of the store, and nothing else."""
        if root is not None:
            raise ValueError("has no effect with data=synthetic, which reads no files; leave it out")


@dataclass(frozen=True)
class VideoData(Data):
    """A folder of videos: VoxCeleb2's mp4/ID/VIDEO/N.mp4 or any ID/.../*.mp4."""

    kind: Literal["videos"] = "videos"
    name: str = "videos"
    fps: NonNegative = 1.0  # frames kept per second of video
    tighten: NonNegative = 1.0  # 1: the whole centre square; 1.5: its middle, two thirds of the side
    max_frames: Count | None = None  # frames kept of one video, at most
    detector: str | None = None  # weights of a face detector that crops each track (docs/data.md)


@dataclass(frozen=True)
class FrameData(Data):
    """Folders of frames: ID/VIDEO[/TRACK]/*.jpg or VoxCeleb1's unzippedFaces/NAME/1.6/VIDEO/*.jpg."""

    kind: Literal["frames"] = "frames"
    name: str = "frames"
    tighten: NonNegative = 1.0
    detector: str | None = None


@dataclass(frozen=True)
class VideoPart(VideoData):
    """Videos as a part of `ConcatData`."""

    fps: Annotated[AsWritten, Field(ge=0)] = 1.0
    tighten: Annotated[AsWritten, Field(ge=0)] = 1.0


@dataclass(frozen=True)
class FramePart(FrameData):
    """Frames as a part of `ConcatData`."""

    tighten: Annotated[AsWritten, Field(ge=0)] = 1.0


@dataclass(frozen=True)
class ConcatData(Data):
    """Several folders as one data set: `parts` lists videos and frames, each with its own keys.

    Parts have the ``size`` of the whole, and its ``detector`` unless they set their own.
    """

    kind: Literal["concat"] = "concat"
    name: str = "joined"  # the former name of the kind, which stores and run folders on disk have
    detector: str | None = None
    parts: list[Annotated[VideoPart | FramePart, Field(discriminator="kind")]] = Field(
        default_factory=list, min_length=1, validate_default=True
    )  # such as {kind: videos, root: DIR, fps: 2}

    @field_validator("parts", mode="before")
    @classmethod
    def _pass_on(cls, parts: Any, info: ValidationInfo) -> Any:
        if not isinstance(parts, list):
            return parts
        default = {"detector": info.data.get("detector")}
        fixed = {"size": info.data["size"]} if "size" in info.data else {}
        return [{**default, **part, **fixed} if isinstance(part, Mapping) else part for part in parts]


@dataclass(frozen=True)
class VoxCelebData(Data):
    """VoxCeleb1's frames and VoxCeleb2's clips as one set; people in both are matched by name."""

    kind: Literal["voxceleb"] = "voxceleb"
    name: str = "voxceleb"
    vox1: Folder | None = None  # folder of unzippedFaces/; default: found in root
    vox2: Folder | None = None  # folder of dev/mp4/ and test/mp4/; default: found in root
    vox1_meta: str | None = None  # vox1_meta.csv; default: found in vox1, beside it, or in root
    vox2_meta: str | None = None
    fps: NonNegative = 1.0
    crop: Literal["face", "whole"] = "face"  # face: FAb-Net's window, matched for VoxCeleb1 | whole: frames uncropped
    max_frames: Count | None = None
    detector: str | None = None


BuiltInData = SyntheticData | VideoData | FrameData | ConcatData | VoxCelebData
DATA_KINDS: dict[str, type[BuiltInData]] = {kind.kind: kind for kind in get_args(BuiltInData)}
AnyData = BuiltInData | TrackReader
