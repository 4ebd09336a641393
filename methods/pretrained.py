"""What all pretrained encoders of others share: how images are prepared for them, and what of their output is read.

An encoder that was trained elsewhere is a row like any other once it maps images in [0, 1] to embeddings. For each
format, a file of this package builds one from what the format's file holds; `benchmark.pipeline.import_encoder` writes
that to a folder. All of it is in the method's state: weights, or a whole program as bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import isfinite
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.errors import MethodError
from plugins import did_you_mean

# What a pretrained row was trained on, for the tables: a row that has seen identities or a task's test images is no
# rival of one that has not.
TRAINED_ON = ("faces with identities", "faces without labels", "images and text", "this task's test set", "unknown")

PUBLISHED = {"fabnet": TRAINED_ON[1], "vgg-face": TRAINED_ON[0]}  # of the weights that their authors released

PREFERRED = ("pooler_output", "image_embeds")  # outputs that are an embedding by their name


@dataclass(frozen=True)
class InputOptions:
    """How images are prepared and the output is read; what the encoder's file tells need not be given.

    Raises:
        MethodError: a value is out of range.
    """

    size: int = field(default=0, metadata={"help": "side of the square input, pixels"})
    mean: float | list[float] = field(
        default=0.0, metadata={"help": "subtracted from values in [0, 1]: one number, or red, green and blue"}
    )
    std: float | list[float] = field(
        default=1.0, metadata={"help": "what is left is divided by it: one number, or red, green and blue"}
    )
    channels: str = field(default="rgb", metadata={"help": "order of the input's channels: rgb or bgr"})
    resize: int = field(
        default=0,
        metadata={"help": "side that images are resized to before their middle is cut out; 0: size, nothing is cut"},
    )
    interpolation: str = field(
        default="bilinear", metadata={"help": "of the resizing, with antialiasing: bilinear or bicubic"}
    )
    output: str = field(default="", metadata={"help": "name of the output that is the embedding"})
    tokens: str = field(
        default="first", metadata={"help": "what is read of an output with several tokens: first or mean"}
    )

    def __post_init__(self) -> None:
        for name, allowed in {
            "channels": ("rgb", "bgr"),
            "interpolation": ("bilinear", "bicubic"),
            "tokens": ("first", "mean"),
        }.items():
            if getattr(self, name) not in allowed:
                raise MethodError(f"option {name}={getattr(self, name)} must be {' or '.join(allowed)}")
        for name in ("mean", "std"):
            values = numbers(getattr(self, name))
            if values is None or (name == "std" and min(values) <= 0):
                positive = "positive " if name == "std" else ""
                raise MethodError(f"option {name}={getattr(self, name)} must be one {positive}number, or three")
        if self.size < 0 or self.resize < 0 or 0 < self.resize < self.size:
            raise MethodError(f"option resize={self.resize} must be size={self.size} or more")


def numbers(value: Any) -> list[float] | None:
    """Three numbers, one for each channel, of one or three; None for anything else."""
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(values) not in (1, 3) or not all(type(each) in (int, float) and isfinite(each) for each in values):
        return None
    return [float(each) for each in values] * (3 // len(values))


class PretrainedEncoder(nn.Module):
    """RGB images (B, 3, H, W) in [0, 1] of any size to embeddings (B, D), float32."""

    def __init__(self, options: Any):
        super().__init__()
        self.options = options

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """All outputs by name for prepared images (B, 3, ``size``, ``size``)."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Prepares the images, and reads the embedding from the outputs.

        Raises:
            MethodError: there is no such output, or it has no embedding for each image.
        """
        outputs = self.outputs(prepare(images, self.options))
        name = self.options.output or default_output(outputs)
        if name not in outputs:
            shapes = ", ".join(f"{key} {tuple(value.shape)}" for key, value in outputs.items())
            raise MethodError(f"output {name!r} does not exist; {did_you_mean(name, outputs)} (shapes: {shapes})")
        return embeddings_of(outputs[name], len(images), self.options.tokens)


def prepare(images: Tensor, options: InputOptions) -> Tensor:
    """Resizes, cuts, normalises and orders the channels of images (B, 3, H, W) in [0, 1].

    The whole image is kept unless ``resize`` says otherwise: faces are cropped tightly already, and the centre crop of
    224 of 256 pixels, which most published encoders were scored with, would cut landmarks off.
    """
    side = options.resize or options.size
    if images.shape[-2:] != (side, side):
        images = F.interpolate(images, (side, side), mode=options.interpolation, align_corners=False, antialias=True)
        images = images.clamp(0, 1)  # bicubic overshoots
    if side != options.size:
        start = (side - options.size) // 2
        images = images[..., start : start + options.size, start : start + options.size]
    mean, std = (images.new_tensor(numbers(value) or [])[:, None, None] for value in (options.mean, options.std))
    images = (images - mean) / std
    return images.flip(1) if options.channels == "bgr" else images


def default_output(outputs: Mapping[str, Tensor]) -> str:
    """The output that is read if none is named: an embedding by its name, else the first of one vector an image."""
    named = [name for name in PREFERRED if name in outputs]
    vectors = [name for name, value in outputs.items() if value.ndim == 2]
    return next(iter([*named, *vectors, *outputs]))


def embeddings_of(output: Tensor, count: int, tokens: str) -> Tensor:
    """Embeddings (B, D), float32: the output itself, a token or the mean of all, or the mean of a feature map.

    Raises:
        MethodError: the output is no vector, list of tokens or feature map for each of ``count`` images.
    """
    if output.ndim not in (2, 3, 4) or len(output) != count:
        raise MethodError(f"the output has the shape {tuple(output.shape)} for {count} images, which is no embedding")
    if output.ndim == 3:  # (B, T, D)
        output = output[:, 0] if tokens == "first" else output.mean(1)
    elif output.ndim == 4:  # (B, D, H, W)
        output = output.mean((2, 3))
    return output.float()


def in_batches(call: Callable[[Tensor], dict[str, Tensor]], images: Tensor, size: int | None) -> dict[str, Tensor]:
    """Outputs of a program that takes batches of one size only; the last batch is filled up and cut."""
    if size is None:
        return call(images)
    parts = [call(batch) for batch in _filled(images, size)]
    return {name: torch.cat([part[name] for part in parts])[: len(images)] for name in parts[0]}


def _filled(images: Tensor, size: int) -> Iterator[Tensor]:
    for batch in images.split(size):
        yield torch.cat([batch, batch[-1:].expand(size - len(batch), -1, -1, -1)])


def require(package: str, extra: str) -> None:
    """Refuses a method whose optional package is not installed.

    Raises:
        MethodError: naming the extra that installs it.
    """
    if find_spec(package) is None:
        raise MethodError(f"this needs the package {package}: pip install 'fab-bench[{extra}]'")


def program_bytes(content: bytes) -> Tensor:
    """A file's content as uint8, to be kept among weights."""
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def square_side(shape: list[Any]) -> int | None:
    """The side of an input (B, 3, H, W) or (B, H, W, 3), from its declared shape; None where it takes any.

    Raises:
        MethodError: it is no batch of square images with three channels.
    """
    if len(shape) != 4 or not ({3} & {shape[1], shape[3]} or not isinstance(shape[1], int)):
        raise MethodError(f"its input has the shape {shape}, not a batch of images with three channels")
    height, width = (shape[1], shape[2]) if shape[3] == 3 and shape[1] != 3 else (shape[2], shape[3])
    known = [side for side in (height, width) if isinstance(side, int)]
    if len(set(known)) > 1:
        raise MethodError(f"its input is {height} x {width} pixels, which is no square")
    return known[0] if known else None
