"""Networks and checkpoints as others released them, reimplemented independently from their descriptions."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VGG16 = ("12", "12", "123", "123", "123")  # numbers of the convolutions in each block


class ReleasedFabNet(nn.Module):
    """FAb-Net with the module names of its authors: ``encoder``, ``decoder`` and ``mask`` of numbered layers."""

    def __init__(self, width: int, dim: int):
        super().__init__()
        down = [width, 2 * width, 4 * width, 8 * width, 8 * width, 8 * width, 8 * width]
        up = [8 * width, 8 * width, 8 * width, 8 * width, 4 * width, 2 * width, width]
        self.encoder = self.contracting([3, *down, dim])
        self.decoder = self.expanding([2 * dim, *up, 2])
        self.mask = self.expanding([2 * dim, *up, 1])

    @staticmethod
    def contracting(channels: Sequence[int]) -> nn.Sequential:
        layers: list[nn.Module] = []
        for i in range(len(channels) - 1):
            layers.append(nn.Conv2d(channels[i], channels[i + 1], 4, 2, 1))
            if 0 < i < len(channels) - 2:
                layers.append(nn.BatchNorm2d(channels[i + 1]))
            if i < len(channels) - 2:
                layers.append(nn.LeakyReLU(0.2))
        return nn.Sequential(*layers)

    @staticmethod
    def expanding(channels: Sequence[int]) -> nn.Sequential:
        layers: list[nn.Module] = []
        for i in range(len(channels) - 1):
            layers += [nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear")]
            layers.append(nn.Conv2d(channels[i], channels[i + 1], 3, 1, 1))
            layers.append(nn.BatchNorm2d(channels[i + 1]) if i < len(channels) - 2 else nn.Tanh())
        return nn.Sequential(*layers)

    def generate(self, sources: Sequence[Tensor], target: Tensor) -> Tensor:
        """Softmax-weighted mean of the warped sources, written as a loop over the sources."""
        code = self.encoder(target)
        total, weights = torch.zeros(1), torch.zeros(1)
        side = target.shape[-1]
        axis = torch.linspace(-1, 1, side)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
        for source in sources:
            pair = torch.cat([self.encoder(source), code], 1)
            position = (grid + self.decoder(pair).permute(0, 2, 3, 1)).clamp(-1, 1)
            weight = self.mask(pair).exp()
            total = total + weight * F.grid_sample(source, position, align_corners=True)
            weights = weights + weight
        return total / weights


def fabnet(width: int = 4, dim: int = 16, outputs: int = 136) -> tuple[ReleasedFabNet, nn.Sequential]:
    """A model and a probe with random batch-norm statistics, in evaluation mode."""
    torch.manual_seed(5)
    model = ReleasedFabNet(width, dim)
    probe = nn.Sequential(nn.BatchNorm1d(dim), nn.Linear(dim, outputs, bias=False))
    with torch.no_grad():
        for module in [*model.modules(), *probe.modules()]:
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.01, 0.3)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
    return model.eval(), probe.eval()


def save_fabnet(path: Path, model: nn.Module, probe: nn.Module, *, old: bool = True) -> None:
    """Writes a checkpoint; ``old``: as PyTorch 0.4.0 does, not zipped and without batch counts of batch norm."""
    states = {"state_dict_model": model.state_dict(), "state_dict": probe.state_dict()}
    if old:
        states = {
            name: {key: value for key, value in state.items() if "num_batches" not in key}
            for name, state in states.items()
        }
    torch.save(states, path, _use_new_zipfile_serialization=not old)


def vgg_face() -> dict[str, Tensor]:
    """Random weights for all layers of VGG-Face, fc8 included, under Caffe's names."""
    torch.manual_seed(6)
    state, channels = {}, 3
    for block, (width, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for number in range(1, count + 1):
            state[f"conv{block}_{number}.weight"] = torch.randn(width, channels, 3, 3) * (2 / (9 * channels)) ** 0.5
            state[f"conv{block}_{number}.bias"] = torch.randn(width) * 0.01
            channels = width
    for name, (rows, columns) in {"fc6": (4096, 25088), "fc7": (4096, 4096), "fc8": (2622, 4096)}.items():
        state[f"{name}.weight"] = torch.randn(rows, columns) * (2 / columns) ** 0.5
        state[f"{name}.bias"] = torch.randn(rows) * 0.01
    return state


def vgg_face_descriptor(state: dict[str, Tensor], images: Tensor, *, bgr: bool) -> Tensor:
    """FC7 after ReLU, (B, 4096), of images (B, 3, 224, 224) in [0, 1], layer by layer as in the paper."""
    x = images * 255
    x = torch.stack([x[:, 0] - 129.186, x[:, 1] - 104.762, x[:, 2] - 93.594][:: -1 if bgr else 1], 1)
    for block, convolutions in enumerate(VGG16, 1):
        for number in convolutions:
            name = f"conv{block}_{number}"
            x = torch.relu(F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))
        x = F.max_pool2d(x, kernel_size=2, stride=2)
    x = x.reshape(len(x), -1)
    for name in ("fc6", "fc7"):
        x = torch.relu(x @ state[f"{name}.weight"].T + state[f"{name}.bias"])
    return x
