"""Vertex positions and normals of one person, at rest and posed. Lengths are in dm."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.data.synthetic.head import head
from benchmark.data.synthetic.identity import Identity

NECK = (0.0, -1.0, -0.75)  # centre of rotation of the head, dm
NECK_SHARE = 0.15  # share of the head's rotation that the base of the neck follows


@dataclass(frozen=True)
class Shape:
    """Mesh of one person at rest: the V vertices of the head, then G vertices of the glasses.

    Attributes:
        rest: (V + G, 3) positions, dm.
        triangles: (T, 3) int64 vertex indices of the triangles that are drawn.
    """

    rest: Tensor
    triangles: Tensor


def ramp(value: Tensor, low: float, high: float) -> Tensor:
    """Linear ramp from 0 at ``low`` to 1 at ``high``, clamped; ``low`` may be above ``high``."""
    return ((value - low) / (high - low)).clamp(0, 1)


def scalp(identity: Identity) -> Tensor:
    """Signed distance (V,) of the template's vertices to the hairline, about in dm; positive where hair grows."""
    mesh = head()
    x, y, z = mesh.vertices.unbind(1)
    front = (
        0.62
        + identity.hairline
        - 0.30 * (x.abs().clamp(max=0.95) / 0.75) ** 4
        + 0.05 * ((x - identity.parting) * 4).cos()
    )
    low = 0.10 + 0.85 * ramp(z, -0.55, -0.70)  # sideburns before the ear, down to the nape behind it
    field = torch.maximum(y - front, torch.minimum(y + low, (-0.20 - z) * 2.2))
    field = torch.minimum(field, 0.12 - 0.4 * mesh.masks["ears"])
    return torch.where(mesh.part_mask("body") & (not identity.bald), field, -1.0)


@lru_cache(maxsize=1)
def ear_distance() -> Tensor:
    """Distance (V,) of the template's vertices to the nearer ear, dm."""
    mesh = head()
    return torch.cdist(mesh.vertices, mesh.vertices[mesh.masks["ears"] > 0.4]).amin(1)


def vertex_normals(points: Tensor) -> Tensor:
    """Area-weighted unit vertex normals (V, 3, B) of the head for vertex positions (V, 3, B)."""
    mesh = head()
    n_batch = points.shape[2]
    corners = points.reshape(len(points), -1).index_select(0, mesh.triangles.reshape(-1)).view(-1, 3, 3, n_batch)
    (ax, ay, az), (bx, by, bz) = ((corners[:, i] - corners[:, 0]).unbind(1) for i in (1, 2))
    face = torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], 1).flatten(1)
    total = F.embedding_bag(mesh.ring, face, mesh.ring_start, mode="sum").view(-1, 3, n_batch)
    return total * (total.square().sum(1, keepdim=True) + 1e-12).rsqrt()


def glasses_mesh(rest: Tensor, size: float) -> tuple[Tensor, Tensor]:
    """Vertices (G, 3) and triangles of glasses for a head at rest with vertex positions ``rest`` (V, 3)."""
    mesh, n = head(), 32  # n points around each rim
    points, triangles = [], []
    angle = torch.arange(n) * (2 * math.pi / n)
    cos, sin = angle.cos(), angle.sin()
    height, width, rim = 0.175 * size, 0.225 * size, 0.03
    inner_edges = []  # where the bridge meets the rims
    start = 0
    bridge_of_nose = (rest[:, 0].abs() < 0.15) & (rest[:, 1].abs() < 0.12)
    plane = max(
        float(rest[mesh.part_mask("eye_left", "eye_right"), 2].max()) + 0.12,
        float(rest[bridge_of_nose, 2].max()) + 0.01,
    )
    for side, sign in (("left", 1.0), ("right", -1.0)):
        x, y, _ = rest[mesh.part_mask(f"eye_{side}")].mean(0).tolist()
        x, y = x * 1.04, y - 0.04
        for grow in (0.0, rim):
            across = x + (width + grow) * cos.sign() * cos.abs() ** 0.8
            up = y + (height + grow) * sin.sign() * sin.abs() ** 0.8
            points.append(torch.stack([across, up, plane - 0.12 * ((cos * sign + 1) / 2) ** 2], 1))
        for i in range(n):
            j = (i + 1) % n
            triangles += [(start + i, start + n + i, start + n + j), (start + i, start + n + j, start + j)]
        start += 2 * n
        hinge = x + sign * (width + rim / 2)
        arm = [(hinge, y + 0.08, plane - 0.12), (hinge, y + 0.035, plane - 0.12)]
        arm += [(sign * 0.77, y + 0.08, -0.6), (sign * 0.77, y + 0.035, -0.6)]
        points.append(torch.tensor(arm))
        strip = [(start, start + 1, start + 2), (start + 1, start + 3, start + 2)]
        triangles += strip + [(a, c, b) for a, b, c in strip]
        start += 4
        inner_edges.append((x - sign * width, y + 0.03))
    (left, y1), (right, y2) = inner_edges
    bridge = [(right, y2 + 0.02, plane), (right, y2 - 0.02, plane), (left, y1 + 0.02, plane), (left, y1 - 0.02, plane)]
    points.append(torch.tensor(bridge))
    triangles += [(start, start + 1, start + 2), (start + 1, start + 3, start + 2)]
    return torch.cat(points), torch.tensor(triangles)


def rest_shape(identity: Identity) -> Shape:
    """Build the mesh of a person at rest, with hair (a raised scalp, and locks if long) and glasses."""
    mesh = head()
    displacement = identity.macro @ mesh.macro + identity.local @ mesh.local
    rest = mesh.vertices + displacement.view(-1, 3)
    eyes = torch.stack([rest[mesh.part_mask(f"eye_{side}")].mean(0) for side in ("left", "right")])
    rest = rest - eyes.mean(0)
    x, y, z = mesh.vertices.unbind(1)
    raised = ramp(scalp(identity), 0.0, 0.2) * ramp(y, -0.95, -0.65) * ramp(ear_distance(), 0.02, 0.24)
    wave = 1 + 0.25 * (x * 7 + identity.parting * 9).sin() * (y * 5).sin() + 0.2 * (z * 9).sin()
    rest = rest + vertex_normals(rest[..., None])[..., 0] * (raised * identity.hair_depth * wave)[:, None]
    for side in ("left", "right"):  # eyeballs shrink and move back, so that none bulges out of its lids
        eye = mesh.part_mask(f"eye_{side}")
        rest[eye] = torch.lerp(rest[eye].mean(0), rest[eye], 0.96) - torch.tensor([0.0, 0.0, 0.008])
    teeth = mesh.part_mask("upper_teeth", "lower_teeth")  # move in, so that they never pierce lips in a smile
    rest[teeth] = rest[teeth] * torch.tensor([0.92, 1.0, 1.0]) - torch.tensor([0.0, 0.0, 0.035])
    rest[mesh.part_mask("lower_teeth"), 1] -= 0.03
    locks = mesh.part_mask("hair")
    scale = 1.02 - 0.24 * ramp(y[locks], 0.1, -0.9)  # locks lie closer to the cheeks further down
    rest[locks] = rest[locks] * torch.stack([scale, torch.ones_like(scale), torch.ones_like(scale)], 1)
    rest[locks, 2] -= 0.10
    drawn = torch.ones_like(locks) if identity.long_hair else ~locks
    triangles = mesh.triangles[drawn[mesh.triangles[:, 0]]]
    if identity.glasses is not None:
        points, extra = glasses_mesh(rest, identity.glasses_size)
        triangles = torch.cat([triangles, extra + len(rest)])
        rest = torch.cat([rest, points])
    return Shape(rest, triangles)


def rotation(pose: Tensor) -> Tensor:
    """Rotation matrices (3, 3, B) of poses (B, 3): roll, pitch and yaw in degrees, see `performance.Performance`."""
    roll, pitch, yaw = torch.deg2rad(pose).unbind(1)
    cr, sr, cp, sp, cy, sy = roll.cos(), roll.sin(), pitch.cos(), pitch.sin(), yaw.cos(), yaw.sin()
    one, zero = torch.ones_like(yaw), torch.zeros_like(yaw)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, 1).view(-1, 3, 3)

    by_yaw = matrix(cy, zero, -sy, zero, one, zero, sy, zero, cy)
    by_pitch = matrix(one, zero, zero, zero, cp, sp, zero, -sp, cp)
    by_roll = matrix(cr, sr, zero, -sr, cr, zero, zero, zero, one)
    return (by_roll @ by_pitch @ by_yaw).permute(1, 2, 0).contiguous()


def rotate(matrix: Tensor, points: Tensor) -> Tensor:
    """Rotate points (V, 3, B) by matrices (3, 3, B)."""
    x, y, z = points.unbind(1)
    return torch.stack([row[0] * x + row[1] * y + row[2] * z for row in matrix], 1)


def pose_vertices(person: Shape, actions: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
    """Positions and unit normals of a mesh in B frames.

    The head rotates about the neck, whose base follows by ``NECK_SHARE``.

    Args:
        person: the mesh at rest.
        actions: (B, A) weights of the facial actions.
        pose: (B, 3) roll, pitch and yaw, degrees.

    Returns:
        Positions relative to the neck, dm, and normals, each (V + G, 3, B), in view axes: x to the right of the image,
        y up, z towards the camera.
    """
    mesh, n = head(), len(actions)
    n_head = len(mesh.vertices)
    face = person.rest[:n_head, :, None] + (mesh.actions @ actions.T).view(-1, 3, n)
    extra = person.rest[n_head:, :, None].expand(-1, -1, n)
    points = torch.cat([face, extra]) - torch.tensor(NECK)[:, None]
    y = mesh.vertices[:, 1]
    follow = torch.where(mesh.part_mask("body"), ramp(y, -1.75, -0.75), 1.0)
    follow = torch.where(mesh.part_mask("hair"), ramp(y, -2.2, -1.0), follow)
    follow = torch.cat([follow * follow * (3 - 2 * follow), torch.ones(len(extra))])[:, None, None]
    turned = rotate(rotation(pose), points)
    points = torch.lerp(rotate(rotation(pose * NECK_SHARE), points), turned, follow)
    forward = rotation(pose)[None, :, 2].expand(len(extra), -1, -1)
    return points, torch.cat([vertex_normals(points[:n_head]), forward])
