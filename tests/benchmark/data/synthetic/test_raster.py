import itertools

import torch

from benchmark.data.synthetic.raster import rasterise


def brute_force(points: torch.Tensor, triangles: torch.Tensor, side: int) -> torch.Tensor:
    """Nearest front-facing triangle at each sample centre, (B, side, side), -1 where there is none."""
    nearest = torch.full((points.shape[2], side, side), -1)
    for b, row, column in itertools.product(range(points.shape[2]), range(side), range(side)):
        best = -float("inf")
        for t, corners in enumerate(triangles.tolist()):
            (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (points[i, :, b].tolist() for i in corners)
            x, y = column + 0.5, row + 0.5
            area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
            if area >= 0:
                continue
            u = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
            v = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
            depth = az + u * (bz - az) + v * (cz - az)
            if u >= 0 and v >= 0 and u + v <= 1 and depth > best:
                best, nearest[b, row, column] = depth, t
    return nearest


def test_agrees_with_brute_force() -> None:
    random = torch.Generator().manual_seed(0)
    points = torch.rand(12, 3, 2, generator=random) * torch.tensor([14.0, 14.0, 4.0])[:, None] - 1
    triangles = torch.randint(12, (30, 3), generator=random)
    hits = rasterise(points, triangles, 12)
    triangle = torch.full((2 * 12 * 12,), -1)
    triangle[hits.sample] = hits.triangle
    assert torch.equal(triangle.view(2, 12, 12), brute_force(points, triangles, 12))
    assert torch.equal(hits.batch, hits.sample // 144)


def test_barycentric_weights_interpolate_the_sample_centre() -> None:
    points = torch.tensor([[1.0, 9.0, 0.0], [9.0, 8.0, 0.0], [4.0, 1.0, 0.0]])[..., None]
    hits = rasterise(points, torch.tensor([[0, 1, 2]]), 10)
    corners = points[:, :2, 0]
    edges = corners[1] - corners[0], corners[2] - corners[0]
    interpolated = corners[0] + hits.u[:, None] * edges[0] + hits.v[:, None] * edges[1]
    centres = torch.stack([hits.sample % 10 + 0.5, hits.sample // 10 + 0.5], 1)
    torch.testing.assert_close(interpolated, centres)


def test_triangles_outside_the_grid() -> None:
    points = torch.full((3, 3, 1), 50.0)
    assert len(rasterise(points, torch.tensor([[0, 1, 2]]), 8).sample) == 0
