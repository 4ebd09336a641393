"""The common encoder: FAb-Net's stack of strided convolutions.

Source: Wiles, Koepke and Zisserman, "Self-supervised learning of a facial attribute embedding from video", BMVC 2018,
section 3, and the authors' code (github.com/oawiles/FAb-Net, ``FrontaliseModelMasks_wider``).
"""

from dataclasses import dataclass, replace
from itertools import pairwise

from torch import Tensor, nn

from methods.errors import MethodError


@dataclass(frozen=True)
class EncoderSpec:
    """Dimensions of the encoder that all methods of a benchmark share.

    Attributes:
        size: side of the square input in pixels; a power of two, at least 16; 256 in the paper.
        width: channels of the first convolution; 32 in the paper.
        dim: length of the embedding; 256 in the paper.

    Raises:
        MethodError: a value is out of range.
    """

    size: int = 64
    width: int = 32
    dim: int = 256

    def __post_init__(self) -> None:
        if self.size < 16 or self.size & (self.size - 1):
            raise MethodError(f"encoder size {self.size}: it must be a power of two, at least 16")
        if self.width < 1 or self.dim < 1:
            raise MethodError(f"encoder width {self.width} and dim {self.dim} must be positive")

    @property
    def widths(self) -> list[int]:
        """Channels after each convolution but the last: w, 2w, 4w, 8w, 8w, ... (seven of them at 256 px)."""
        n_convolutions = self.size.bit_length() - 1
        return [self.width * min(2**block, 8) for block in range(n_convolutions - 1)]

    def build(self, in_channels: int = 3) -> "Encoder":
        """An encoder with random weights: images (B, in_channels, size, size) in [0, 1] to embeddings (B, dim)."""
        return Encoder(self, in_channels)

    def halved(self) -> "EncoderSpec":
        """The same encoder with half the width and half the embedding.

        Raises:
            MethodError: width or dim is odd.
        """
        if self.width % 2 or self.dim % 2:
            raise MethodError(f"encoder width {self.width} and dim {self.dim} must be even to be halved")
        return replace(self, width=self.width // 2, dim=self.dim // 2)


class Encoder(nn.Module):
    """Stack of strided convolutions, images (B, C, size, size) to embeddings (B, dim).

    4x4 convolutions of stride 2 with bias halve the side until one pixel is left: 8 of them at 256 px, 6 at 64 px.
    Batch norm and LeakyReLU of slope 0.2 follow each convolution, except that the first has no batch norm and the last
    has neither. The embedding is not normalised. Encoders of smaller inputs have fewer convolutions of width 8w.

    Args:
        spec: its dimensions.
        in_channels: C.
    """

    def __init__(self, spec: EncoderSpec, in_channels: int = 3):
        super().__init__()
        self.size = spec.size
        widths = spec.widths
        layers: list[nn.Module] = [_downsample(in_channels, widths[0]), nn.LeakyReLU(0.2, inplace=True)]
        for before, width in pairwise(widths):
            layers += [_downsample(before, width), nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, _downsample(widths[-1], spec.dim))

    def forward(self, images: Tensor) -> Tensor:
        """Encodes images of the size the encoder was built for.

        Raises:
            MethodError: the images have another size, which would change the length of the embedding.
        """
        if images.shape[-2:] != (self.size, self.size):
            height, width = images.shape[-2:]
            raise MethodError(f"the encoder takes {self.size} x {self.size} images, not {height} x {width}")
        maps: Tensor = self.layers(images)
        return maps.flatten(1)


def _downsample(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1)
