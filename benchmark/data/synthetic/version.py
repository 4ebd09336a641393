"""Versions of the built-in faces, whose content is frozen."""

from pathlib import Path

from benchmark.files import sha256

VERSION = "1"
"""Of the renderer and the labelled faces; part of every seed and every result.

Any change of the rendered pixels or labels needs a new version.
"""

TRACK_VERSIONS = (1, 2)
"""Of the tracks: 1, motion frozen on readings of single faces; 2, motion like that of real tracks."""


def head_digest() -> str:
    """SHA-256 of ``head.npz``."""
    return sha256(Path(__file__).with_name("head.npz"))
