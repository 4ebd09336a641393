"""Small frozen encoders with random weights in the formats that `fabbench import` reads."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from methods.python_model import code_of

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}

FEED: dict[str, Any] = {"intermediate_size": 64}
VIT = {"size": 28, "config": {"model_type": "vit", **SMALL, **FEED}}  # options of the method `transformers`


def own_class() -> dict[str, Any]:
    """Options of the method `python` for the network below."""
    target = "tests.methods.frozen_encoders:ResNet"
    return {"size": 32, "target": target, "code": code_of(target)}


class ResNet(nn.Module):
    """A residual network of 3 blocks: images to a vector of 16 numbers, and the feature map before it."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 7, 2, 3), nn.BatchNorm2d(width), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU()) for _ in range(3)
        )
        self.head = nn.Linear(width, 2 * width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the vector and the map."""
        x = self.stem(images)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x.mean((2, 3))), x


def resnet(seed: int = 0) -> ResNet:
    """With random weights and batch-norm statistics, in evaluation mode."""
    torch.manual_seed(seed)
    network = ResNet()
    network(torch.rand(8, 3, 32, 32))
    return network.eval()


def save_onnx(path: Path, network: nn.Module, size: int = 32, batch: int | None = None) -> None:
    """Writes a network as ONNX, for batches of any size or of one."""
    example = torch.rand(batch or 2, 3, size, size)
    shapes = None if batch else ({0: torch.export.Dim.DYNAMIC},)
    names = ["vector", "map"]
    torch.onnx.export(network, (example,), path, dynamo=True, dynamic_shapes=shapes, output_names=names, verbose=False)


def save_program(path: Path, network: nn.Module, size: int = 32, batch: int | None = None) -> None:
    """Writes a network by torch.export, for batches of any size or of one."""
    shapes = None if batch else ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(network, (torch.rand(batch or 2, 3, size, size),), dynamic_shapes=shapes)
    torch.export.save(program, path)


def save_transformers(folder: Path, kind: str) -> Any:
    """Writes a model's folder of one of the kinds; returns the part that sees images."""
    import transformers as hf

    torch.manual_seed(0)
    text = {**SMALL, **FEED, "vocab_size": 99}
    kinds: dict[str, Any] = {
        "dinov2": lambda: hf.Dinov2Model(hf.Dinov2Config(**SMALL)),
        "vit": lambda: hf.ViTModel(hf.ViTConfig(**SMALL, **FEED)),
        "vit-without-pooler": lambda: hf.ViTModel(hf.ViTConfig(**SMALL, **FEED), add_pooling_layer=False),
        "clip": lambda: hf.CLIPModel(
            hf.CLIPConfig(text_config=text, vision_config={**SMALL, **FEED}, projection_dim=8)
        ),
        "resnet": lambda: hf.ResNetModel(hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])),
    }
    model = kinds[kind]()
    model.eval().save_pretrained(folder)
    return model.vision_model if kind == "clip" else model
