"""Rendering of a person, a performance and a scene to images and landmarks."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.data.synthetic.appearance import EYE, PLAIN, sample_colours, vertex_fields
from benchmark.data.synthetic.crop import Window, jittered
from benchmark.data.synthetic.geometry import NECK, Shape, pose_vertices, rest_shape
from benchmark.data.synthetic.head import head
from benchmark.data.synthetic.identity import Identity
from benchmark.data.synthetic.performance import Performance
from benchmark.data.synthetic.raster import rasterise
from benchmark.data.synthetic.scene import BACKGROUND_EXTENT, Scene, apply_camera, key_light_visibility, vertex_light

SUPERSAMPLING = 2  # samples per pixel along each axis
MAX_PIXELS = 16384  # shaded at a time, which keeps the arrays in the processor's cache


@dataclass(frozen=True)
class Person:
    """An identity with its mesh and vertex attributes, which all its frames share.

    Attributes:
        identity: traits.
        shape: mesh at rest, with V vertices of the head and G of the glasses.
        fields: (V + G, K) appearance fields, see `appearance.FIELDS`.
        material: (V + G,) material, see `appearance`.
        gloss: (V + G,) strength of the specular highlight.
        ambient_occlusion: (V + G,) factor, 1 is unoccluded.
    """

    identity: Identity
    shape: Shape
    fields: Tensor
    material: Tensor
    gloss: Tensor
    ambient_occlusion: Tensor


@dataclass(frozen=True)
class Rendering:
    """B rendered frames.

    Attributes:
        frames: (B, S, S, 3) uint8 RGB.
        landmarks: (B, 68, 2) x and y, in sides of the crop.
        coverage: (B, S, S) share of each pixel that the head covers.
    """

    frames: Tensor
    landmarks: Tensor
    coverage: Tensor


def build_person(identity: Identity) -> Person:
    """Compute the mesh and vertex attributes of an identity."""
    mesh, body = head(), rest_shape(identity)
    fields, material, gloss = vertex_fields(identity, body)
    # Occlusion was baked with mouth and eyes at rest, so regions that open later have a lower bound.
    least = torch.zeros(len(mesh.vertices))
    least[mesh.part_mask("eye_left", "eye_right")] = 0.75
    least = torch.maximum(least, 0.65 * torch.maximum(mesh.masks["eyelids"], mesh.masks["lips"]))
    least = torch.maximum(least, 0.35 * mesh.masks["mouth"])
    ambient_occlusion = torch.maximum(mesh.ambient_occlusion, least)
    teeth, tongue = mesh.part_mask("upper_teeth", "lower_teeth"), mesh.part_mask("tongue")
    depth = mesh.vertices[:, 2]
    ambient_occlusion[teeth] = (0.4 + 0.6 * ((depth + 0.2) / 0.35)).clamp(0.4, 0.95)[teeth]
    ambient_occlusion[tongue] = (0.3 + 0.4 * (depth + 0.4) / 0.4).clamp(0.25, 0.7)[tongue]
    ambient_occlusion[mesh.part_mask("hair")] = 0.85
    extra = torch.ones(len(body.rest) - len(ambient_occlusion))
    return Person(identity, body, fields, material, gloss, torch.cat([ambient_occlusion, extra]))


def render(
    person: Person,
    performance: Performance,
    scene: Scene,
    random: torch.Generator,
    side: int,
    crop: Callable[[Tensor, torch.Generator], Window] = jittered,
) -> Rendering:
    """Render B frames of one person, cropped as by a face detector.

    The background is fixed in the scene, so it moves in the image when the crop follows the head.

    Args:
        person: the person.
        performance: expression, pose and position in each frame.
        scene: light, background and camera, one for all frames or one per frame.
        random: generator of the crop's jitter and the camera's noise.
        side: S, side of the images, pixels.
        crop: window of each frame for landmarks (2, 68, B) in the scene, dm.
    """
    points, normal = pose_vertices(person.shape, performance.actions(), performance.pose)
    n = points.shape[2]
    magnification = scene.distance / (scene.distance - points[:, 2])
    x = points[:, 0] * magnification + performance.position[:, 0]
    y = (points[:, 1] + NECK[1]) * magnification + performance.position[:, 1]
    landmarks_dm = torch.stack([x[head().landmarks], y[head().landmarks]])  # (2, 68, B)
    centre, size = crop(landmarks_dm, random)
    left, top = centre[0] - size / 2, centre[1] + size / 2

    across, down = (x - left) / size, (top - y) / size
    lit = key_light_visibility(scene, points, person.shape.triangles)
    shiny = (person.material == EYE) | (person.material == PLAIN)
    lit[shiny] = lit[shiny].clamp(min=0.45)  # eyes and teeth stay visible in the shadow of brow and lips
    light = vertex_light(scene, normal, person.ambient_occlusion, person.gloss, lit)
    projected = torch.stack([across, down, points[:, 2]], 1)
    step = max(1, MAX_PIXELS // side**2)
    strain = performance.strain()
    parts = []
    for start in range(0, n, step):
        chunk = slice(start, start + step)
        parts.append(shade_pixels(person, projected[..., chunk], light[..., chunk], strain[:, chunk], side))
    canvas = torch.cat(parts, 1)
    steps = (torch.arange(side) + 0.5) / side
    background_x = ((left[:, None] + steps * size[:, None]) * (2 / BACKGROUND_EXTENT))[:, None, :].expand(n, side, side)
    background_y = ((top[:, None] - steps * size[:, None]) * (-2 / BACKGROUND_EXTENT))[:, :, None].expand(n, side, side)
    background = F.grid_sample(
        scene.background.expand(n, -1, -1, -1),
        torch.stack([background_x, background_y], -1),
        align_corners=False,
        padding_mode="reflection",
    )
    picture = canvas[:3].transpose(0, 1) + background * (1 - canvas[3][:, None])
    landmarks = torch.stack([across[head().landmarks], down[head().landmarks]], -1).transpose(0, 1)
    return Rendering(apply_camera(scene, picture, random), landmarks.contiguous(), canvas[3])


def shade_pixels(person: Person, projected: Tensor, light: Tensor, strain: Tensor, side: int) -> Tensor:
    """Rasterise and shade the head: premultiplied RGB and coverage, (4, B, S, S).

    Args:
        person: the person.
        projected: (V + G, 3, B) x and y of the vertices in sides of the crop, and depth in dm.
        light: (V + G, 4, B) light at the vertices, see `scene.vertex_light`.
        strain: (4, B) skin strain, see `appearance.creases`.
        side: S, side of the images, pixels.
    """
    n, fine = projected.shape[2], side * SUPERSAMPLING
    hits = rasterise(projected * torch.tensor([fine, fine, 1.0])[:, None], person.shape.triangles, fine)
    corners = person.shape.triangles.index_select(0, hits.triangle)
    weights = torch.stack([1 - hits.u - hits.v, hits.u, hits.v], 1)
    fields = interpolate(person.fields, corners, weights)
    rows = light.permute(0, 2, 1).reshape(-1, 4)
    lit = interpolate(rows, corners * n + hits.batch[:, None], weights)
    colour = sample_colours(person.identity, fields, person.material[corners[:, 0]], strain[:, hits.batch])
    canvas = torch.zeros(4, n * fine * fine)
    canvas[:3, hits.sample] = colour * lit[:3] + lit[3]
    canvas[3, hits.sample] = 1
    return F.avg_pool2d(canvas.view(4, n, fine, fine), SUPERSAMPLING)


def interpolate(values: Tensor, corners: Tensor, weights: Tensor) -> Tensor:
    """Interpolate values (R, K) at the corners (N, 3) of N samples' triangles by barycentric weights (N, 3): (K, N)."""
    total = values.index_select(0, corners[:, 0]) * weights[:, :1]
    for i in (1, 2):
        total.addcmul_(values.index_select(0, corners[:, i]), weights[:, i : i + 1])
    return total.T.contiguous()
