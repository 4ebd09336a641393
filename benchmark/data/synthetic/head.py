"""Head model: template mesh, shape targets, facial actions, vertex masks and landmarks, read from ``head.npz``.

The file is made by ``tools/bake_head.py``.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.data.synthetic.expression import ACTIONS

FILE = Path(__file__).with_name("head.npz")
UNIT = 1e-3  # dm per unit of the stored displacements


@dataclass(frozen=True)
class Head:
    """Linear head model with V vertices and T triangles.

    Lengths are in dm. Axes: x to the subject's left (right of the image), y up, z forward; the origin is midway between
    the eyes.

    Attributes:
        vertices: (V, 3) template.
        triangles: (T, 3) int64 vertex indices, counter-clockwise seen from outside.
        part: (V,) int64 index into ``parts``.
        parts: names of the parts: body, eyes, teeth, tongue, hair.
        macro: (36, V * 3) displacements by sex, age, weight and origin.
        macro_names: names such as ``female-young-average``.
        local: (L, V * 3) displacements that change single features.
        local_names: names of the features.
        actions: (V * 3, A) displacements of the facial actions, in the order of `expression.ACTIONS`.
        masks: weights (V,) in [0, 1] of the regions lips, mouth (its inside), eyelids and ears.
        ambient_occlusion: (V,) cosine-weighted share of directions from which a vertex is visible, 1 is unoccluded.
        landmarks: (68,) vertex indices of the 300-W landmarks.
        ring: indices of the triangles around each vertex, concatenated over vertices.
        ring_start: (V,) start of each vertex's triangles in ``ring``.
    """

    vertices: Tensor
    triangles: Tensor
    part: Tensor
    parts: tuple[str, ...]
    macro: Tensor
    macro_names: tuple[str, ...]
    local: Tensor
    local_names: tuple[str, ...]
    actions: Tensor
    masks: dict[str, Tensor]
    ambient_occlusion: Tensor
    landmarks: Tensor
    ring: Tensor
    ring_start: Tensor

    def part_mask(self, *names: str) -> Tensor:
        """Boolean mask (V,) of the vertices of these parts."""
        return torch.isin(self.part, torch.tensor([self.parts.index(name) for name in names]))


@lru_cache(maxsize=1)
def head() -> Head:
    """The head model, cached."""
    with np.load(FILE, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}

    def targets(name: str) -> Tensor:
        return torch.tensor(data[name].astype(np.float32)).flatten(1) * UNIT

    names = [str(name) for name in data["action_names"]]
    triangles = torch.tensor(data["faces"].astype(np.int64))
    corners = triangles.reshape(-1)
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
        ambient_occlusion=torch.tensor(data["openness"]) / 255.0,
        landmarks=torch.tensor(data["landmarks"].astype(np.int64)),
        ring=torch.argsort(corners, stable=True) // 3,
        ring_start=torch.searchsorted(torch.sort(corners).values, torch.arange(len(data["vertices"]))),
    )
