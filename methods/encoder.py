"""The encoder that all methods of a benchmark share: its specification, and the base class of encoders."""

import inspect
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor, nn

from methods.errors import MethodError


@dataclass(frozen=True)
class EncoderSpec:
    """The encoder of a benchmark and its dimensions.

    Attributes:
        size: side of the square input in pixels.
        width: channels of its first layer, or of its tokens; what was published is the encoder's ``width``.
        dim: length of the embedding; 256 in the paper.
        name: registered name, ``FILE.py`` or ``MODULE:CLASS``; see `methods.encoders`.

    Raises:
        MethodError: a value is out of range.
    """

    size: int = 64
    width: int = 32
    dim: int = 256
    name: str = "fabnet"

    def __post_init__(self) -> None:
        if self.size < 1 or self.width < 1 or self.dim < 1:
            raise MethodError(f"encoder size {self.size}, width {self.width} and dim {self.dim} must be positive")

    @property
    def scale(self) -> float:
        """Width relative to what was published, for networks that are to be as wide or narrow as the encoder."""
        return self.width / self._class.width

    @property
    def _class(self) -> "type[Encoder]":
        from methods.encoders import get_encoder

        return get_encoder(self.name)

    def build(self, in_channels: int = 3) -> "Encoder":
        """An encoder with random weights: images (B, in_channels, size, size) in [0, 1] to embeddings (B, dim).

        Raises:
            MethodError: there is no such encoder, none of these dimensions, or none of so many channels.
        """
        encoder = self._class
        if in_channels == 3:
            return encoder(self)
        if "in_channels" not in inspect.signature(encoder).parameters:
            raise MethodError(f"encoder {self.name} takes RGB images alone: its constructor has no `in_channels`")
        return encoder(self, in_channels)

    def halved(self) -> "EncoderSpec":
        """The same encoder with half the width and half the embedding.

        Raises:
            MethodError: width or dim is odd.
        """
        if self.width % 2 or self.dim % 2:
            raise MethodError(f"encoder width {self.width} and dim {self.dim} must be even to be halved")
        return replace(self, width=self.width // 2, dim=self.dim // 2)


class Encoder(nn.Module):
    """Base class of encoders: images (B, in_channels, size, size) in [0, 1] to embeddings (B, dim).

    A subclass is registered by ``@register_encoder("name", version=1)``, takes ``spec`` and ``in_channels``, and
    implements ``forward``. Its constructor raises MethodError for dimensions it cannot have.

    Attributes:
        name: set by ``@register_encoder``.
        version: set by ``@register_encoder``.
        width: the published ``spec.width``, which is the default of ``encoder.width``.
        summary: one line for listings.
        paper: authors, venue and year; empty if there is none.
        channels: C of `feature_map`, for encoders that have one.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    width: ClassVar[int] = 32
    summary: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    channels: int

    def __init__(self, spec: EncoderSpec, in_channels: int = 3):
        super().__init__()
        if type(self) is Encoder:
            raise MethodError("methods.encoder.Encoder is the base class of all encoders: write `encoder.build()`")
        self.spec = spec
        self.in_channels = in_channels

    def forward(self, images: Tensor) -> Tensor:
        """Encodes images to embeddings (B, dim)."""
        raise NotImplementedError

    def feature_map(self, images: Tensor) -> Tensor:
        """Images (B, in_channels, size, size) to the map (B, channels, h, w) before the embedding.

        An encoder without one leaves this out; methods with ``needs_feature_map`` then refuse it.
        """
        raise NotImplementedError

    def check_size(self, images: Tensor) -> None:
        """Refuses images of another size than the encoder was built for.

        Raises:
            MethodError: they are.
        """
        height, width = images.shape[-2:]
        size = self.spec.size
        if (height, width) != (size, size):
            raise MethodError(f"the encoder takes {size} x {size} images, not {height} x {width}")
