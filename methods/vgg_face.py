"""VGG-Face descriptor: layer FC7 of a VGG-16 trained to recognise 2,622 people.

Source: Parkhi, Vedaldi and Zisserman, "Deep face recognition", BMVC 2015; the pretrained row in tables 2 to 4 of Wiles
et al. 2018. Layers have the names of the Caffe model, from which the files in use were converted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.registry import register

SIDE = 224  # of the input, pixels
MEAN = (129.186, 104.762, 93.594)  # of the training images: red, green and blue in 0..255
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (channels, convolutions), each ends in 2 x 2 max pooling


@dataclass(frozen=True)
class VggFaceOptions:
    """What cannot be read from a weights file."""

    channels: str = field(
        default="rgb",
        metadata={"help": "order of the first layer's input channels: rgb (vgg_face_dag.pth) or bgr (Caffe model)"},
    )

    def __post_init__(self) -> None:
        if self.channels not in ("rgb", "bgr"):
            raise MethodError(f"vgg-face: channels={self.channels} must be rgb or bgr")


@register("vgg-face", version=1)
class VggFace(Method):
    """VGG-Face with weights from a file; the embedding (B, 4096) is FC7 after its ReLU."""

    kind = "pretrained"
    trained = False
    summary = "VGG-16 trained on face recognition, layer FC7: 4,096 numbers"
    paper = "Parkhi et al., BMVC 2015"
    year = 2015
    Options = VggFaceOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = Vgg16(self.options.channels)


class Vgg16(nn.Module):
    """VGG-16 up to FC7: RGB images (B, 3, H, W) in [0, 1] to (B, 4096).

    Images are resized to 224 x 224, and the mean of the training images is subtracted.

    Args:
        channels: order of the first layer's input channels, ``rgb`` or ``bgr``.
    """

    def __init__(self, channels: str):
        super().__init__()
        self.bgr = channels == "bgr"
        in_channels = 3
        for block, (width, n_convolutions) in enumerate(BLOCKS, 1):
            for number in range(1, n_convolutions + 1):
                self.add_module(f"conv{block}_{number}", nn.Conv2d(in_channels, width, kernel_size=3, padding=1))
                in_channels = width
        self.fc6 = nn.Linear(in_channels * (SIDE // 2 ** len(BLOCKS)) ** 2, 4096)
        self.fc7 = nn.Linear(4096, 4096)

    def forward(self, images: Tensor) -> Tensor:
        """Computes the descriptors."""
        x = F.interpolate(images, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        x = x * 255 - torch.tensor(MEAN, device=x.device)[:, None, None]
        if self.bgr:
            x = x.flip(1)
        for block, (_, n_convolutions) in enumerate(BLOCKS, 1):
            for number in range(1, n_convolutions + 1):
                x = F.relu(self.get_submodule(f"conv{block}_{number}")(x))
            x = F.max_pool2d(x, 2)
        x = F.relu(self.fc6(x.flatten(1)))
        return F.relu(self.fc7(x))
