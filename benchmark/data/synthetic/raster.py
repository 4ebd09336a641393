"""Batched z-buffer rasteriser in pure torch."""

from typing import NamedTuple

import torch
from torch import Tensor


class Hits(NamedTuple):
    """The N covered samples, with the nearest triangle at each.

    Attributes:
        sample: (N,) int64 index ``(batch * side + row) * side + column``.
        batch: (N,) int64.
        triangle: (N,) int64.
        u: (N,) barycentric weight of the triangle's second corner.
        v: (N,) barycentric weight of the third corner; that of the first is 1 - u - v.
    """

    sample: Tensor
    batch: Tensor
    triangle: Tensor
    u: Tensor
    v: Tensor


def rasterise(points: Tensor, triangles: Tensor, side: int) -> Hits:
    """Find the nearest front-facing triangle at the centre of each sample of a ``side`` x ``side`` grid.

    Each triangle contributes a list of the sample centres in its bounding box. The lists are concatenated, and one
    scatter-min of (depth, list position) keys keeps the nearest. Ties go to the first triangle, so the result does not
    depend on the number of threads.

    Args:
        points: (V, 3, B) column and row in samples (row 0 at the top), and depth within +-64, larger is nearer.
        triangles: (T, 3) int64 vertex indices, counter-clockwise seen from the front.
        side: samples per side of the grid.
    """
    n_batch = points.shape[2]
    corners = points.reshape(len(points), -1).index_select(0, triangles.reshape(-1))
    x, y, z = corners.view(-1, 3, 3, n_batch).unbind(2)  # each (T, 3, B)
    x0, y0 = x[:, 0], y[:, 0]
    ux, uy, vx, vy = x[:, 1] - x0, y[:, 1] - y0, x[:, 2] - x0, y[:, 2] - y0
    area = ux * vy - vx * uy  # negative in front, since rows run down
    left, right = (x.amin(1) - 0.5).ceil().clamp(0, side), (x.amax(1) - 0.5).floor().clamp(-1, side - 1)
    top, bottom = (y.amin(1) - 0.5).ceil().clamp(0, side), (y.amax(1) - 0.5).floor().clamp(-1, side - 1)
    width = right - left + 1
    count = width.clamp(min=0) * (bottom - top + 1).clamp(min=0) * (area < -1e-9)
    kept = count.view(-1).nonzero()[:, 0]  # triangle * B + batch

    def keep(values: Tensor) -> Tensor:
        return values.reshape(-1).index_select(0, kept)

    # u, v and depth are linear in the offset from the first sample of the box, which keeps them exact for slivers.
    x0, y0, ux, uy, vx, vy, left, top, width = map(keep, (x0, y0, ux, uy, vx, vy, left, top, width))
    inverse = 1 / keep(area)
    dx, dy = left + 0.5 - x0, top + 0.5 - y0
    u_x, u_y, v_x, v_y = vy * inverse, -vx * inverse, -uy * inverse, ux * inverse
    u_0, v_0 = u_x * dx + u_y * dy, v_x * dx + v_y * dy
    z0 = keep(z[:, 0])
    zu, zv = keep(z[:, 1]) - z0, keep(z[:, 2]) - z0
    start = ((kept % n_batch) * side + top.long()) * side + left.long()

    n = keep(count).long()
    owner = torch.repeat_interleave(n)
    offset = torch.arange(len(owner)) - (n.cumsum(0) - n).index_select(0, owner)
    planes = torch.stack([u_0, u_x, u_y, v_0, v_x, v_y, width], 1).index_select(0, owner)
    u_0, u_x, u_y, v_0, v_x, v_y, width = planes.unbind(1)
    down = ((offset + 0.5) / width).floor()
    across = offset - down * width
    u, v = u_0 + u_x * across + u_y * down, v_0 + v_x * across + v_y * down
    inside = ((u >= 0) & (v >= 0) & (u + v <= 1)).nonzero()[:, 0]
    owner, u, v = owner[inside], u[inside], v[inside]
    sample = start[owner] + down[inside].long() * side + across[inside].long()
    depth = z0[owner] + u * zu[owner] + v * zv[owner]

    farness = ((64.0 - depth) * 2.0**23).long()
    key = (farness << 32) | torch.arange(len(owner))
    nearest = torch.full((n_batch * side * side,), 2**62, dtype=torch.int64)
    nearest.scatter_reduce_(0, sample, key, "amin")
    sample = (nearest < 2**62).nonzero()[:, 0]
    winner = nearest[sample] & (2**32 - 1)
    face = kept[owner[winner]]
    return Hits(sample, face % n_batch, face // n_batch, u[winner], v[winner])
