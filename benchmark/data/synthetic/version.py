"""Version of the built-in faces, whose content is frozen."""

from pathlib import Path

from benchmark.files import sha256

VERSION = "1"
"""Part of every seed and every result. Any change of the rendered pixels or labels needs a new version."""


def head_digest() -> str:
    """SHA-256 of ``head.npz``."""
    return sha256(Path(__file__).with_name("head.npz"))
