"""A small encoder: four convolutions, and the mean of the last map."""

from torch import Tensor, nn

from methods.encoder import Encoder, EncoderSpec
from methods.encoders import register_encoder


@register_encoder("small", version=1)
class Small(Encoder):
    """Takes images of any size from 16 px on."""

    width = 32  # of the first convolution, unless encoder.width says otherwise
    summary = "four strided convolutions and average pooling"

    def __init__(self, spec: EncoderSpec, in_channels: int = 3) -> None:
        super().__init__(spec, in_channels)
        layers: list[nn.Module] = []
        for width in (spec.width, 2 * spec.width, 4 * spec.width, 8 * spec.width):
            layers += [nn.Conv2d(in_channels, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            in_channels = width
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Linear(in_channels, spec.dim)

    def forward(self, images: Tensor) -> Tensor:  # (B, in_channels, size, size) in [0, 1] to (B, dim)
        embeddings: Tensor = self.linear(self.layers(images).mean((2, 3)))
        return embeddings
