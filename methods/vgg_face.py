"""The VGG-Face descriptor: VGG-16 trained to recognise 2,622 people, read out at FC7.

Source: Parkhi, Vedaldi and Zisserman, "Deep face recognition", BMVC 2015; the pretrained row of Wiles et al. 2018,
tables 2 to 4. Layers are named as in the Caffe model, which the files in use were converted from.
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

SIDE = 224  # of its input, pixels
MEAN = (129.186, 104.762, 93.594)  # of its training images: red, green and blue, of 255
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels and convolutions of each, then 2 x 2 max pooling


@dataclass(frozen=True)
class VggFaceOptions:
    """What a weights file does not tell."""

    channels: str = field(
        default="rgb",
        metadata={"help": "order of the first layer's inputs: rgb (vgg_face_dag.pth), or bgr (Caffe's own)"},
    )

    def __post_init__(self) -> None:
        if self.channels not in ("rgb", "bgr"):
            raise MethodError(f"vgg-face: channels={self.channels} must be rgb or bgr")


@register("vgg-face", version=1)
class VggFace(Method):
    """Images are resized to 224 x 224 and the training images' mean is taken off; 4,096 numbers, after FC7's ReLU."""

    kind = "pretrained"
    trained = False
    summary = "VGG-16 trained on face recognition, read out at FC7: 4,096 numbers"
    paper = "Parkhi et al., BMVC 2015"
    year = 2015
    Options = VggFaceOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = Vgg16(self.options.channels)


class Vgg16(nn.Module):
    """RGB images (B, 3, H, W) in [0, 1] to FC7 (B, 4096)."""

    def __init__(self, channels: str):
        super().__init__()
        self.reversed = channels == "bgr"
        before = 3
        for block, (width, count) in enumerate(BLOCKS, 1):
            for number in range(1, count + 1):
                setattr(self, f"conv{block}_{number}", nn.Conv2d(before, width, kernel_size=3, padding=1))
                before = width
        self.fc6 = nn.Linear(before * (SIDE // 2 ** len(BLOCKS)) ** 2, 4096)
        self.fc7 = nn.Linear(4096, 4096)

    def forward(self, images: Tensor) -> Tensor:
        """Describes faces."""
        x = F.interpolate(images, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        x = x * 255 - torch.tensor(MEAN, device=x.device)[:, None, None]
        if self.reversed:
            x = x.flip(1)
        for block, (_, count) in enumerate(BLOCKS, 1):
            for number in range(1, count + 1):
                x = getattr(self, f"conv{block}_{number}")(x).relu()
            x = F.max_pool2d(x, 2)
        return self.fc7(self.fc6(x.flatten(1)).relu()).relu()
