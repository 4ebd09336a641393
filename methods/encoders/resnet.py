"""ResNet-18 and ResNet-50.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.1 and table 1. As
in torchvision, the stride of a bottleneck is in its 3x3 convolution. The classifier's linear layer gives the embedding.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from methods.encoder import Encoder, EncoderSpec
from methods.encoders import register_encoder


class ResNet(Encoder):
    """Residual network: a 7x7 stem, four stages that halve the side but for the first, average pooling, linear layer.

    Convolutions are without bias, each followed by batch norm, and initialised as by He et al., ICCV 2015.

    Args:
        spec: its dimensions; any size. The last map has a 32nd of the size, rounded up.
        in_channels: of the images.
    """

    width = 64
    paper = "He et al., CVPR 2016"
    blocks: tuple[int, int, int, int]  # in each stage
    expansion: int  # 4 for bottlenecks, 1 for basic blocks

    def __init__(self, spec: EncoderSpec, in_channels: int = 3):
        super().__init__(spec, in_channels)
        self.stem = nn.Sequential(
            _convolution(in_channels, spec.width, kernel=7, stride=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        stages, channels = [], spec.width
        for stage, count in enumerate(self.blocks):
            for block in range(count):
                stride = 2 if stage and not block else 1
                stages.append(_Block(channels, spec.width * 2**stage, self.expansion, stride))
                channels = spec.width * 2**stage * self.expansion
        self.stages = nn.Sequential(*stages)
        self.linear = nn.Linear(channels, spec.dim)
        self.channels = channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Encodes images."""
        embeddings: Tensor = self.linear(self.feature_map(images).mean((2, 3)))
        return embeddings

    def feature_map(self, images: Tensor) -> Tensor:
        """The map (B, channels, size / 32, size / 32) before pooling."""
        maps: Tensor = self.stages(self.stem(images))
        return maps


@register_encoder("resnet18", version=1)
class ResNet18(ResNet):
    """ResNet-18."""

    summary = "ResNet-18"
    blocks = (2, 2, 2, 2)
    expansion = 1


@register_encoder("resnet50", version=1)
class ResNet50(ResNet):
    """ResNet-50."""

    summary = "ResNet-50"
    blocks = (3, 4, 6, 3)
    expansion = 4


class _Block(nn.Module):
    """Residual block: two 3x3 convolutions, or, with an expansion, 1x1, 3x3 and 1x1."""

    def __init__(self, in_channels: int, width: int, expansion: int, stride: int):
        super().__init__()
        out_channels = width * expansion
        if expansion == 1:
            convolutions = [_convolution(in_channels, width, 3, stride), _convolution(width, width, 3)]
        else:
            reduce, expand = _convolution(in_channels, width, 1), _convolution(width, out_channels, 1)
            convolutions = [reduce, _convolution(width, width, 3, stride), expand]
        layers: list[nn.Module] = []
        for convolution in convolutions:
            layers += [convolution, nn.ReLU(inplace=True)]
        self.residual = nn.Sequential(*layers[:-1])
        same = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Identity() if same else _convolution(in_channels, out_channels, 1, stride)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.residual(maps) + self.shortcut(maps))


def _convolution(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels))
