"""Build a labelled set from its raw rows: crop the images, split the faces, convert the targets, count the faults."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.extract import Crops, Progress, Squares, extract_crops
from benchmark.data.faces.labelled_set import SPLITS, LabelledSet, Target
from benchmark.data.faces.splits import (
    assign_splits,
    counts_text,
    in_last_split,
    refuse_shared_identities,
    refuse_shared_images,
    require_splits,
    split_units,
)
from benchmark.errors import DataError

LEAST_EYE_DISTANCE = 0.02  # in crop sides, in the median; of a face that fills its crop it is about 0.3
RESAMPLING = {"resampling": "bicubic, antialiased", "beyond the image": "border repeated"}


class DerivedLabels(NamedTuple):
    """Labels that are known only after cropping and splitting; see `RawFaces.derive`.

    Attributes:
        targets: replace the raw targets of the same names.
        group: replaces the raw group, unless None.
        protocol: is added to the raw protocol.
    """

    targets: dict[str, Target]
    group: NDArray[np.str_] | None
    protocol: dict[str, Any]


@dataclass
class RawFaces:
    """A labelled set as its files describe it, before any image is opened: N rows, one per face.

    Attributes:
        ids: unique names of the faces: of their image files, where an image shows one face.
        content: returns the bytes of a row's image file; may raise OSError.
        square: returns the square to crop from a row's image; may raise `UnusableImage`.
        aspect: width of a crop over its height; one that is not square is stretched to a square frame.
        targets: landmarks are in image pixels, with the origin at the outer corner of the first pixel; not in crop
            sides, to which they are converted.
        split: train, val, test, or "" for a row to leave out; None: all faces are split at random, by the seed.
        identity: the person of each face, "" where unknown.
        shares_people: whether a person may be in several splits, as where a head is asked which person a face shows.
        group: a part of the source that each face belongs to; probes are scored on each part, too.
        derive: makes labels that depend on the crops or on their split, train, val or test (M,).
        expected: number of faces that the protocol states, by split; ``train`` includes a val that is cut off it.
        duplicates: ``refuse`` an image that occurs in two splits, or ``drop`` it from all but the last of them.
        protocol: how the set was read, for results.
        not_comparable: reasons why results on this copy do not compare with published ones.
        skipped: rows left out so far, by reason.
        noted: rows with something missing or converted, by reason.
        source: files to name in error messages; default: the set's name.
        unsplit_reason: reason in ``skipped`` for rows whose split is "".
    """

    ids: list[str]
    content: Callable[[int], bytes]
    square: Squares
    targets: dict[str, Target]
    aspect: float = 1.0
    split: NDArray[np.str_] | None = None
    identity: NDArray[np.str_] | None = None
    shares_people: bool = False
    group: NDArray[np.str_] | None = None
    derive: Callable[[Crops, NDArray[np.str_]], DerivedLabels] | None = None
    expected: dict[str, int] = field(default_factory=dict)
    duplicates: str = "refuse"
    protocol: dict[str, Any] = field(default_factory=dict)
    not_comparable: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    source: str | None = None
    unsplit_reason: str = "in no split"


def build_set(
    raw: RawFaces,
    name: str,
    size: int,
    seed: int,
    val_fraction: float,
    progress: Progress = lambda done, total: None,
    scratch: Path | None = None,
) -> LabelledSet:
    """Build the set; faces that cannot be used are left out and counted in ``protocol["skipped"]``.

    Args:
        raw: its rows.
        name: name of the set, in tables.
        size: side of the frames, pixels.
        seed: seed of the random split.
        val_fraction: fraction of train, by identity or image, that becomes val where the protocol has no val.
        progress: called with the number of images done and their total.
        scratch: folder for the frames while the set is built; default: the system's.

    Raises:
        DataError: no usable face in a split, one image or person in two of them, or landmarks that are not in pixels.
    """
    source = raw.source or name
    skipped, noted = raw.skipped, raw.noted
    rows = _usable_rows(raw)
    crops = extract_crops(rows, raw.content, raw.square, size, skipped, noted, progress, scratch, raw.aspect)
    if not len(crops.rows):
        reasons = counts_text(skipped) or "its files hold no row"
        raise DataError(f"{source}: none of {len(raw.ids)} faces can be used: {reasons}")

    ids = np.array(raw.ids)[crops.rows]
    identity = None if raw.identity is None else raw.identity[crops.rows]
    given = None if raw.split is None else raw.split[crops.rows]
    split, drawn = assign_splits(given, split_units(identity, crops.contents), seed, val_fraction)
    keep = in_last_split(crops.contents, split)
    if raw.duplicates == "refuse":
        refuse_shared_images(source, ids, crops.contents, split, keep)
    if not raw.shares_people:
        refuse_shared_identities(source, ids, identity, split)
    skipped["image of a later split too"] += int((~keep).sum())
    miscounts = _miscounts(split, raw.expected)  # before duplicates are dropped: the published counts include them
    crops, ids, split = crops.keep(keep), ids[keep], split[keep]
    require_splits(name, split, drawn, skipped)

    if identity is not None:
        identity = identity[keep]
        noted["identity not known"] += int((identity == "").sum())
    selected = {key: _select(target, crops.rows) for key, target in raw.targets.items()}
    for key, target in selected.items():
        _refuse_fractions(f"{source}: target {key}", target, crops)
    targets = {key: _in_crops(target, crops, raw.aspect, noted) for key, target in selected.items()}
    group = None if raw.group is None else raw.group[crops.rows]
    protocol = dict(raw.protocol)
    if raw.derive is not None:
        derived = raw.derive(crops, split)
        targets |= derived.targets
        protocol |= derived.protocol
        group = group if derived.group is None else derived.group
    return LabelledSet(
        name=name,
        frames=crops.frames,
        image_ids=ids,
        split=split,
        corner=crops.squares[:, :2].astype(np.float32),
        side=crops.squares[:, 2].astype(np.float32),
        targets=targets,
        identity=identity,
        group=group,
        content=crops.contents,
        protocol={
            **protocol,
            "crop": {**protocol.get("crop", {}), "size": size, **RESAMPLING},
            **({} if raw.aspect == 1 else {"aspect": raw.aspect}),
            "split": {**protocol.get("split", {}), **drawn},
            **({"not comparable": raw.not_comparable} if raw.not_comparable else {}),
            **({"expected": raw.expected, "miscounts": miscounts} if raw.expected else {}),
            "rows": len(raw.ids),
            "faces": {each: int((split == each).sum()) for each in SPLITS},
            "skipped": _nonzero(skipped),
            "noted": _nonzero(noted),
        },
    )


def _usable_rows(raw: RawFaces) -> NDArray[np.intp]:
    """Rows with a known target and a split; the others are counted as skipped."""
    known = np.zeros(len(raw.ids), np.bool_)
    for target in raw.targets.values():
        known |= target.known if target.known.ndim == 1 else target.known.any(1)
    usable = known if raw.split is None else known & (raw.split != "")
    raw.skipped["no known target"] += int((~known).sum())
    raw.skipped[raw.unsplit_reason] += int((known & ~usable).sum())
    return np.flatnonzero(usable)


def _select(target: Target, rows: NDArray[np.intp]) -> Target:
    return replace(target, values=target.values[rows], known=target.known[rows])


def _refuse_fractions(what: str, target: Target, crops: Crops) -> None:
    """Refuses landmarks whose eye points are too close together for pixels.

    Raises:
        DataError: in the median they are less than a pixel or `LEAST_EYE_DISTANCE` apart.
    """
    if target.kind != "landmarks" or not target.known.any():
        return
    first, second = target.eyes or (0, 1)
    eyes = target.values[target.known].astype(np.float64)
    distances = np.linalg.norm(eyes[:, first] - eyes[:, second], axis=-1)
    pixels, sides = np.median(distances), np.median(distances / crops.squares[target.known, 2])
    if pixels < 1 or sides < LEAST_EYE_DISTANCE:
        raise DataError(
            f"{what}: its eye points are {pixels:.2g} pixels apart, {100 * sides:.2g} % of the crop's side (medians); "
            "are the landmarks in pixels of the image, not fractions?"
        )


def _in_crops(target: Target, crops: Crops, aspect: float, noted: Counter[str]) -> Target:
    """Landmarks from image pixels to crop sides, x to widths and y to heights; other targets as they are.

    Landmarks farther outside the image than its own side, or with both eye points in one place, become unknown.
    """
    if target.kind != "landmarks":
        return target
    points = target.values.astype(np.float64)
    sizes, squares = crops.sizes[:, None], crops.squares
    outside = ((points < 0) | (points > sizes)).any((1, 2)) & target.known
    far = ((points < -sizes) | (points > 2 * sizes)).any((1, 2)) & target.known
    noted["landmarks outside the image"] += int(outside.sum())
    noted["landmarks far outside the image, not used"] += int(far.sum())
    first, second = target.eyes or (0, 1)
    coincide = (points[:, first] == points[:, second]).all(1) & target.known & ~far
    noted["eye points of landmarks coincide, not used"] += int(coincide.sum())
    sides = squares[:, None, 2:] * [aspect, 1]
    values = ((points - squares[:, None, :2]) / sides).astype(np.float32)
    return replace(target, values=values, known=target.known & ~far & ~coincide)


def _miscounts(split: NDArray[np.str_], expected: dict[str, int]) -> list[str]:
    """Differences from the protocol's counts; val counts as train unless the protocol has a val of its own."""
    counts = Counter(split.tolist())
    if "val" not in expected:
        counts["train"] += counts.pop("val", 0)
    return [
        f"{name} has {counts[name]:,} faces, the protocol {count:,}"
        for name, count in expected.items()
        if counts[name] != count
    ]


def _nonzero(counts: Counter[str]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(counts.items()) if count}
