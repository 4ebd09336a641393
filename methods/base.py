"""The interface of a method: frames to per-sample losses, images to embeddings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

from methods.encoder import EncoderSpec
from methods.errors import MethodError
from plugins import did_you_mean


@dataclass(frozen=True)
class MethodOutput:
    """Result of a forward pass.

    Attributes:
        losses: (B,) float32, one for each sample, differentiable; the training loop averages them.
        scalars: named values for the log, detached, each of shape ().
        pictures: named images (B, 3, H, W) in [0, 1], detached. Give them in eval mode only, so that they cost
            training steps nothing.
    """

    losses: Tensor
    scalars: dict[str, Tensor] = field(default_factory=dict)
    pictures: dict[str, Tensor] = field(default_factory=dict)


class TrainSettings(Protocol):
    """What a method is told of the benchmark's training when it makes its parameter groups or optimiser.

    Attributes:
        steps: of the run; with the plateau schedule it may end before.
        batch_size: samples in a step, over all processes.
        optimiser: name of the benchmark's optimiser.
        lr: the highest learning rate of the schedule.
        momentum: of SGD.
        weight_decay: of all parameters.
    """

    @property
    def steps(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def optimiser(self) -> str: ...
    @property
    def lr(self) -> float: ...
    @property
    def momentum(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...


@dataclass(frozen=True)
class NoOptions:
    """Options of a method that has none."""


class Method(nn.Module):
    """Base class of methods: an objective over the frames of a track, with the encoder inside it.

    A subclass sets the class attributes that differ from the defaults, builds its networks in ``__init__``
    (``self.encoder`` and what else the objective needs), and implements ``forward``.

    There are four kinds:

    * ``method``: learns from unlabelled frames; ``embed`` gives (B, ``spec.dim``).
    * ``floor``: not trained, without ``forward``.
    * ``ceiling``: trained on the labels of each task. Its constructor also takes the number of outputs and a loss,
      see ``methods.supervised``.
    * ``pretrained``: not trained here, its weights come from a file; ``embed`` takes images of any size.

    Attributes:
        name: set by ``@register``.
        version: set by ``@register``.
        kind: one of the above.
        frames: frames in a sample; an instance may set its own, depending on its options.
        views: differently augmented views of each frame; an instance may set its own.
        step: number of the training step, from 0; set by the training loop before `forward`.
        total_steps: of the run; with the plateau schedule it may end before. Set by the training loop.
        needs_feature_map: whether it uses ``encoder.feature_map``, which not every encoder has.
        needs_initial_weights: whether it cannot be trained from scratch, only from the weights of another run; an
            instance may set its own.
        trained: whether the training loop trains it.
        needs_statistics: for a floor, whether the training loop sets its batch-norm statistics, by calling ``embed``
            on training frames in train mode.
        scored_by: the probe head for this method, where the benchmark's heads would be wrong: ``mean`` for an embedding
            without information, ``identity`` for one that is the prediction itself.
        summary: one line for listings.
        paper: authors, venue and year; empty if there is none.
        year: of the paper.
        Options: dataclass of the method's options, all with defaults.
        encoder: the module that a benchmark saves, images (B, 3, H, W) to embeddings (B, D).
    """

    name: ClassVar[str]
    version: ClassVar[int]
    kind: ClassVar[Literal["method", "floor", "ceiling", "pretrained"]] = "method"
    frames: int = 1
    views: int = 1
    step: int = 0
    total_steps: int = 1
    needs_feature_map: ClassVar[bool] = False
    needs_initial_weights: bool = False
    trained: ClassVar[bool] = True
    needs_statistics: ClassVar[bool] = False
    scored_by: ClassVar[str | None] = None
    summary: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    year: ClassVar[int | None] = None
    Options: ClassVar[type] = NoOptions

    encoder: nn.Module

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        """Stores the encoder's specification as ``spec`` and the validated options as ``options``.

        Raises:
            MethodError: an option is unknown or of the wrong type.
        """
        super().__init__()
        self.spec = encoder
        self.options = self.parse_options(options or {})

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, ``frames * views``, 3, H, W) in [0, 1] to per-sample losses (B,).

        The frames of a sample are distinct frames of one track in random order; the views of a frame follow each
        other. Each view is shifted and zoomed a little, independently of the others.
        """
        raise NotImplementedError(f"{self.name} has no `forward`: it cannot be trained")

    def after_step(self) -> None:
        """Called after each step of the optimiser, without gradients, for what is not learnt by it.

        What changes here must be parameters or buffers, which checkpoints keep. ``step`` is still that of `forward`.
        """

    def parameter_groups(self, train: TrainSettings) -> list[dict[str, Any]]:
        """Groups of parameters for the benchmark's optimiser, as torch's optimisers take them.

        ``lr`` of a group is the highest of its schedule; what a group does not set is the benchmark's. The default is
        one group with all trainable parameters. Every trainable parameter must be in one group.
        """
        return [{"params": [parameter for parameter in self.parameters() if parameter.requires_grad]}]

    def optimiser(self, train: TrainSettings) -> Optimizer | None:
        """An optimiser of the method's own, over all trainable parameters; None for the benchmark's.

        The schedule moves the learning rate of each of its groups, from the one it is given here. Its state must
        consist of tensors and plain values, which checkpoints keep.
        """
        return None

    def embed(self, images: Tensor) -> Tensor:
        """Maps images (B, 3, H, W) in [0, 1] to embeddings (B, D)."""
        embeddings: Tensor = self.encoder(images)
        return embeddings

    @classmethod
    def parse_options(cls, options: Mapping[str, Any]) -> Any:
        """The ``Options`` with these values, the others at their defaults.

        Raises:
            MethodError: an option is unknown or of the wrong type.
        """
        known = {option.name: option.type for option in fields(cls.Options)}
        for key, value in options.items():
            if key not in known:
                raise MethodError(f"{cls.name} has no option {key!r}; {did_you_mean(key, known)}")
            if not _fits(value, known[key]):
                expected = getattr(known[key], "__name__", known[key])
                raise MethodError(f"{cls.name}: option {key!r} must be {expected}, not {value!r}")
        return cls.Options(**options)


def _fits(value: Any, expected: Any) -> bool:
    if expected is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(expected, type) or isinstance(value, expected)
