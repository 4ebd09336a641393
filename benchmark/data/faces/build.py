"""From the rows of a labelled set to the set: images decoded and cropped, splits kept apart, faults counted."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.crop import Square, UnusableImage, crop, decode
from benchmark.data.faces.labelled_set import SPLITS, LabelledSet, Target
from benchmark.data.split import FRACTIONS, split_identities
from benchmark.errors import DataError
from benchmark.files import content_key

ABSENT = "image absent"
BATCH = 1024  # faces in flight: what bounds memory

RESAMPLING = {"resampling": "bicubic, antialiased", "beyond the image": "border repeated"}

Progress = Callable[[int, int], None]
Squares = Callable[[int, int, int], Square]  # row, height and width of its image -> what to cut out


@dataclass
class RawFaces:
    """A labelled set as its own files describe it, before an image is opened: N rows, one a face.

    Attributes:
        ids: unique names of the faces; those of their image files where an image shows one face.
        content: the bytes of a row's image file; raises OSError.
        square: what to cut out of a row's image; raises `UnusableImage`.
        targets: with landmarks in image pixels, their origin the outer corner of the first pixel.
        split: train, val, test, or "" for a row to be left out; None: everything is split by ``seed``.
        expected: faces that the protocol has, by split; ``train`` includes what is cut off as val.
        duplicates: ``refuse`` an image that occurs in two splits, or ``drop`` it from train, then from val.
        not_comparable: why results on this copy do not compare with others', a line each.
    """

    ids: list[str]
    content: Callable[[int], bytes]
    square: Squares
    targets: dict[str, Target]
    split: NDArray[np.str_] | None = None
    identity: NDArray[np.str_] | None = None
    group: NDArray[np.str_] | None = None
    expected: dict[str, int] = field(default_factory=dict)
    duplicates: str = "refuse"
    protocol: dict[str, Any] = field(default_factory=dict)
    not_comparable: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)


class Crops(NamedTuple):
    """M faces cut out: their rows, frames uint8 (M, S, S, 3), squares (M, 3), image sizes (M, 2), contents."""

    rows: NDArray[np.intp]
    frames: NDArray[np.uint8]
    squares: NDArray[np.float64]
    sizes: NDArray[np.float64]  # width, height
    contents: NDArray[np.str_]

    def keep(self, chosen: NDArray[np.bool_]) -> "Crops":
        """The chosen faces; frames are moved in place, since they may not fit in memory twice."""
        for place, source in enumerate(np.flatnonzero(chosen)):
            if place != source:
                self.frames[place] = self.frames[source]
        return Crops(
            self.rows[chosen],
            self.frames[: chosen.sum()],
            self.squares[chosen],
            self.sizes[chosen],
            self.contents[chosen],
        )


def build_set(
    raw: RawFaces,
    name: str,
    size: int,
    seed: int,
    val_fraction: float,
    progress: Progress = lambda done, total: None,
    scratch: Path | None = None,
) -> LabelledSet:
    """Makes the set: faces that cannot be used are left out and counted in ``protocol["skipped"]``.

    Args:
        raw: its rows.
        name: of the set, in tables.
        size: side of the frames, pixels.
        seed: of what the protocol leaves to chance.
        val_fraction: share of train, by identity or image, that becomes val where the protocol has none.
        progress: called with the images done and their total.
        scratch: folder for the frames while the set is made; default: the system's.

    Raises:
        DataError: no usable face in a split, or one image or person in two of them.
    """
    n = len(raw.ids)
    known = np.zeros(n, np.bool_)
    for target in raw.targets.values():
        known |= target.known if target.known.ndim == 1 else target.known.any(1)
    useful = known if raw.split is None else known & (raw.split != "")
    raw.skipped["no known target"] += int((~known).sum())
    raw.skipped["in no split"] += int((known & ~useful).sum())

    crops = read_crops(np.flatnonzero(useful), raw.content, raw.square, size, raw.skipped, raw.noted, progress, scratch)
    if not len(crops.rows):
        raise DataError(f"{name}: none of {n} faces can be used: {words(raw.skipped) or 'its files hold no row'}")
    identity = None if raw.identity is None else raw.identity[crops.rows]
    given = None if raw.split is None else raw.split[crops.rows]
    split, how = cut_split(given, units(identity, crops.contents), seed, val_fraction)
    ids = np.array(raw.ids)[crops.rows]
    kept = keep_apart(name, ids, identity, crops.contents, split, raw.duplicates)
    raw.skipped["image of a later split too"] += int((~kept).sum())
    miscounts = _miscounts(split, raw.expected)  # of the copy, which may well be the owners', duplicates and all
    crops, split = crops.keep(kept), split[kept]
    require_splits(name, split, how, raw.skipped)

    targets = {key: taken(target, crops.rows) for key, target in raw.targets.items()}
    targets = {key: in_crops(target, crops, raw.noted) for key, target in targets.items()}
    return LabelledSet(
        name=name,
        frames=crops.frames,
        image_ids=ids[kept],
        split=split,
        corner=crops.squares[:, :2].astype(np.float32),
        side=crops.squares[:, 2].astype(np.float32),
        targets=targets,
        identity=None if identity is None else identity[kept],
        group=None if raw.group is None else raw.group[crops.rows],
        content=crops.contents,
        protocol={
            **raw.protocol,
            "crop": {**raw.protocol.get("crop", {}), "size": size, **RESAMPLING},
            "split": {**raw.protocol.get("split", {}), **how},
            **({"not comparable": raw.not_comparable} if raw.not_comparable else {}),
            **({"expected": raw.expected, "miscounts": miscounts} if raw.expected else {}),
            **tallies(n, split, raw.skipped, raw.noted),
        },
    )


def read_crops(
    rows: NDArray[np.intp],
    content: Callable[[int], bytes],
    square: Squares,
    size: int,
    skipped: Counter[str],
    noted: Counter[str],
    progress: Progress,
    scratch: Path | None = None,
) -> Crops:
    """Decodes and crops images, in threads and in order; what fails is counted in ``skipped``.

    The frames lie in a file without a name, so that a set may be larger than memory.
    """
    with tempfile.TemporaryFile(dir=scratch) as file:
        shape = (max(len(rows), 1), size, size, 3)
        frames: NDArray[np.uint8] = np.memmap(file, np.uint8, "w+", shape=shape)
    done: list[tuple[int, Square, tuple[int, int], str]] = []

    def read(row: int) -> tuple[NDArray[np.uint8], Square, tuple[int, int], str, tuple[str, ...]] | str:
        try:
            data = content(row)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return ABSENT
        except (OSError, ValueError):  # a name that no file can have is a ValueError
            return "image unreadable"
        try:
            pixels, notes = decode(data)
            place = square(row, *pixels.shape[:2])
            frame = crop(pixels, place, size)
        except UnusableImage as error:
            return str(error)
        return frame, place, (pixels.shape[1], pixels.shape[0]), content_key(data), notes

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH].tolist()
            for number, (row, face) in enumerate(zip(batch, pool.map(read, batch), strict=True), start + 1):
                if isinstance(face, str):
                    skipped[face] += 1
                else:
                    frames[len(done)] = face[0]
                    done.append((row, *face[1:4]))
                    noted.update(face[4])
                progress(number, len(rows))
    contents = np.array([each[3] for each in done], dtype="U16")
    noted["content of another image"] += len(contents) - len(np.unique(contents))
    return Crops(
        np.array([each[0] for each in done], np.intp),
        frames[: len(done)],
        np.array([each[1] for each in done], np.float64).reshape(-1, 3),
        np.array([each[2] for each in done], np.float64).reshape(-1, 2),
        contents,
    )


def units(identity: NDArray[np.str_] | None, contents: NDArray[np.str_]) -> list[str]:
    """What must not be torn apart by a split: a person, or where that is not known an image's content."""
    if identity is None:
        return contents.tolist()
    return [person or content for person, content in zip(identity.tolist(), contents.tolist(), strict=True)]


def cut_split(
    given: NDArray[np.str_] | None, units: Sequence[str], seed: int, val_fraction: float
) -> tuple[NDArray[np.str_], dict[str, Any]]:
    """Train, val or test of every face, and what was left to the seed: everything, val, or nothing."""
    if given is None:
        of_unit = split_identities(units, seed)
        return np.array([of_unit[each] for each in units]), {"fractions": list(FRACTIONS), "seed": seed}
    if "val" in given:
        return given, {}
    train = [each for each, name in zip(units, given, strict=True) if name == "train"]
    of_unit = split_identities(train, seed, (1 - val_fraction, val_fraction, 0.0))
    split = np.array([of_unit[each] if name == "train" else name for each, name in zip(units, given, strict=True)])
    return split, {"val_from_train": val_fraction, "seed": seed}


def require_splits(name: str, split: NDArray[np.str_], how: dict[str, Any], skipped: Counter[str]) -> None:
    """Refuses a set of which a split has no face."""
    for each in SPLITS:
        if each not in split:
            raise DataError(
                f"set {name}: no usable face for {each} ({len(split)} faces in all, "
                f"{'split by seed' if 'fractions' in how else 'as its files divide them'}; "
                f"left out: {words(skipped) or 'none'})"
            )


def keep_apart(
    name: str,
    ids: NDArray[np.str_],
    identity: NDArray[np.str_] | None,
    contents: NDArray[np.str_],
    split: NDArray[np.str_],
    duplicates: str = "refuse",
) -> NDArray[np.bool_]:
    """Which faces may stay, so that no image content and no person lies in two splits.

    Raises:
        DataError: one does, and is not to be dropped.
    """
    latest: dict[str, int] = {}  # the last split, of train, val and test, that each content is in
    order = {each: number for number, each in enumerate(SPLITS)}
    place = np.array([order[each] for each in split.tolist()])
    for content, number in zip(contents.tolist(), place.tolist(), strict=True):
        latest[content] = max(number, latest.get(content, 0))
    kept = place == np.array([latest[content] for content in contents.tolist()])
    if duplicates == "refuse" and not kept.all():
        row = int(np.flatnonzero(~kept)[0])
        other = int(np.flatnonzero((contents == contents[row]) & kept)[0])
        first, second = sorted((row, other))
        raise DataError(
            f"{name}: {ids[first]} ({split[first]}) and {ids[second]} ({split[second]}) are the same image in two "
            f"splits ({(~kept).sum()} such in all); keep one"
        )
    seen: dict[str, int] = {}
    for row, person in enumerate([] if identity is None else identity.tolist()):
        other = seen.setdefault(person, row) if person else row
        if split[other] != split[row]:
            raise DataError(
                f"{name}: identity {person!r} is in {split[other]} ({ids[other]}) and in "
                f"{split[row]} ({ids[row]}); splits must not share people"
            )
    return kept


def in_crops(target: Target, crops: Crops, noted: Counter[str]) -> Target:
    """Landmarks in image pixels become crop sides.

    Those further than an image's side outside it, and those without a distance of the eyes, are not known.
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
    blind = (points[:, first] == points[:, second]).all(1) & target.known & ~far
    noted["eye points of landmarks coincide, not used"] += int(blind.sum())
    values = ((points - squares[:, None, :2]) / squares[:, None, 2:]).astype(np.float32)
    return replace(target, values=values, known=target.known & ~far & ~blind)


def taken(target: Target, rows: NDArray[np.intp]) -> Target:
    """Some rows of a target."""
    return replace(target, values=target.values[rows], known=target.known[rows])


def tallies(n: int, split: NDArray[np.str_], skipped: Counter[str], noted: Counter[str]) -> dict[str, Any]:
    """What became of ``n`` rows, for the protocol."""
    return {
        "rows": n,
        "faces": {name: int((split == name).sum()) for name in SPLITS},
        "skipped": {reason: count for reason, count in sorted(skipped.items()) if count},
        "noted": {reason: count for reason, count in sorted(noted.items()) if count},
    }


def words(counts: Counter[str]) -> str:
    """Counts by reason, for a message."""
    return ", ".join(f"{reason} ({count})" for reason, count in sorted(counts.items()) if count)


def _miscounts(split: NDArray[np.str_], expected: dict[str, int]) -> list[str]:
    """Where a split has other faces than the protocol's; val is part of train unless the protocol has its own."""
    found = Counter(split.tolist())
    if "val" not in expected:
        found["train"] += found.pop("val", 0)
    return [
        f"{name} has {found[name]:,} faces, the protocol {count:,}"
        for name, count in expected.items()
        if found[name] != count
    ]
