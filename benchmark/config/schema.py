"""Schema of a benchmark's configuration: every key, its default and its meaning."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from benchmark.config.base import Count, Folder, Natural, NonNegative, Real, Schema, Seed, Whole, merged
from benchmark.config.data import AnyData, BuiltInData, SyntheticData
from benchmark.config.launcher import LauncherConfig
from benchmark.config.own import FaceSet, TrackReader, own_or
from benchmark.config.sets import AnyFaces, BuiltInFaces
from plugins import split_target


@dataclass(frozen=True)
class EncoderConfig(Schema):
    """The common encoder, the same for every row."""

    name: str = "fabnet"  # see `fabbench encoders`; or FILE.py, FILE.py:NAME, MODULE:CLASS
    width: Count | None = None  # channels of the first layer; null: as published (FAb-Net: 32)
    dim: Annotated[Whole, Field(ge=2)] = 256  # embedding dimension


Share = Annotated[Real, Field(gt=0, le=1)]


def _ascending(values: list[float]) -> list[float]:
    if sorted(set(values)) != values:
        raise ValueError(f"{values} must ascend")
    return values


@dataclass(frozen=True)
class AugmentConfig(Schema):
    """Random crop on the device, drawn for each frame on its own. No colour (as the paper).

    ``jitter`` shifts and zooms about the centre and repeats the border outside. ``resized_crop`` cuts a random part of
    the frame and stretches it to the frame's size, as torchvision's RandomResizedCrop does: RotNet's authors use it,
    and, with a square window, FAb-Net's.
    """

    kind: Literal["jitter", "resized_crop"] = "jitter"
    translate: Annotated[Real, Field(ge=0, le=1)] = 0.05  # jitter: uniform, +- this share of the side
    scale: Annotated[Real, Field(ge=0, le=0.9)] = 0.1  # jitter: uniform in 1 +- this
    area: Annotated[list[Share], Field(min_length=2, max_length=2)] = Field(
        default_factory=lambda: [0.08, 1.0]
    )  # resized_crop: least and greatest share of the frame, uniform
    stretch: Annotated[Real, Field(ge=1, le=4)] = 4 / 3  # resized_crop: width / height, log-uniform in 1 / this to this
    shared_scale: bool = False  # one size of the crop for all frames of a sample; the positions are each frame's own
    flip: bool = False  # mirror half of the samples left to right, all frames of a sample alike
    validation: bool = False  # crop validation frames likewise, the same way each time

    def __post_init__(self) -> None:
        low, high = self.area
        if low > high:
            raise ValueError(f"area={self.area}: the least share comes first")


# The curriculum's window in percent of a batch: its width, how far it shifts, and how often (Wiles et al. 2018).
WINDOW, SHIFT, SHIFTS = 50, 10, 4


MOST_STEPS = 10**12


@dataclass(frozen=True)
class TrainConfig(Schema):
    """Pre-training budget and optimiser, the same for every method unless a variant says otherwise."""

    steps: Annotated[Count, Field(le=MOST_STEPS)] = 1200  # of each row, if the budget is in steps
    # What every row is given the same amount of. flops: of convolutions and matrix products, forward and backward.
    budget: Literal["steps", "samples", "frames", "flops", "seconds"] = "steps"
    amount: Annotated[Real, Field(gt=0)] | None = None  # of what budget names; of steps, train.steps
    batch_size: Count = 32  # samples a step; a sample is one track's k frames, k set by the method
    epoch_samples: Count = 6400  # samples between two validations, in which plateaus are counted
    val_samples: Count = 512  # samples of a validation pass, the same in every epoch
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    lr: NonNegative = 1e-3
    momentum: Annotated[Real, Field(ge=0, le=1)] = 0.9  # sgd only
    nesterov: bool = False  # sgd only
    weight_decay: NonNegative = 0.0
    # plateau: lr / 10 at plateaus, ends when converged | multistep: lr / 10 at each of the milestones
    schedule: Literal["one_cycle", "plateau", "multistep", "constant"] = "one_cycle"
    milestones: Annotated[list[Annotated[Real, Field(gt=0, lt=1)]], AfterValidator(_ascending)] = Field(
        default_factory=lambda: [0.3, 0.6, 0.9]
    )  # multistep: shares of the budget
    plateau_patience: Natural = 5  # more validations than this without a new best loss are a plateau
    curriculum: bool = False  # train on the easiest half of each batch first, on harder ones after plateaus
    curriculum_start: Annotated[Whole, Field(ge=0, le=SHIFTS)] = 0  # shifts of its window at the start; 4: 40-90 %
    curriculum_hold: bool = False  # one_cycle, multistep: no decay before the window's last shift, as with plateau
    clip: NonNegative | None = 5.0  # gradient norm; null: none
    amp: Literal["auto", "bf16", "off"] = "auto"  # auto: bf16 on a GPU that reports it
    workers: Annotated[Whole, Field(ge=0, le=1024)] = 2  # processes that read samples; 0: the training process itself
    threads: Annotated[Whole, Field(ge=0, le=1024)] = 0  # torch threads on the CPU; 0: cores shared among the workers
    device: Literal["auto", "cpu", "cuda"] = "auto"
    log_steps: Count = 20
    checkpoint_steps: Count = 500
    checkpoint_minutes: NonNegative = 5.0
    picture_steps: Natural = 2000  # steps between pictures of validation samples; 0: none

    def __post_init__(self) -> None:
        if self.nesterov and (self.optimiser != "sgd" or self.momentum == 0):
            raise ValueError("nesterov=true needs optimiser=sgd and a momentum above 0")
        if self.budget == "steps" and self.amount is not None:
            raise ValueError(f"amount={self.amount:g} goes with budget=samples, frames, flops or seconds; give steps=")
        if self.budget != "steps" and self.amount is None:
            raise ValueError(f"budget={self.budget} needs amount=, the number of {self.budget} that every row is given")


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

# Settings that came after runs had been made without them. At its default such a setting is what those runs have, and
# no part of a run's identity.
LATER_FIELDS = {
    "AugmentConfig": ("kind", "area", "stretch", "shared_scale", "flip", "validation"),
    "TrainConfig": ("budget", "amount", "nesterov", "milestones", "curriculum_hold"),
}


def identity_of(config: AugmentConfig | EncoderConfig | TrainConfig) -> dict[str, Any]:
    """The settings of a group that decide a run's weights."""
    later = LATER_FIELDS.get(type(config).__name__, ())
    default = asdict(type(config)())
    return {
        key: value
        for key, value in asdict(config).items()
        if key not in NON_IDENTITY_FIELDS and not (key in later and value == default[key])
    }


DRAWS = 5  # of few-shot probing, unless others are set


def _both_heads() -> list[str]:
    return ["linear", "exact"]


@dataclass(frozen=True)
class ProbeConfig(Schema):
    """Heads fitted on frozen features; every choice is made on val.

    ``linear`` is the paper's: batch norm and a linear layer, trained by Adam until val stops improving. ``exact`` is
    the same read-out with the same losses, solved exactly with a penalty; it orders the tables, since how far Adam gets
    depends on how well conditioned an encoder's features are. `fabbench probes` lists all of them.
    """

    heads: list[str] = Field(default_factory=_both_heads)  # names, or FILE.py of heads of your own
    table_head: str = "exact"  # the name of the head whose scores fill the tables
    metrics: list[str] = Field(default_factory=list)  # beyond the standard ones: names, or FILE.py
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)  # of heads by name, such as {knn: {k: [5]}}
    refit: bool = False  # fit again on train and val once choices are made, as figures published without a val were
    labels: list[Share] = Field(default_factory=list)  # few-shot: fractions of train and val, such as [0.01,0.1,1.0]
    draws: Annotated[Count, Field(le=1000)] = DRAWS  # random subsets for each fraction below 1
    seed: Seed = 0

    @property
    def few_shot(self) -> list[float]:
        """The fractions that heads are fitted on anew; of all labels, the usual score is taken."""
        return [fraction for fraction in self.labels if fraction < 1]


@dataclass(frozen=True)
class TablesConfig(Schema):
    """What tables show."""

    reference: str | None = None  # row that methods are tested against; null: the best mean of each column


@dataclass(frozen=True)
class VariantConfig(Schema):
    """A method with its options fixed."""

    method: str = ""  # registered name or path of a .py file; default: the variant's own name
    options: dict[str, Any] = Field(default_factory=dict)
    train: TrainConfig = Field(default_factory=TrainConfig)  # the benchmark's, but for the keys the variant sets
    augment: AugmentConfig = Field(default_factory=AugmentConfig)  # likewise
    init_from: str | None = None  # initial weights: of a variant (same seed), or of a run's folder
    weights: str | None = None  # folder with the weights of a row that is not trained (see fabbench import)


def is_target(name: str) -> bool:
    """Whether a name stands for code of a user: ``FILE.py``, ``FILE.py:NAME`` or ``MODULE:CLASS``."""
    source, part = split_target(name)
    return isinstance(source, Path) or part is not None


def row_name(variant: str) -> str:
    """Name of a variant in tables and folders: its own, or that of its method's file or class."""
    source, part = split_target(variant)
    return part or (source.stem if isinstance(source, Path) else source)


@dataclass(frozen=True)
class TaskConfig(Schema):
    """What a probe predicts: one target of one labelled set."""

    set: str
    target: str
    summary: str = ""


TrackerName = Literal["none", "mlflow", "trackio", "wandb"]
MOST_SEEDS = 10_000


def _list_of_seeds(value: Any) -> list[int]:
    """Seeds given as a list, or as a number of them."""
    if isinstance(value, int) and value > MOST_SEEDS:
        raise ValueError(f"{value} are too many; at most {MOST_SEEDS}")
    seeds = list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int and 0 <= seed < 2**63 for seed in seeds):
        raise ValueError(f"give a number of seeds or a list such as [0,1,2], not {value!r}")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"{value!r} names a seed twice")
    return seeds


@dataclass(frozen=True)
class Config(Schema):
    """One benchmark: variants x seeds x tasks."""

    preset: str = "default"
    name: str = "default"  # the benchmark's name: the first folder below `out`
    note: str = ""  # printed with the tables
    methods: list[str] = Field(default_factory=list)  # rows; NAME? is one of imported weights, a gap without them
    absent: list[str] = Field(default_factory=list)  # those of them without, set when the configuration is loaded
    seeds: Annotated[list[int], BeforeValidator(_list_of_seeds)] = Field(default_factory=lambda: [0, 1, 2])
    tasks: list[str] = Field(default_factory=list)
    out: Folder = "results/runs"
    cache: Folder = "results/cache"  # packed stores and labelled sets made from raw data
    imported: Folder = "results/imported"  # weights from elsewhere, by name, written by `fabbench import`
    root: Folder | None = None  # a data root that presets may build paths from
    data: Annotated[AnyData, own_or(BuiltInData, TrackReader)] = Field(default_factory=SyntheticData)
    encoder: EncoderConfig = Field(default_factory=EncoderConfig)
    augment: AugmentConfig = Field(default_factory=AugmentConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)
    probe: ProbeConfig = Field(default_factory=ProbeConfig)
    tables: TablesConfig = Field(default_factory=TablesConfig)
    tracker: TrackerName = "none"  # that training is logged to, beside metrics.jsonl and TensorBoard's files
    launcher: LauncherConfig = Field(default_factory=LauncherConfig)
    variants: dict[str, VariantConfig] = Field(default_factory=dict)
    sets: dict[str, Annotated[AnyFaces, own_or(BuiltInFaces, FaceSet)]] = Field(default_factory=dict)
    task: dict[str, TaskConfig] = Field(default_factory=dict)  # tasks by name

    @model_validator(mode="before")
    @classmethod
    def _complete_variants(cls, values: Any) -> Any:
        """Gives each variant its name as its method, and the settings of training and crops it does not set."""
        if not isinstance(values, dict) or not isinstance(values.get("variants"), dict):
            return values
        shared = {group: values.get(group, {}) for group in ("train", "augment")}
        variants = {
            name: {
                "method": name,
                **variant,
                **{group: merged(base, variant.get(group, {})) for group, base in shared.items()},
            }
            if isinstance(variant, dict)
            else variant
            for name, variant in values["variants"].items()
        }
        return {**values, "variants": variants}
