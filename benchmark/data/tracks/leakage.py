"""Detection of test images that were pre-trained on, by the content of the image files a store was made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.errors import DataError
from benchmark.files import atomic, sha256

CONTENT_KEYS = "contents.u64"
"""File of a store: the `content_key` of each image file it was made from, uint64 little-endian, sorted, unique."""
KEY_DTYPE = np.dtype("<u8")


def write_content_keys(path: Path, keys: Sequence[int]) -> None:
    """Write the content keys of one slice, atomically."""
    with atomic(path) as temporary:
        np.array(keys, KEY_DTYPE).tofile(temporary)


def merge_content_keys(path: Path, slice_paths: Sequence[Path]) -> dict[str, Any] | None:
    """Merge the content keys of all slices into one file.

    Returns:
        Count, bytes and checksum for the manifest; None, and no file, where the source read no image files.
    """
    merged = np.unique(np.concatenate([np.fromfile(part, KEY_DTYPE) for part in slice_paths]))
    if not len(merged):
        return None
    with atomic(path) as temporary:
        merged.tofile(temporary)
    return {"count": len(merged), "bytes": path.stat().st_size, "sha256": sha256(path)}


def overlap(faces: LabelledSet, store: Path) -> str | None:
    """A warning if test images of a labelled set are among the image files a store was made from, else None.

    Files are compared byte by byte: a copy that was cropped, scaled or encoded again is not found.
    """
    if faces.content is None:
        return None
    rows = faces.indices("test")
    in_store = find_content(store, faces.content[rows])
    if in_store is None or not in_store.any():
        return None
    first = faces.image_ids[rows[int(np.flatnonzero(in_store)[0])]]
    return (
        f"set {faces.name}: {in_store.sum():,} of {len(rows):,} test images were pre-trained on (first: {first}); "
        "take them out of the raw data, or read this set's scores accordingly"
    )


def find_content(store: Path, keys: NDArray[np.str_]) -> NDArray[np.bool_] | None:
    """Whether each content key (N,) is that of an image file the store was made from.

    Returns:
        Mask (N,), or None for a store without content keys, such as one made from videos.

    Raises:
        DataError: the store's file of content keys cannot be read.
    """
    path = store / CONTENT_KEYS
    if not path.is_file():
        return None
    try:
        stored = np.memmap(path, KEY_DTYPE, "r")
    except (OSError, ValueError) as error:  # ValueError: the length is not a multiple of 8 bytes
        raise DataError(f"{path}: cannot be read ({error}); prepare the store anew") from error
    wanted = np.array([int(key, 16) for key in keys.tolist()], KEY_DTYPE)
    nearest = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
    return np.asarray(stored[nearest] == wanted)
