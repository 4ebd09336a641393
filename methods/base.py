"""What every method is: frames in, per-sample losses out; images in, embeddings out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from methods.encoder import EncoderSpec
from methods.errors import MethodError, did_you_mean


@dataclass(frozen=True)
class MethodOutput:
    """What one forward pass gives.

    Attributes:
        losses: (B,) float32, one per sample, differentiable; the training loop averages them.
        scalars: named values for the log, detached, each a tensor of no dimension.
        pictures: named (B, 3, H, W) images in [0, 1], detached. Filled in eval mode only, so that
            training steps do not pay for them.
    """

    losses: Tensor
    scalars: dict[str, Tensor] = field(default_factory=dict)
    pictures: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class NoOptions:
    """A method without options."""


class Method(nn.Module):
    """An objective over the frames of a track, with the encoder inside it.

    A subclass sets the class attributes that differ, builds its networks in ``__init__`` (``self.encoder``
    and what the objective needs beside it), and implements ``forward``.

    By ``kind``:

    * ``method``: learns from frames alone; ``embed`` gives (B, ``spec.dim``).
    * ``floor``: not trained, has no ``forward``. With ``needs_statistics`` the training loop sets its batch
      norm statistics: it calls ``embed`` on training frames in train mode, without gradients or optimiser.
    * ``ceiling``: trained on the labels of each task; built with the number of outputs and a loss besides,
      see ``methods.supervised``.
    * ``pretrained``: not trained here, its weights come from a file; ``embed`` takes images of any size.

    ``frames`` is the number of frames in a sample; an instance may set its own, where its options decide. With
    ``needs_start`` it cannot be trained from scratch, only from another run's weights.

    ``scored_by`` names the probe head a row must be scored with where the benchmark's own would be wrong: ``mean``
    for an embedding that holds nothing, ``identity`` for one that is the prediction itself.

    Attributes:
        Options: a dataclass of the method's own options, all with defaults.
        encoder: the part that a benchmark keeps, images (B, 3, H, W) to embeddings (B, D).
    """

    name: ClassVar[str]
    version: ClassVar[int]
    kind: ClassVar[Literal["method", "floor", "ceiling", "pretrained"]] = "method"
    frames: int = 1
    needs_start: bool = False
    trained: ClassVar[bool] = True
    needs_statistics: ClassVar[bool] = False
    scored_by: ClassVar[str | None] = None
    summary: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    year: ClassVar[int | None] = None
    Options: ClassVar[type] = NoOptions

    encoder: nn.Module

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        """Keeps the specification of the common encoder and the validated options.

        Raises:
            MethodError: an option is unknown or of the wrong type.
        """
        super().__init__()
        self.spec = encoder
        self.options = self.parse_options(options or {})

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, ``frames``, 3, H, W) in [0, 1] to per-sample losses (B,).

        The frames of a sample are distinct frames of one track in random order, without their times; each has
        been shifted and zoomed a little on its own.
        """
        raise NotImplementedError(f"{self.name} has no `forward`: it cannot be trained")

    def embed(self, images: Tensor) -> Tensor:
        """Maps images (B, 3, H, W) in [0, 1] to embeddings (B, D)."""
        return self.encoder(images)

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
