"""The baked head: template mesh, shape targets, facial actions, masks and landmarks of ``head.npz``."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.data.synthetic.expression import ACTIONS

FILE = Path(__file__).with_name("head.npz")
UNIT = 1e-3  # dm per step of a stored target


@dataclass(frozen=True)
class Head:
    """V vertices in dm; x to the subject's left (image right), y up, z forward, origin midway between the eyes."""

    vertices: Tensor  # (V, 3)
    triangles: Tensor  # (T, 3) int64, counter-clockwise from outside
    part: Tensor  # (V,) int64, an index into parts
    parts: tuple[str, ...]
    macro: Tensor  # (36, V * 3) displacements by sex, age, weight and origin
    macro_names: tuple[str, ...]
    local: Tensor  # (L, V * 3) displacements of single features
    local_names: tuple[str, ...]
    actions: Tensor  # (V * 3, A) displacements of the facial actions, in the order of expression.ACTIONS
    masks: dict[str, Tensor]  # (V,) each, 0..1: lips, mouth (its inside), eyelids, ears
    openness: Tensor  # (V,) share of directions from which a vertex is seen: ambient occlusion
    landmarks: Tensor  # (68,) vertices
    ring: Tensor  # triangles around each vertex, one list after another
    ring_start: Tensor  # (V,) where each vertex's list begins in ring

    def of(self, *names: str) -> Tensor:
        """Mask (V,) of the vertices of some parts."""
        return torch.isin(self.part, torch.tensor([self.parts.index(name) for name in names]))


@lru_cache(maxsize=1)
def head() -> Head:
    """The head, read once."""
    with np.load(FILE, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}

    def targets(name: str) -> Tensor:
        return torch.tensor(data[name].astype(np.float32)).flatten(1) * UNIT

    names = [str(name) for name in data["action_names"]]
    triangles = torch.tensor(data["faces"].astype(np.int64))
    corner = triangles.reshape(-1)
    return Head(
        vertices=torch.tensor(data["vertices"]),
        triangles=triangles,
        part=torch.tensor(data["part"].astype(np.int64)),
        parts=tuple(map(str, data["parts"])),
        macro=targets("macro"),
        macro_names=tuple(map(str, data["macro_names"])),
        local=targets("local"),
        local_names=tuple(map(str, data["local_names"])),
        actions=targets("action")[[names.index(action) for action in ACTIONS]].T.contiguous(),
        masks={str(n): torch.tensor(m) / 255.0 for n, m in zip(data["mask_names"], data["masks"], strict=True)},
        openness=torch.tensor(data["openness"]) / 255.0,
        landmarks=torch.tensor(data["landmarks"].astype(np.int64)),
        ring=torch.argsort(corner, stable=True) // 3,
        ring_start=torch.searchsorted(torch.sort(corner).values, torch.arange(len(data["vertices"]))),
    )
