"""FAb-Net's encoder: a stack of strided convolutions, the default of every benchmark.

Source: Wiles, Koepke and Zisserman, "Self-supervised learning of a facial attribute embedding from video", BMVC 2018,
section 3, and the authors' code (github.com/oawiles/FAb-Net, ``FrontaliseModelMasks_wider``).
"""

from itertools import pairwise

from torch import Tensor, nn

from methods.encoder import Encoder, EncoderSpec
from methods.encoders import register_encoder
from methods.errors import MethodError


@register_encoder("fabnet", version=1)
class FabNetEncoder(Encoder):
    """Stack of strided convolutions, images (B, C, size, size) to embeddings (B, dim).

    4x4 convolutions of stride 2 with bias halve the side until one pixel is left: 8 of them at 256 px, 6 at 64 px.
    Batch norm and LeakyReLU of slope 0.2 follow each convolution, except that the first has no batch norm and the last
    has neither. The embedding is not normalised. Encoders of smaller inputs have fewer convolutions of width 8w.

    Args:
        spec: its dimensions; the size must be a power of two, at least 16.
        in_channels: C.
    """

    width = 32
    summary = "strided 4 x 4 convolutions down to one pixel; any size that is a power of two"
    paper = "Wiles et al., BMVC 2018"

    def __init__(self, spec: EncoderSpec, in_channels: int = 3):
        super().__init__(spec, in_channels)
        widths = widths_of(spec.size, spec.width)
        layers: list[nn.Module] = [_downsample(in_channels, widths[0]), nn.LeakyReLU(0.2, inplace=True)]
        for before, width in pairwise(widths):
            layers += [_downsample(before, width), nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, _downsample(widths[-1], spec.dim))
        self.channels = widths[-1]

    def forward(self, images: Tensor) -> Tensor:
        """Encodes images of the size the encoder was built for.

        Raises:
            MethodError: the images have another size, which would change the length of the embedding.
        """
        self.check_size(images)
        maps: Tensor = self.layers(images)
        return maps.flatten(1)

    def feature_map(self, images: Tensor) -> Tensor:
        """The map (B, channels, 2, 2) before the last convolution."""
        self.check_size(images)
        maps: Tensor = self.layers[:-1](images)
        return maps


def widths_of(size: int, width: int) -> list[int]:
    """Channels after each convolution but the last: w, 2w, 4w, 8w, 8w, ... (seven of them at 256 px).

    Raises:
        MethodError: the size cannot be halved to one pixel, or is too small.
    """
    if size < 16 or size & (size - 1):
        raise MethodError(f"size {size}: FAb-Net's encoder and decoder need a power of two, at least 16")
    return [width * min(2**block, 8) for block in range(size.bit_length() - 2)]


def _downsample(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1)
