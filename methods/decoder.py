"""The common decoder: FAb-Net's flow decoder with any number of output channels.

Source: Wiles, Koepke and Zisserman, BMVC 2018, section 3, and the authors' code (github.com/oawiles/FAb-Net).
"""

from itertools import pairwise

from torch import Tensor, nn

from methods.encoder import EncoderSpec
from methods.encoders.fabnet import FabNetEncoder, widths_of


class Decoder(nn.Module):
    """Stack of upsampling convolutions, (B, in_dim) to (B, out_channels, size, size).

    Its widths are those of FAb-Net's encoder in reverse; beside another encoder, those of a FAb-Net encoder of the same
    `EncoderSpec.scale`. Each stage is ReLU, 2x bilinear upsampling, a 3x3 convolution with bias and batch norm; the
    last has no batch norm and no activation. As in the authors' code the ReLU comes first, so it applies to the input
    vector too.

    Upsampling uses ``align_corners=False``, the present default of PyTorch, which does not shift the map. It is
    unknown which convention the authors' version of PyTorch had.

    Args:
        spec: of the encoder that the decoder mirrors; the size must be a power of two, at least 16.
        in_dim: length of the input vector.
        out_channels: channels of the output map.
    """

    def __init__(self, spec: EncoderSpec, in_dim: int, out_channels: int):
        super().__init__()
        width = max(1, round(FabNetEncoder.width * spec.scale))
        widths = [in_dim, *reversed(widths_of(spec.size, width))]
        layers: list[nn.Module] = []
        for in_channels, width in pairwise(widths):
            layers += [*_upsample(in_channels, width), nn.BatchNorm2d(width)]
        self.layers = nn.Sequential(*layers, *_upsample(widths[-1], out_channels))

    def forward(self, vectors: Tensor) -> Tensor:
        """Decodes vectors to linear outputs."""
        maps: Tensor = self.layers(vectors[:, :, None, None])
        return maps


def _upsample(in_channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    return (
        nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1),
    )
