"""Where every vertex of one person is, at rest and in a frame."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.data.synthetic.head import head
from benchmark.data.synthetic.identity import Identity

NECK = (0.0, -1.0, -0.75)  # where the head turns, dm
NECK_SHARE = 0.15  # of the turn that the base of the neck follows


@dataclass(frozen=True)
class Shape:
    """One person at rest: the V vertices of the head, then G of the glasses."""

    rest: Tensor  # (V + G, 3) dm
    triangles: Tensor  # (T, 3) those that are drawn


def smooth(value: Tensor, low: float, high: float) -> Tensor:
    """Ramp from 0 at ``low`` to 1 at ``high`` (which may be the smaller), held beyond."""
    return ((value - low) / (high - low)).clamp(0, 1)


def scalp(identity: Identity) -> Tensor:
    """Field (V,) in dm over the template's vertices, positive where hair grows on the skin."""
    mesh = head()
    x, y, z = mesh.vertices.unbind(1)
    front = (
        0.62
        + identity.hairline
        - 0.30 * (x.abs().clamp(max=0.95) / 0.75) ** 4
        + 0.05 * ((x - identity.parting) * 4).cos()
    )
    low = 0.10 + 0.85 * smooth(z, -0.55, -0.70)  # sideburns before the ear, down to the nape behind it
    field = torch.maximum(y - front, torch.minimum(y + low, (-0.20 - z) * 2.2))
    field = torch.minimum(field, 0.12 - 0.4 * mesh.masks["ears"])
    return torch.where(mesh.of("body") & (not identity.bald), field, -1.0)


@lru_cache(maxsize=1)
def ear_distance() -> Tensor:
    """Distance (V,) of the template's vertices from the nearer ear, dm."""
    mesh = head()
    return torch.cdist(mesh.vertices, mesh.vertices[mesh.masks["ears"] > 0.4]).amin(1)


def normals(points: Tensor) -> Tensor:
    """Unit vertex normals (V, 3, B), area weighted, of head vertices (V, 3, B)."""
    mesh = head()
    n_batch = points.shape[2]
    corners = points.reshape(len(points), -1).index_select(0, mesh.triangles.reshape(-1)).view(-1, 3, 3, n_batch)
    (ax, ay, az), (bx, by, bz) = ((corners[:, i] - corners[:, 0]).unbind(1) for i in (1, 2))
    face = torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], 1).flatten(1)
    total = F.embedding_bag(mesh.ring, face, mesh.ring_start, mode="sum").view(-1, 3, n_batch)
    return total * (total.square().sum(1, keepdim=True) + 1e-12).rsqrt()


def glasses(rest: Tensor, size: float) -> tuple[Tensor, Tensor]:
    """Vertices (G, 3) and triangles of a pair of glasses in front of the eyes of a head at rest."""
    mesh, n = head(), 32
    points, triangles = [], []
    angle = torch.arange(n) * (2 * math.pi / n)
    cos, sin = angle.cos(), angle.sin()
    height, width, rim = 0.175 * size, 0.225 * size, 0.03
    edges = []
    start = 0
    bridge_of_nose = (rest[:, 0].abs() < 0.15) & (rest[:, 1].abs() < 0.12)
    plane = max(
        float(rest[mesh.of("eye_left", "eye_right"), 2].max()) + 0.12, float(rest[bridge_of_nose, 2].max()) + 0.01
    )
    for side, sign in (("left", 1.0), ("right", -1.0)):
        x, y, _ = rest[mesh.of(f"eye_{side}")].mean(0).tolist()
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
        edges.append((x - sign * width, y + 0.03))
    (left, y1), (right, y2) = edges
    bridge = [(right, y2 + 0.02, plane), (right, y2 - 0.02, plane), (left, y1 + 0.02, plane), (left, y1 - 0.02, plane)]
    points.append(torch.tensor(bridge))
    triangles += [(start, start + 1, start + 2), (start + 1, start + 3, start + 2)]
    return torch.cat(points), torch.tensor(triangles)


def shape(identity: Identity) -> Shape:
    """Builds a person's head at rest, with hair (a raised scalp, and locks if long) and glasses."""
    mesh = head()
    move = identity.macro @ mesh.macro + identity.local @ mesh.local
    rest = mesh.vertices + move.view(-1, 3)
    eyes = torch.stack([rest[mesh.of(f"eye_{side}")].mean(0) for side in ("left", "right")])
    rest = rest - eyes.mean(0)
    x, y, z = mesh.vertices.unbind(1)
    raised = smooth(scalp(identity), 0.0, 0.2) * smooth(y, -0.95, -0.65) * smooth(ear_distance(), 0.02, 0.24)
    wave = 1 + 0.25 * (x * 7 + identity.parting * 9).sin() * (y * 5).sin() + 0.2 * (z * 9).sin()
    rest = rest + normals(rest[..., None])[..., 0] * (raised * identity.hair_depth * wave)[:, None]
    for side in ("left", "right"):  # nor may any shape of the lids leave the eyeball bulging
        eye = mesh.of(f"eye_{side}")
        rest[eye] = torch.lerp(rest[eye].mean(0), rest[eye], 0.96) - torch.tensor([0.0, 0.0, 0.008])
    teeth = mesh.of("upper_teeth", "lower_teeth")  # no smile may stretch the lips so far that teeth pierce them
    rest[teeth] = rest[teeth] * torch.tensor([0.92, 1.0, 1.0]) - torch.tensor([0.0, 0.0, 0.035])
    rest[mesh.of("lower_teeth"), 1] -= 0.03
    locks = mesh.of("hair")
    hug = 1.02 - 0.24 * smooth(y[locks], 0.1, -0.9)  # locks fall along the cheeks
    rest[locks] = rest[locks] * torch.stack([hug, torch.ones_like(hug), torch.ones_like(hug)], 1)
    rest[locks, 2] -= 0.10
    drawn = torch.ones_like(locks) if identity.long_hair else ~locks
    triangles = mesh.triangles[drawn[mesh.triangles[:, 0]]]
    if identity.glasses is not None:
        points, extra = glasses(rest, identity.glasses_size)
        triangles = torch.cat([triangles, extra + len(rest)])
        rest = torch.cat([rest, points])
    return Shape(rest, triangles)


def rotation(pose: Tensor) -> Tensor:
    """Rotation matrices (3, 3, B) of poses (B, 3): roll, pitch and yaw in degrees; see performance.Performance."""
    roll, pitch, yaw = torch.deg2rad(pose).unbind(1)
    cr, sr, cp, sp, cy, sy = roll.cos(), roll.sin(), pitch.cos(), pitch.sin(), yaw.cos(), yaw.sin()
    one, nil = torch.ones_like(yaw), torch.zeros_like(yaw)

    def matrix(*rows: Tensor) -> Tensor:
        return torch.stack(rows, 1).view(-1, 3, 3)

    turn = matrix(cy, nil, -sy, nil, one, nil, sy, nil, cy)
    nod = matrix(one, nil, nil, nil, cp, sp, nil, -sp, cp)
    tilt = matrix(cr, sr, nil, -sr, cr, nil, nil, nil, one)
    return (tilt @ nod @ turn).permute(1, 2, 0).contiguous()


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """Rotates points (V, 3, B) by matrices (3, 3, B)."""
    x, y, z = points.unbind(1)
    return torch.stack([row[0] * x + row[1] * y + row[2] * z for row in matrix], 1)


def posed(person: Shape, actions: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
    """Vertices and unit normals (V + G, 3, B) in view axes (x to image right, y up, z to the camera), dm.

    Args:
        person: the head at rest.
        actions: (B, A) weights of the facial actions.
        pose: (B, 3) roll, pitch, yaw in degrees. The head turns about the neck, whose base follows a little.
    """
    mesh, n = head(), len(actions)
    n_head = len(mesh.vertices)
    face = person.rest[:n_head, :, None] + (mesh.actions @ actions.T).view(-1, 3, n)
    extra = person.rest[n_head:, :, None].expand(-1, -1, n)
    points = torch.cat([face, extra]) - torch.tensor(NECK)[:, None]
    y = mesh.vertices[:, 1]
    follow = torch.where(mesh.of("body"), smooth(y, -1.75, -0.75), 1.0)
    follow = torch.where(mesh.of("hair"), smooth(y, -2.2, -1.0), follow)
    follow = torch.cat([follow * follow * (3 - 2 * follow), torch.ones(len(extra))])[:, None, None]
    turned = apply(rotation(pose), points)
    points = torch.lerp(apply(rotation(pose * NECK_SHARE), points), turned, follow)
    forward = rotation(pose)[None, :, 2].expand(len(extra), -1, -1)
    return points, torch.cat([normals(points[:n_head]), forward])
