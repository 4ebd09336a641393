"""Light, background and camera."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.data.synthetic.raster import rasterise
from benchmark.data.synthetic.seeds import Draws

BACKGROUND_SIDE = 96  # texels
BACKGROUND_EXTENT = 4.0  # width and height, dm, centred on the origin of the scene
SHADOW_SIDE = 72  # texels of the shadow map
SHADOW_EXTENT = 3.2  # width and height of the shadow map, dm
SHADOW_BIAS = 0.07  # dm
SHADOW_TAPS = ((0, 0), (1, 0.4), (-1, -0.4), (0.4, -1), (-0.4, 1))  # offsets of the lookups, texels (right, down)
EXPOSURE_TARGET = 0.43  # mean brightness that the automatic exposure aims at


@dataclass(frozen=True)
class Scene:
    """Light, background and camera of B frames; with B = 1, of all frames.

    Attributes:
        direction: (3, B) unit vector towards the key light, in view axes.
        key: (3, B) RGB of the key light.
        ambient: (3, B) RGB of the ambient light.
        rim: (3, B) RGB of a light from behind, on the side opposite to the key light.
        background: (B, 3, 96, 96) RGB in [0, 1].
        distance: (B,) from the camera to the neck, dm.
        gain: (B, 3) exposure times white balance.
        contrast: (B,) factor.
        saturation: (B,) factor.
        blur: (B,) standard deviation of the blur, in sides of the crop.
        noise: (B,) standard deviation of the sensor noise, for values in [0, 1].
    """

    direction: Tensor
    key: Tensor
    ambient: Tensor
    rim: Tensor
    background: Tensor
    distance: Tensor
    gain: Tensor
    contrast: Tensor
    saturation: Tensor
    blur: Tensor
    noise: Tensor


def draw_background(draw: Draws) -> Tensor:
    """Sample a background (3, 96, 96) like an out-of-focus room: a gradient with a few blurred boxes and clutter."""
    random, side = draw.random, BACKGROUND_SIDE
    grey = torch.rand(6, 1, generator=random) * 0.75 + 0.08
    colours = (grey + 0.09 * torch.randn(6, 3, generator=random) * (0.3 + grey)).clamp(0.02, 0.98)
    steps = torch.linspace(-1, 1, side)
    y, x = steps[:, None], steps[None]
    turn = draw.uniform(0, 2 * math.pi)
    ramp = (0.5 + 0.5 * (math.cos(turn) * x + math.sin(turn) * y)).clamp(0, 1)
    picture = torch.lerp(colours[0][:, None, None], colours[1][:, None, None], ramp)
    for colour in colours[2 : 2 + draw.choose([1.0, 1.0, 1.5, 1.5, 1.0])]:
        cx, cy = draw.uniform(-1, 1), draw.uniform(-1, 1)
        half_x, half_y = draw.uniform(0.06, 0.45), draw.uniform(0.1, 0.9)
        soft = draw.uniform(12, 60)
        box = ((half_x - (x - cx).abs()) * soft).sigmoid() * ((half_y - (y - cy).abs()) * soft).sigmoid()
        picture = torch.lerp(picture, colour[:, None, None], box * draw.uniform(0.5, 1.0))
    clutter = torch.randn(1, 3, 14, 14, generator=random).mean(1, keepdim=True)
    clutter = F.interpolate(clutter, (side, side), mode="bicubic", align_corners=False)[0]
    return (picture * (1 + draw.uniform(0.05, 0.35) * clutter)).clamp(0, 1)


def draw_scene(random: torch.Generator, count: int) -> Scene:
    """Sample ``count`` independent scenes."""
    draw = Draws(random)
    columns: list[tuple[Tensor, ...]] = []
    for _ in range(count):
        side, height = draw.normal(0.7), draw.uniform(-0.15, 0.95)
        direction = [math.sin(side) * math.cos(height), math.sin(height), math.cos(side) * math.cos(height)]
        warmth = torch.tensor([1.0, 0.0, -1.0])
        level = draw.uniform(0.35, 0.95)  # of the key light; a weak key light goes with strong ambient light
        ambient = (1 + warmth * draw.normal(0.05)) * (0.22 + 0.42 * (0.95 - level) + draw.uniform(0.0, 0.12))
        rim = (1 + warmth * draw.normal(0.1)) * (draw.uniform(0.1, 0.5) if draw.chance(0.35) else 0.0)
        tint = 1 + warmth * draw.normal(0.04) + torch.tensor([0.0, 1.0, 0.0]) * draw.normal(0.015)
        columns.append(
            (
                torch.tensor(direction),
                (1 + warmth * draw.normal(0.05)) * level,
                ambient,
                rim,
                draw_background(draw),
                torch.tensor(draw.uniform(8.0, 22.0)),
                tint * draw.uniform(0.85, 1.2),
                torch.tensor(draw.uniform(0.85, 1.15)),
                torch.tensor(draw.uniform(0.75, 1.15)),
                torch.tensor(0.007 * draw.uniform() ** 2),
                torch.tensor(0.012 * draw.uniform() ** 2),
            )
        )
    stacked = [torch.stack(values) for values in zip(*columns, strict=True)]
    return Scene(*(s.T.contiguous() for s in stacked[:4]), *stacked[4:])


def key_light_visibility(scene: Scene, points: Tensor, triangles: Tensor) -> Tensor:
    """Share (V, B) of the key light that reaches vertices at (V, 3, B): a shadow map with five lookups per vertex."""
    n, side = points.shape[2], SHADOW_SIDE
    forward = scene.direction.T.expand(n, 3)
    right = F.normalize(torch.linalg.cross(torch.tensor([[0.0, 1.0, 0.0]]).expand(n, 3), forward), dim=1)
    axes = torch.stack([right, torch.linalg.cross(forward, right), forward], 1)  # (B, 3, 3)
    x, y, depth = torch.einsum("vib,bji->jvb", points - points.mean(0), axes)
    column, row = (0.5 + x / SHADOW_EXTENT) * side, (0.5 - y / SHADOW_EXTENT) * side
    hits = rasterise(torch.stack([column, row, depth], 1), triangles, side)
    corners = depth.reshape(-1)[triangles[hits.triangle] * n + hits.batch[:, None]]
    nearest = torch.full((n * side * side,), -99.0)
    nearest[hits.sample] = (
        corners[:, 0] + hits.u * (corners[:, 1] - corners[:, 0]) + hits.v * (corners[:, 2] - corners[:, 0])
    )
    lit = torch.zeros_like(depth)
    for right_by, down_by in SHADOW_TAPS:
        i = (column + right_by).long().clamp(0, side - 1)
        j = (row + down_by).long().clamp(0, side - 1)
        lit += depth > nearest[(torch.arange(n) * side + j) * side + i] - SHADOW_BIAS
    return lit / len(SHADOW_TAPS)


def vertex_light(scene: Scene, normal: Tensor, ambient_occlusion: Tensor, gloss: Tensor, lit: Tensor) -> Tensor:
    """Light (V, 4, B) at vertices: diffuse red, green and blue, and the specular highlight.

    Diffuse light is wrapped around the terminator, red furthest, to imitate subsurface scattering in skin.

    Args:
        scene: the lights.
        normal: (V, 3, B) unit normals, in view axes.
        ambient_occlusion: (V,) factor, 1 is unoccluded.
        gloss: (V,) strength of the highlight.
        lit: (V, B) share of the key light that reaches a vertex, see `key_light_visibility`.
    """
    x, y, z = normal.unbind(1)
    dx, dy, dz = scene.direction
    facing = x * dx + y * dy + z * dz
    half = torch.rsqrt(2 + 2 * dz)
    shine = ((x * dx + y * dy + z * (dz + 1)) * half).clamp(min=0) ** 18 * gloss[:, None]
    rim = (-0.8 * dx.sign() * x + 0.25 * y - 0.45 * z).clamp(min=0)
    around = (0.82 + 0.18 * y) * ambient_occlusion[:, None]
    shaded = (0.35 + 0.65 * ambient_occlusion[:, None]) * lit
    channels = [
        scene.ambient[c] * around
        + scene.key[c] * ((facing + wrap) / (1 + wrap)).clamp(min=0) * shaded
        + scene.rim[c] * rim
        for c, wrap in enumerate((0.35, 0.22, 0.16))
    ]
    return torch.stack([*channels, shine * lit * scene.key.mean(0)], 1)


def apply_camera(scene: Scene, picture: Tensor, random: torch.Generator) -> Tensor:
    """Camera model: exposure, colour, blur, noise and tone curve.

    Args:
        scene: the camera's parameters.
        picture: (B, 3, S, S) linear RGB.
        random: generator of the noise.

    Returns:
        RGB, uint8 (B, S, S, 3).
    """
    side = picture.shape[-1]
    exposure = (EXPOSURE_TARGET / picture.mean((1, 2, 3)).clamp(min=0.02)) ** 0.6  # corrects most of the brightness
    picture = picture * (exposure[:, None] * scene.gain)[..., None, None]
    grey = picture.mean(1, keepdim=True)
    picture = grey + (picture - grey) * scene.saturation[:, None, None, None]
    picture = 0.45 + (picture - 0.45) * scene.contrast[:, None, None, None]
    picture = blurred(picture, scene.blur * side)
    picture = picture + torch.randn(picture.shape, generator=random) * scene.noise[:, None, None, None]
    knee = picture - 0.85  # highlights roll off instead of clipping
    picture = torch.where(knee > 0, 0.85 + 0.15 * (1 - torch.exp(-knee / 0.15)), picture)
    return (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def blurred(picture: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of images (B, 3, S, S), each with its own standard deviation (B,) in pixels."""
    n, reach = len(picture), max(1, math.ceil(2.5 * float(sigma.max())))
    offset = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (offset / sigma.expand(n).clamp(min=0.05)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    planes = F.pad(picture.flatten(0, 1)[None], (reach,) * 4, mode="replicate")
    planes = F.conv2d(planes, kernel[:, None, None, :], groups=3 * n)
    planes = F.conv2d(planes, kernel[:, None, :, None], groups=3 * n)
    return planes.view_as(picture)
