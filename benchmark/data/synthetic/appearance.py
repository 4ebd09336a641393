"""Procedural colour of the visible samples, attached to the skin so that it moves with the expression.

Smooth fields (base colour, signed distances to hairline, brows, lips ...) are computed once per person at the vertices
and interpolated. Sharp edges and noise are computed from them at each sample.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.data.synthetic.geometry import Shape, ramp, scalp
from benchmark.data.synthetic.head import head
from benchmark.data.synthetic.identity import Identity
from benchmark.data.synthetic.seeds import generator

FIELDS = ("red", "green", "blue", "lips", "mouth", "scalp", "beard", "brow", "brow_end", "across", "up")
"""Columns of the vertex fields. For eyes, the first three are the position on the eyeball, in radii."""

SKIN, EYE, PLAIN, LOCKS = range(4)  # materials
TEXTURE = (8.0, 5.0)  # width and height of the noise maps over the unrolled head, dm
BLOTCH, SPECKLE, STRAND = range(3)  # channels of the noise maps
MOUTH_INSIDE = (0.30, 0.09, 0.09)
TEETH = (0.90, 0.86, 0.78)
TONGUE = (0.62, 0.27, 0.26)
SCLERA = (0.90, 0.87, 0.85)


@lru_cache(maxsize=1)
def noise_maps() -> Tensor:
    """Noise (1, 3, rows, columns) of unit variance over the unrolled head: skin blotches, speckles and hair strands."""
    random = generator("noise")
    rows, columns = 400, 640

    def octave(height: int, width: int) -> Tensor:
        coarse = torch.randn(1, 1, height, width, generator=random)
        return F.interpolate(coarse, (rows, columns), mode="bilinear", align_corners=False)

    blotch = octave(12, 20) + 0.7 * octave(30, 48) + 0.4 * octave(80, 128)
    speckle = octave(130, 200) + 0.7 * octave(400, 640)
    strand = octave(24, 200) + octave(60, 400) + 0.5 * octave(10, 40)
    maps = torch.cat([blotch, speckle, strand], 1)
    return (maps - maps.mean((2, 3), keepdim=True)) / maps.std((2, 3), keepdim=True)


@lru_cache(maxsize=1)
def brow_line() -> Tensor:
    """Coefficients (3,) of the brow's height as a polynomial of the distance from the middle of the face.

    Least squares through the ten brow landmarks, in float64: LAPACK's rounding depends on the alignment of its
    arguments in memory, and must not reach float32.
    """
    points = head().vertices[head().landmarks[17:27]].double()
    distance = points[:, 0].abs()
    powers = torch.stack([torch.ones_like(distance), distance, distance**2], 1)
    solution: Tensor = torch.linalg.lstsq(powers, points[:, 1:2]).solution
    return solution[:, 0].float()


@lru_cache(maxsize=1)
def lashes() -> Tensor:
    """Proximity (V,) in [0, 1] of vertices to the edges of the upper lids."""
    mesh = head()
    upper_lids = mesh.vertices[mesh.landmarks[[36, 37, 38, 39, 42, 43, 44, 45]]]
    return torch.exp(-((torch.cdist(mesh.vertices, upper_lids).amin(1) / 0.03) ** 2))


def beard(identity: Identity) -> Tensor:
    """Density (V,) of beard and moustache, in [0, 1]."""
    mesh = head()
    x, y, z = mesh.vertices.unbind(1)
    jaw = ramp(y, -0.66, -0.86) * ramp(z, -0.60, -0.40) * ramp(y, -1.45, -1.25)
    jaw = torch.maximum(jaw, ramp(y, -0.50, -0.70) * ramp(x.abs(), 0.30, 0.50) * ramp(z, -0.60, -0.40))
    lip = ramp(y, -0.53, -0.57) * ramp(y, -0.78, -0.70) * ramp(x.abs(), 0.36, 0.26) * ramp(z, 0.05, 0.15)
    bare = (1 - ramp(mesh.masks["lips"], 0.1, 0.4)) * (1 - mesh.masks["mouth"])
    return (
        torch.maximum(jaw * identity.beard, lip * identity.moustache * ramp(torch.tensor(identity.beard), 0, 0.4))
        * bare
    )


def skin_colour(identity: Identity) -> Tensor:
    """Base colour (V, 3) of the skin: redder cheeks, nose and ears, darker eye sockets, lined lids."""
    mesh = head()
    x, y, z = mesh.vertices.unbind(1)
    side = x.abs()

    def spot(cx: float, cy: float, rx: float, ry: float) -> Tensor:
        return torch.exp(-(((side - cx) / rx) ** 2) - ((y - cy) / ry) ** 2) * (z > -0.4)

    red = spot(0.42, -0.42, 0.2, 0.17) + 0.8 * spot(0.0, -0.40, 0.13, 0.12) + 0.7 * mesh.masks["ears"]
    tint = torch.tensor([0.05, -0.06, -0.045]) * float(identity.skin.mean()) * (0.4 + identity.blush)
    colour = identity.skin + red[:, None] * tint
    socket = 0.16 * spot(0.30, -0.17, 0.16, 0.06) + 0.10 * mesh.masks["eyelids"]
    colour = colour * (1 - socket * (1 + identity.age))[:, None]
    return colour * (1 - 0.45 * lashes())[:, None]


def vertex_fields(identity: Identity, person: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Vertex attributes of one person.

    Returns:
        Fields (V + G, len(FIELDS)), material (V + G,) and strength of the specular highlight (V + G,).
    """
    mesh = head()
    x, y, z = mesh.vertices.unbind(1)
    side = x.abs()
    colour = skin_colour(identity)
    material = torch.full((len(x),), SKIN)
    for name in ("left", "right"):
        eye = mesh.part_mask(f"eye_{name}")
        centre = mesh.vertices[eye].mean(0)
        radius = (mesh.vertices[eye] - centre).norm(dim=1).max()
        colour[eye] = (mesh.vertices[eye] - centre) / radius
        material[eye] = EYE
    colour[mesh.part_mask("upper_teeth", "lower_teeth")] = torch.tensor(TEETH)
    colour[mesh.part_mask("tongue")] = torch.tensor(TONGUE)
    material[mesh.part_mask("upper_teeth", "lower_teeth", "tongue")] = PLAIN
    locks = mesh.part_mask("hair")
    colour[locks], material[locks] = identity.hair, LOCKS
    height = brow_line() @ torch.stack([torch.ones_like(side), side, side**2])
    taper = 1.2 - 0.6 * ramp(side, 0.12, 0.58)
    brow = (y - height) / (identity.brow_thickness * taper)
    brow_end = ramp(side, 0.08, 0.14) * ramp(side, 0.64, 0.56) * (z > -0.35) * mesh.part_mask("body")
    across = torch.atan2(x, z + 0.8) * 0.95
    rest = [mesh.masks["lips"], mesh.masks["mouth"], scalp(identity), beard(identity), brow, brow_end, across, y]
    fields = torch.cat([colour, torch.stack(rest, 1)], 1)
    gloss = 0.20 + 0.25 * mesh.masks["lips"] - 0.12 * ramp(scalp(identity), 0.0, 0.05)
    gloss = gloss * (1 - mesh.masks["mouth"])
    n_glasses = len(person.rest) - len(x)
    if identity.glasses is not None:
        rim = torch.zeros(n_glasses, len(FIELDS))
        rim[:, :3] = identity.glasses
        fields = torch.cat([fields, rim])
        material = torch.cat([material, torch.full((n_glasses,), PLAIN)])
        gloss = torch.cat([gloss, torch.full((n_glasses,), 0.5)])
    return fields, material, gloss


def noise_at(identity: Identity, across: Tensor, up: Tensor) -> Tensor:
    """Noise (3, N) at positions on the unrolled head, in dm; each person uses another region of the maps."""
    shift_x, shift_y = identity.texture_shift
    grid = torch.stack([(across + shift_x) * (2 / TEXTURE[0]), (up + shift_y) * (2 / TEXTURE[1])], 1)
    return F.grid_sample(noise_maps(), grid[None, None], align_corners=False, padding_mode="border")[0, :, 0]


def mix(colour: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """Blend colours (3, N) with ``other`` ((3, N) or (3, 1)) by weights (N,)."""
    return colour + (other - colour) * weight


def creases(identity: Identity, across: Tensor, up: Tensor, strain: Tensor) -> Tensor:
    """Darkening (N,) of the skin by wrinkles.

    Args:
        identity: the person; wrinkles are deeper with age.
        across: (N,) position on the unrolled head, dm.
        up: (N,) the other coordinate, dm.
        strain: (4, N) in [0, 1]: brow raised (AU1, AU2), brow knitted (AU4), nose wrinkled (AU9), chin raised (AU17).
    """
    raised, knitted, wrinkled, pushed = strain
    side = across.abs()
    forehead = ramp(side, 0.50, 0.30) * ramp(up, 0.34, 0.40) * ramp(up, 0.66, 0.58)
    lines = ramp(((up + 0.10 * side) * (2 * torch.pi / 0.075)).cos(), 0.2, 1.0) * forehead * raised
    between = torch.exp(-(((side - 0.055) / 0.02) ** 2)) * ramp(up, 0.08, 0.16) * ramp(up, 0.38, 0.28) * knitted
    bridge = ramp(side, 0.15, 0.09) * ramp(up, -0.17, -0.12) * ramp(up, 0.10, 0.05) * wrinkled
    bridge = bridge * ramp((up * (2 * torch.pi / 0.06)).cos(), -0.2, 1.0)
    chin = ramp(side, 0.24, 0.12) * torch.exp(-(((up + 0.83) / 0.05) ** 2)) * pushed
    darkening: Tensor = (0.16 + 0.16 * identity.age) * lines + 0.32 * between + 0.25 * bridge + 0.35 * chin
    return darkening


def skin_samples(identity: Identity, fields: Tensor, strain: Tensor) -> Tensor:
    """Colour (3, N) of samples of the body from their fields (len(FIELDS), N) and skin strain (4, N)."""
    lips, mouth, hairline, hairs, brow, brow_end, across, up = fields[3:]
    noise = noise_at(identity, across, up)
    strand = noise[STRAND]
    hair = identity.hair[:, None] * (1 + 0.22 * strand)
    grain = 1 + identity.texture_strength * (0.03 * noise[BLOTCH] + 0.012 * noise[SPECKLE])
    if identity.freckles:
        grain = grain * (1 - identity.freckles * 0.4 * ramp(noise[SPECKLE], 0.7, 1.8))
    colour = fields[:3] * (grain * (1 - creases(identity, across, up, strain)))
    colour = mix(colour, identity.lips[:, None] * (1 + 0.06 * noise[SPECKLE]), ramp(lips, 0.25, 0.7))
    colour = mix(colour, hair * 0.8, (hairs * (1 + 0.16 * strand)).clamp(0, 0.92))
    brow = brow / (1 + 0.45 * strain[0])  # raised skin is compressed, which would thin the brows too much
    brows = brow_end * torch.exp(-(brow**4)) * (identity.brow_density + 0.12 * strand)
    colour = mix(colour, hair * 0.75, brows.clamp(0, 1))
    colour = mix(colour, hair, ramp(hairline + 0.03 * strand, 0.0, 0.05))
    inside = ramp(mouth, 0.3, 0.8) * (1 - ramp(lips, 0.25, 0.7))
    return mix(colour, torch.tensor(MOUTH_INSIDE)[:, None], inside)


def eye_samples(identity: Identity, fields: Tensor) -> Tensor:
    """Colour (3, N) of samples of the eyeballs: sclera, iris with a dark rim, pupil, glint and the lid's shadow."""
    x, y, _ = fields[:3]
    radius = (x * x + y * y).sqrt()
    white = torch.tensor(SCLERA)[:, None].expand(3, len(x))
    iris = identity.iris[:, None] * (1.35 - 0.35 * ramp(radius, 0.3, 0.5)) * (1 - 0.55 * ramp(radius, 0.46, 0.55))
    colour = mix(white, iris, ramp(radius, 0.57, 0.50))
    colour = colour * (1 - 0.93 * ramp(radius, 0.26, 0.20))
    glint = torch.exp(-((x + 0.2) ** 2 + (y - 0.24) ** 2) / 0.018)
    return colour * (1 - 0.45 * ramp(y, 0.15, 0.7)) + glint


def sample_colours(identity: Identity, fields: Tensor, material: Tensor, strain: Tensor) -> Tensor:
    """Colour (3, N) of samples from fields (len(FIELDS), N), material (N,) and skin strain (4, N), see `creases`."""
    colour = fields[:3].clone()
    chosen = (material == SKIN).nonzero()[:, 0]
    colour[:, chosen] = skin_samples(identity, fields.index_select(1, chosen), strain.index_select(1, chosen))
    chosen = (material == EYE).nonzero()[:, 0]
    colour[:, chosen] = eye_samples(identity, fields.index_select(1, chosen))
    chosen = (material == LOCKS).nonzero()[:, 0]
    if len(chosen):
        locks = fields.index_select(1, chosen)
        noise = noise_at(identity, locks[FIELDS.index("across")], locks[FIELDS.index("up")])
        colour[:, chosen] = identity.hair[:, None] * (1 + 0.25 * noise[STRAND])
    return colour
