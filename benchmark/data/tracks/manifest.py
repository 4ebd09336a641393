"""Manifest of a packed track store: reading, validation, and the hash that identifies the data in every result."""

from pathlib import Path
from typing import Any

from benchmark.data.tracks.format import UNFINISHED
from benchmark.errors import DataError
from benchmark.files import digest, read_json

FORMAT = "fab-bench tracks"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"


def content_hash(manifest: dict[str, Any]) -> str:
    """Hash of the data: source description, size, split and shard checksums; without paths, times and versions."""
    return digest(
        {
            "source": manifest["source"],
            "size": manifest["size"],
            "split": manifest["split"],
            "shards": [shard["sha256"] for shard in manifest["shards"]],
        }
    )


def read_manifest(root: Path) -> dict[str, Any]:
    """Read the manifest of a complete store.

    Raises:
        DataError: there is no store, it is unfinished, or its manifest cannot be read.
    """
    path = root / MANIFEST
    if not path.is_file():
        if (root / UNFINISHED).is_dir():
            raise DataError(f"{root}: unfinished track store; run the same prepare again to finish it")
        raise DataError(f"{root}: no track store here (no {MANIFEST}); make one with `fabbench prepare`")
    try:
        manifest: dict[str, Any] = read_json(path)
        if manifest["format"] != FORMAT or manifest["format_version"] != FORMAT_VERSION:
            raise DataError(
                f"{path}: not a track store of version {FORMAT_VERSION} "
                f"(says {manifest['format']!r} {manifest['format_version']!r}); prepare it anew"
            )
        _check_types(manifest)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: unreadable manifest ({error!r}); prepare the store anew") from error
    return manifest


def _check_types(manifest: dict[str, Any]) -> None:
    """Raise KeyError or TypeError unless the entries that every reader uses are present and of the right type."""
    types = {"size": int, "source": dict, "split": dict, "hash": str, "index": dict, "shards": list}
    wrong = [key for key, kind in types.items() if not isinstance(manifest[key], kind)]
    wrong += [str(file) for file in (manifest["index"], *manifest["shards"]) if type(file["bytes"]) is not int]
    if wrong:
        raise TypeError(f"altered: {wrong[0]}")
