"""The common decoder: FAb-Net's flow decoder, with as many output channels as a method needs.

Source: Wiles, Koepke and Zisserman, BMVC 2018, and the authors' code (github.com/oawiles/FAb-Net).
"""

from itertools import pairwise

from torch import Tensor, nn

from methods.encoder import EncoderSpec


class Decoder(nn.Module):
    """Vectors (B, in_dim) to maps (B, out_channels, size, size), the encoder's widths in reverse.

    Each stage is ReLU, 2x bilinear upsampling, 3x3 convolution with bias, batch norm; the last has no norm,
    and its activation is the caller's. As in the authors' code the ReLU comes first, so it also cuts the
    embedding itself. Upsampling is at pixel centres (``align_corners=False``), today's default, which keeps
    a map of one value per pixel free of shift; which side the authors' build of PyTorch was on is unknown.
    """

    def __init__(self, spec: EncoderSpec, in_dim: int, out_channels: int):
        super().__init__()
        widths = [in_dim, *reversed(spec.widths)]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [*_double(before, after), nn.BatchNorm2d(after)]
        self.layers = nn.Sequential(*layers, *_double(widths[-1], out_channels))

    def forward(self, vectors: Tensor) -> Tensor:
        """Decodes vectors to linear outputs."""
        return self.layers(vectors[:, :, None, None])


def _double(before: int, after: int) -> tuple[nn.Module, ...]:
    return (
        nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.Conv2d(before, after, kernel_size=3, padding=1),
    )
