"""The frozen version of the built-in faces."""

from pathlib import Path

from benchmark.files import sha256

VERSION = "1"
"""Part of every seed and of every result; any change to what is rendered needs another."""


def head_digest() -> str:
    """SHA-256 of the baked head."""
    return sha256(Path(__file__).with_name("head.npz"))
