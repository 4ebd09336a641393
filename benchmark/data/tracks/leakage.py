"""Which image files a track store was made from, by content: what tells that a labelled image was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.errors import DataError
from benchmark.files import atomic, sha256

CONTENTS = "contents.u64"  # in a store: `content_key` of each image file, 8 bytes little-endian, sorted, each once
NUMBER = np.dtype("<u8")


def write_contents(path: Path, contents: Sequence[int]) -> None:
    """Writes what one slice read, atomically."""
    with atomic(path) as temporary:
        np.array(contents, NUMBER).tofile(temporary)


def merge_contents(path: Path, parts: Sequence[Path]) -> dict[str, Any] | None:
    """Writes what all slices read; returns its number and checksum for the manifest, None where no image was read."""
    merged = np.unique(np.concatenate([np.fromfile(part, NUMBER) for part in parts]))
    if not len(merged):
        return None
    with atomic(path) as temporary:
        merged.tofile(temporary)
    return {"count": len(merged), "bytes": path.stat().st_size, "sha256": sha256(path)}


def overlap(faces: LabelledSet, store: Path) -> str | None:
    """A warning where test images of a labelled set are among those a store was made from; else None.

    Copies that were cropped, scaled or encoded anew are other contents and not found.
    """
    if faces.content is None:
        return None
    rows = faces.indices("test")
    found = occurring(store, faces.content[rows])
    if found is None or not found.any():
        return None
    first = faces.image_ids[rows[int(np.flatnonzero(found)[0])]]
    return (
        f"set {faces.name}: {found.sum():,} of {len(rows):,} test images were pre-trained on (first: {first}); "
        "take them out of the raw data, or read this set's scores accordingly"
    )


def occurring(store: Path, contents: NDArray[np.str_]) -> NDArray[np.bool_] | None:
    """Which of these contents (N,) a store was made from; None where it does not know, as with videos.

    Raises:
        DataError: the store's list cannot be read.
    """
    path = store / CONTENTS
    if not path.is_file():
        return None
    try:
        known = np.memmap(path, NUMBER, "r")
    except (OSError, ValueError) as error:  # ValueError: no whole number of them
        raise DataError(f"{path}: cannot be read ({error}); prepare the store anew") from error
    wanted = np.array([int(content, 16) for content in contents.tolist()], NUMBER)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.asarray(known[place] == wanted)
