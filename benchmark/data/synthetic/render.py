"""From a person, a performance and a scene to pictures and their landmarks."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.data.synthetic.appearance import EYE, PLAIN, sample_colours, vertex_fields
from benchmark.data.synthetic.geometry import NECK, Shape, posed, shape
from benchmark.data.synthetic.head import head
from benchmark.data.synthetic.identity import Identity
from benchmark.data.synthetic.performance import Performance
from benchmark.data.synthetic.raster import rasterise
from benchmark.data.synthetic.scene import BACKGROUND_EXTENT, Scene, develop, illuminate, key_reaches

CROP = 1.25  # side of a crop over the larger side of the box round the 68 landmarks
JITTER = 0.05  # standard deviation of a crop's centre (in sides) and log-size, as of a face detector
SAMPLES = 2  # per pixel, along either axis
PIXELS_AT_ONCE = 16384  # keeps the arrays within the processor's cache


@dataclass(frozen=True)
class Person:
    """An identity with all that its frames share, computed once."""

    identity: Identity
    shape: Shape
    fields: Tensor  # (V + G, K) see appearance.FIELDS
    material: Tensor  # (V + G,)
    gloss: Tensor  # (V + G,)
    openness: Tensor  # (V + G,)


@dataclass(frozen=True)
class Pictures:
    """B rendered frames."""

    frames: Tensor  # (B, S, S, 3) uint8 RGB
    landmarks: Tensor  # (B, 68, 2) x, y in crop sides
    coverage: Tensor  # (B, S, S) share of each pixel that the head covers


def embody(identity: Identity) -> Person:
    """Prepares a person for rendering."""
    mesh, body = head(), shape(identity)
    fields, material, gloss = vertex_fields(identity, body)
    # The occlusion was baked with mouth and eyes at rest: what opens later is held brighter.
    least = torch.zeros(len(mesh.vertices))
    least[mesh.of("eye_left", "eye_right")] = 0.75
    least = torch.maximum(least, 0.65 * torch.maximum(mesh.masks["eyelids"], mesh.masks["lips"]))
    least = torch.maximum(least, 0.35 * mesh.masks["mouth"])
    openness = torch.maximum(mesh.openness, least)
    teeth, tongue = mesh.of("upper_teeth", "lower_teeth"), mesh.of("tongue")
    depth = mesh.vertices[:, 2]
    openness[teeth] = (0.4 + 0.6 * ((depth + 0.2) / 0.35)).clamp(0.4, 0.95)[teeth]
    openness[tongue] = (0.3 + 0.4 * (depth + 0.4) / 0.4).clamp(0.25, 0.7)[tongue]
    openness[mesh.of("hair")] = 0.85
    extra = torch.ones(len(body.rest) - len(openness))
    return Person(identity, body, fields, material, gloss, torch.cat([openness, extra]))


def render(person: Person, performance: Performance, scene: Scene, random: torch.Generator, side: int) -> Pictures:
    """Renders B frames of one person as a face detector would crop them.

    Args:
        person: who.
        performance: expression, pose and place of every frame.
        scene: light, background and camera; one for all frames or one for each.
        random: for the crop's jitter and the camera's noise.
        side: of the square pictures, pixels.

    The crop is a square of CROP times the larger side of the box round the 68 landmarks, jittered by JITTER. The
    background stays where it is in the scene, so it moves when the crop follows the head.
    """
    points, normal = posed(person.shape, performance.actions(), performance.pose)
    n = points.shape[2]
    near = scene.distance / (scene.distance - points[:, 2])
    x = points[:, 0] * near + performance.place[:, 0]
    y = (points[:, 1] + NECK[1]) * near + performance.place[:, 1]
    marks = torch.stack([x[head().landmarks], y[head().landmarks]])  # (2, 68, B) dm
    low, high = marks.amin(1), marks.amax(1)
    shake = torch.randn(3, n, generator=random) * JITTER
    size = (high - low).amax(0) * CROP
    centre = (low + high) / 2 + shake[:2] * size
    size = size * shake[2].exp()
    left, top = centre[0] - size / 2, centre[1] + size / 2

    across, down = (x - left) / size, (top - y) / size
    lit = key_reaches(scene, points, person.shape.triangles)
    shiny = (person.material == EYE) | (person.material == PLAIN)
    lit[shiny] = lit[shiny].clamp(min=0.45)  # eyes and teeth gleam in the shadow of brow and lips
    light = illuminate(scene, normal, person.openness, person.gloss, lit)
    place = torch.stack([across, down, points[:, 2]], 1)
    step = max(1, PIXELS_AT_ONCE // side**2)
    strain = performance.strain()
    parts = []
    for start in range(0, n, step):
        some = slice(start, start + step)
        parts.append(paint(person, place[..., some], light[..., some], strain[:, some], side))
    canvas = torch.cat(parts, 1)
    steps = (torch.arange(side) + 0.5) / side
    seen_x = ((left[:, None] + steps * size[:, None]) * (2 / BACKGROUND_EXTENT))[:, None, :].expand(n, side, side)
    seen_y = ((top[:, None] - steps * size[:, None]) * (-2 / BACKGROUND_EXTENT))[:, :, None].expand(n, side, side)
    behind = F.grid_sample(
        scene.background.expand(n, -1, -1, -1),
        torch.stack([seen_x, seen_y], -1),
        align_corners=False,
        padding_mode="reflection",
    )
    picture = canvas[:3].transpose(0, 1) + behind * (1 - canvas[3][:, None])
    landmarks = torch.stack([across[head().landmarks], down[head().landmarks]], -1).transpose(0, 1)
    return Pictures(develop(scene, picture, random), landmarks.contiguous(), canvas[3])


def paint(person: Person, place: Tensor, light: Tensor, strain: Tensor, side: int) -> Tensor:
    """Red, green, blue (times coverage) and coverage of the head: (4, B, S, S).

    Args:
        person: who.
        place: (V + G, 3, B) x and y in crop sides, and depth in dm.
        light: (V + G, 4, B) see `illuminate`.
        strain: (4, B) of the skin, see `appearance.creases`.
        side: of the square pictures, pixels.
    """
    n, fine = place.shape[2], side * SAMPLES
    hits = rasterise(place * torch.tensor([fine, fine, 1.0])[:, None], person.shape.triangles, fine)
    corners = person.shape.triangles.index_select(0, hits.triangle)
    weights = torch.stack([1 - hits.u - hits.v, hits.u, hits.v], 1)
    fields = interpolate(person.fields, corners, weights)
    rows = light.permute(0, 2, 1).reshape(-1, 4)
    lit = interpolate(rows, corners * n + hits.batch[:, None], weights)
    colour = sample_colours(person.identity, fields, person.material[corners[:, 0]], strain[:, hits.batch])
    canvas = torch.zeros(4, n * fine * fine)
    canvas[:3, hits.sample] = colour * lit[:3] + lit[3]
    canvas[3, hits.sample] = 1
    return F.avg_pool2d(canvas.view(4, n, fine, fine), SAMPLES)


def interpolate(values: Tensor, corners: Tensor, weights: Tensor) -> Tensor:
    """Values (K, N) at N samples from rows (.., K) at their triangles' corners (N, 3)."""
    total = values.index_select(0, corners[:, 0]) * weights[:, :1]
    for i in (1, 2):
        total.addcmul_(values.index_select(0, corners[:, i]), weights[:, i : i + 1])
    return total.T.contiguous()
