"""ViT-S/16.

Source: Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, section 3.1; the small size is that of DeiT
(Touvron et al., ICML 2021, table 1): 12 blocks, tokens of 384 numbers, 6 heads. The head on the class token gives the
embedding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.encoder import Encoder, EncoderSpec
from methods.encoders import register_encoder
from methods.errors import MethodError

PATCH = 16  # side, pixels
BLOCKS = 12
HEAD = 64  # numbers of a token that each head attends with; a narrower network has one head


@register_encoder("vit_small", version=1)
class VitSmall(Encoder):
    """Vision transformer with learned positions, as many as the size has patches.

    Args:
        spec: its dimensions; the size is a multiple of 16, the width of 64 unless it is smaller.
        in_channels: of the images.
    """

    width = 384
    summary = "ViT-S/16; sizes that are multiples of 16"
    paper = "Dosovitskiy et al., ICLR 2021; Touvron et al., ICML 2021"

    def __init__(self, spec: EncoderSpec, in_channels: int = 3):
        super().__init__(spec, in_channels)
        width = spec.width
        if spec.size % PATCH:
            raise MethodError(f"size {spec.size}: vit_small needs a multiple of {PATCH}, the side of its patches")
        if width > HEAD and width % HEAD:
            raise MethodError(f"width {width}: vit_small needs a multiple of {HEAD}, or less than that")
        self.patches = nn.Conv2d(in_channels, width, PATCH, PATCH)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + (spec.size // PATCH) ** 2, width))
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, spec.dim)
        self.channels = width
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for parameter in (self.class_token, self.positions):
            nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, images: Tensor) -> Tensor:
        """Encodes images of the size the encoder was built for.

        Raises:
            MethodError: the images have another size.
        """
        embeddings: Tensor = self.head(self._tokens(images)[:, 0])
        return embeddings

    def feature_map(self, images: Tensor) -> Tensor:
        """The patches' tokens after the last block (B, channels, size / 16, size / 16)."""
        side = self.spec.size // PATCH
        tokens: Tensor = self._tokens(images)[:, 1:].mT.unflatten(2, (side, side))
        return tokens

    def _tokens(self, images: Tensor) -> Tensor:
        """Tokens (B, 1 + patches, width), that of the class first."""
        self.check_size(images)
        patches = self.patches(images).flatten(2).mT
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], 1) + self.positions
        normed: Tensor = self.norm(self.blocks(tokens))
        return normed


class _Block(nn.Module):
    """Pre-norm transformer block: self-attention, then a perceptron with 4 times the width."""

    def __init__(self, width: int):
        super().__init__()
        self.heads = max(1, width // HEAD)
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        qkv = self.qkv(self.norm1(tokens)).unflatten(2, (3, self.heads, -1))  # (B, N, 3, heads, HEAD)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        tokens = tokens + self.projection(attended)
        result: Tensor = tokens + self.perceptron(self.norm2(tokens))
        return result
