"""The schema of a benchmark's configuration: every key, its default and its meaning."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Data:
    """What every kind of pre-training data has."""

    kind: str
    name: str  # a folder below the benchmark's
    store: str | None = None  # folder of the packed store; default: in the cache
    root: str | None = None  # the folder of raw files, where the kind has one
    size: int = 256  # side of a stored frame, pixels
    split_seed: int = 0  # identities to train/val/test, 75/15/10
    jpeg_quality: int = 95


@dataclass
class SyntheticData(Data):
    """Built-in faces, rendered here; nothing is downloaded."""

    kind: str = "synthetic"
    name: str = "synthetic"
    size: int = 64
    identities: int = 320
    tracks_per_identity: int = 4
    frames_per_track: int = 8
    seed: int = 0


@dataclass
class VideoData(Data):
    """A folder of videos: VoxCeleb2's mp4/ID/VIDEO/N.mp4 or any ID/.../*.mp4."""

    kind: str = "videos"
    name: str = "videos"
    fps: float = 1.0  # frames kept per second of video
    tighten: float = 1.0  # 1: the whole centre square; 1.5: its middle, two thirds of the side
    max_frames: int | None = None  # keep at most so many frames of a video
    detector: str | None = None  # weights of a face detector (docs/data.md): cut out the face of each track


@dataclass
class FrameData(Data):
    """Folders of frames: ID/VIDEO[/TRACK]/*.jpg or VoxCeleb1's unzippedFaces/NAME/1.6/VIDEO/*.jpg."""

    kind: str = "frames"
    name: str = "frames"
    tighten: float = 1.0
    detector: str | None = None  # weights of a face detector (docs/data.md): cut out the face of each track


@dataclass
class ConcatData(Data):
    """Several folders as one data set: `parts` lists videos and frames, each with its own keys."""

    kind: str = "joined"
    name: str = "joined"
    parts: list[Any] = field(default_factory=list)  # such as {kind: videos, root: DIR, fps: 2}
    detector: str | None = None  # weights of a face detector (docs/data.md): cut out the face of each track


@dataclass
class VoxCelebData(Data):
    """VoxCeleb1's frames and VoxCeleb2's clips as one set; a person in both is one identity."""

    kind: str = "voxceleb"
    name: str = "voxceleb"
    vox1: str | None = None  # folder of unzippedFaces/; default: found in root
    vox2: str | None = None  # folder of dev/mp4/ and test/mp4/; default: found in root
    vox1_meta: str | None = None  # vox1_meta.csv; default: found in vox1, beside it, or in root
    vox2_meta: str | None = None
    fps: float = 1.0
    crop: str = "face"  # face: FAb-Net's window, and its like for VoxCeleb1 | whole: frames as they are distributed
    max_frames: int | None = None
    detector: str | None = None  # weights of a face detector (docs/data.md): cut out the face of each track


@dataclass
class SyntheticFaces:
    """The built-in labelled faces; each number of faces is a multiple of ``frames_per_identity``."""

    kind: str = "synthetic"
    size: int = 64
    train: int = 4000
    val: int = 504
    test: int = 1000
    frames_per_identity: int = 8
    seed: int = 0


@dataclass
class FaceFolder:
    """What every published labelled set has; ``root`` is its folder, or one that holds it beside others."""

    kind: str
    root: str | None = None
    size: int = 256
    seed: int = 0  # of what the protocol leaves to chance
    val_fraction: float = 0.15  # of train, where the protocol has no val


@dataclass
class W300Faces(FaceFolder):
    """300-W: 68 landmarks; afw helen lfpw ibug with a .pts beside each image."""

    kind: str = "w300"
    boxes: str = "auto"  # auto: the .mat files where they are all there, else the landmarks | mat | landmarks


@dataclass
class MaflFaces(FaceFolder):
    """MAFL on CelebA: 5 landmarks; Anno/ and Img/ of CelebA, training.txt and testing.txt of MAFL."""

    kind: str = "mafl"
    lists: str | None = None  # folder of training.txt and testing.txt, where they are not in CelebA's


@dataclass
class AflwFaces(FaceFolder):
    """AFLW: roll, pitch and yaw; aflw.sqlite and flickr/."""

    kind: str = "aflw"
    test_list: str | None = None  # names of test images or face ids, a line each; default: a split by seed


@dataclass
class AffectNetFaces(FaceFolder):
    """AffectNet: 8 expressions; CSV file lists, or train_set/ and val_set/ with .npy annotations."""

    kind: str = "affectnet"
    crop: str = "image"  # image: the given picture, as the paper's | box: the face box of the CSV lists


@dataclass
class EmotioNetFaces(FaceFolder):
    """EmotioNet: 11 action units; lists of URLs with labels, and the images that were downloaded."""

    kind: str = "emotionet"
    images: str | None = None  # folder of the images, where they are not below root
    boxes: str | None = None  # CSV image,left,top,width,height of one's own face boxes; default: whole images


@dataclass
class Aflw2000Faces(FaceFolder):
    """AFLW2000-3D: roll, pitch and yaw; image*.jpg with .mat, 300W-LP to train on."""

    kind: str = "aflw2000"
    train: str | None = None  # folder of 300W-LP; without it AFLW2000-3D itself is split by seed


@dataclass
class RafDbFaces(FaceFolder):
    """RAF-DB: 7 expressions; EmoLabel/list_patition_label.txt and Image/aligned/."""

    kind: str = "rafdb"


@dataclass
class Fer2013Faces(FaceFolder):
    """FER-2013: 7 expressions; fer2013.csv, or icml_face_data.csv."""

    kind: str = "fer2013"


@dataclass
class WflwFaces(FaceFolder):
    """WFLW: 98 landmarks; WFLW_annotations/ and WFLW_images/."""

    kind: str = "wflw"


@dataclass
class PointFaces(FaceFolder):
    """One's own landmarks: .pts beside each image, or dlib XML files."""

    kind: str = "points"
    first_pixel: int = 1  # coordinates of the first pixel in .pts: 1 as in 300-W, or 0
    eyes: list[int] = field(default_factory=lambda: [36, 45])  # the points whose distance is the unit of error
    factor: float = 1.2  # side of the crop, in larger sides of the box round the landmarks


SET_KINDS: dict[str, type[FaceFolder]] = {
    "w300": W300Faces,
    "mafl": MaflFaces,
    "aflw": AflwFaces,
    "affectnet": AffectNetFaces,
    "emotionet": EmotioNetFaces,
    "aflw2000": Aflw2000Faces,
    "rafdb": RafDbFaces,
    "fer2013": Fer2013Faces,
    "wflw": WflwFaces,
    "points": PointFaces,
}


DATA_KINDS: dict[str, type] = {
    "synthetic": SyntheticData,
    "videos": VideoData,
    "frames": FrameData,
    "joined": ConcatData,
    "voxceleb": VoxCelebData,
}


@dataclass
class EncoderConfig:
    """The common encoder, the same for every row."""

    width: int = 32  # channels of the first convolution (the paper: 32)
    dim: int = 256  # embedding dimension


@dataclass
class AugmentConfig:
    """Crop jitter on the device, drawn for each frame on its own. No flip, no colour (as the paper)."""

    translate: float = 0.05  # uniform, +- this share of the side
    scale: float = 0.1  # uniform in 1 +- this


@dataclass
class TrainConfig:
    """Pre-training budget and optimiser, the same for every method unless a variant says otherwise."""

    steps: int = 1200
    batch_size: int = 32  # samples a step; a sample is one track's k frames, k set by the method
    epoch_samples: int = 6400  # samples between two validations, in which plateaus are counted
    val_samples: int = 512  # samples of a validation pass, the same in every epoch
    optimiser: str = "adam"  # adam | sgd
    lr: float = 1e-3
    momentum: float = 0.9  # sgd only
    weight_decay: float = 0.0
    schedule: str = "one_cycle"  # one_cycle | plateau (lr / 10 at a plateau; ends when converged) | constant
    plateau_patience: int = 5  # validations without a new best loss; with one more it is a plateau
    curriculum: bool = False  # learn from the easiest half of each batch first; moves on at plateaus (schedule.py)
    curriculum_start: int = 0  # shifts of its window made beforehand, 0 to 4; 4 stays at 40-90 %
    clip: float | None = 5.0  # gradient norm; null: none
    amp: str = "auto"  # auto: bf16 on a GPU that reports it | bf16 | off
    workers: int = 2  # processes that read samples; 0: the training process itself
    threads: int = 0  # torch threads on the CPU; 0: cores shared among the launcher's workers
    device: str = "auto"  # auto | cpu | cuda
    log_steps: int = 20
    checkpoint_steps: int = 500
    checkpoint_minutes: float = 5.0
    picture_steps: int = 2000  # pictures of validation samples every so many steps, and at the end; 0: none


# The curriculum's window in percent of a batch: its width, how far it shifts, and how often (Wiles et al. 2018).
WINDOW, SHIFT, SHIFTS = 50, 10, 4

# Settings that change where and how fast a run computes, not what it computes.
NON_IDENTITY_FIELDS = (
    "workers",
    "threads",
    "device",
    "log_steps",
    "checkpoint_steps",
    "checkpoint_minutes",
    "picture_steps",
)


@dataclass
class ProbeConfig:
    """Heads fitted on frozen features; every choice is made on val.

    ``linear`` is the paper's: batch norm and a linear layer, trained by Adam for a fixed budget. ``exact`` is the
    same read-out with the same losses, solved exactly with a penalty; it fills the tables, since how far Adam gets
    in a budget depends on how well conditioned an encoder's features are.
    """

    heads: list[str] = field(default_factory=lambda: ["linear", "exact"])
    table_head: str = "exact"  # the head whose scores fill the tables
    seed: int = 0


@dataclass
class VariantConfig:
    """A method with its options fixed."""

    method: str = ""  # registered name or path of a .py file; default: the variant's own name
    options: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)  # what this variant trains with instead of `train`
    init_from: str | None = None  # start from the weights of this variant (same seed), or of a run's folder
    weights: str | None = None  # no training: a pretrained row with the weights of this folder (see fabbench import)


def row_name(variant: str) -> str:
    """What a variant is called in tables and folders: its own name, or that of its method's file."""
    return Path(variant).stem if variant.endswith(".py") else variant


@dataclass
class TaskConfig:
    """What a probe reads: one target of one labelled set."""

    set: str = "???"
    target: str = "???"
    summary: str = ""


STAGES = ("prepare", "pretrain", "embed", "probe", "tables")  # whose jobs ask for resources of their own


@dataclass
class LauncherConfig:
    """Where stages run.

    ``job`` holds what the jobs of every stage ask a cluster for, and a stage's own keys stand before it. The keys are
    those of `slurm.resources.Resources`.
    """

    kind: str = "inline"  # inline: this process, one after another | local: worker processes here | slurm: a cluster
    workers: int = 0  # local: processes at a time; 0: one a core
    executor: str = "submitit:LocalExecutor"  # local: MODULE:CLASS with the interface of submitit.Executor
    job: dict[str, Any] = field(default_factory=dict)
    prepare: dict[str, Any] = field(default_factory=dict)
    pretrain: dict[str, Any] = field(default_factory=dict)
    embed: dict[str, Any] = field(default_factory=dict)
    probe: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    python: str | None = None  # runs Python in a job: a path, or a container's command; default: this Python
    logs: str | None = None  # folder of the jobs' output; default: logs/slurm in the benchmark's folder
    snapshots: str | None = None  # folder of the code that jobs run; default: snapshots in the benchmark's folder


@dataclass
class Config:
    """One benchmark: variants x seeds x tasks."""

    preset: str = "default"
    name: str = "default"  # the benchmark's name: the first folder below `out`
    note: str = ""  # printed with the tables
    methods: list[str] = field(default_factory=list)
    seeds: Any = 3  # a number of seeds, or a list of them
    tasks: list[str] = field(default_factory=list)
    out: str = "results/runs"
    cache: str = "results/cache"  # packed stores and labelled sets made from raw data
    imported: str = "results/imported"  # weights from elsewhere, by name, as `fabbench import` puts them here
    root: str | None = None  # a data root that presets may build paths from
    data: Any = field(default_factory=dict)  # one of DATA_KINDS, by its `kind`
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    variants: dict[str, VariantConfig] = field(default_factory=dict)
    sets: dict[str, Any] = field(default_factory=dict)  # labelled sets by name
    task: dict[str, TaskConfig] = field(default_factory=dict)  # tasks by name
