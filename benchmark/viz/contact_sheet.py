"""Contact sheets of labelled faces and of tracks, to find wrong crops, swapped axes and shifted labels by eye."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmark.data.faces.labelled_set import SPLITS, LabelledSet, Target
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError, UsageError
from benchmark.viz.sheet import GAP, LINE, PAPER, TILE, enlarged, save_sheet, tile, write_line

POINT, EYE = (0, 255, 120), (255, 60, 60)
TURNS = "pitch, yaw, roll"  # order of rotations, the outermost first; this one is AFLW2000-3D's
AXES = ((230, 40, 40), (40, 190, 60), (60, 110, 255))  # colours of the right, down and forward axes of a head


def contact_sheet(faces: LabelledSet, path: Path, task: str | None = None, n: int = 24, columns: int = 6) -> None:
    """Draws faces, evenly spaced over the set, with their labels as a PNG.

    Landmarks are green, the two eye points of the inter-ocular distance red. The axes of the head point to the image's
    right (red), down (green) and out of the nose (blue) when all angles are 0. The caption names the action units that
    are active and counts the unknown ones: AU 1+4 (2?).

    Args:
        faces: the set.
        path: of the PNG, written atomically.
        task: draw only this target, on faces that have it; default: all targets.
        n: faces at most.
        columns: faces in a row.

    Raises:
        UsageError: no such target.
        DataError: no face with this target.
    """
    if task is not None and task not in faces.targets:
        raise UsageError(f"set {faces.name}: no target {task!r}; available: {', '.join(faces.targets)}")
    targets = list(faces.targets.values()) if task is None else [faces.targets[task]]
    known = np.zeros(len(faces.frames), np.bool_)
    for target in targets:
        known |= target.known.reshape(len(known), -1).any(axis=1)
    rows = _evenly_spaced(np.flatnonzero(known), n)
    if not len(rows):
        raise DataError(f"set {faces.name}: nothing to draw, no face with {task or 'a label'}")
    tiles = []
    for row in rows:
        group = "" if faces.group is None else f" ({faces.group[row]})"
        captions = [f"{faces.split[row]}{group}  {faces.image_ids[row]}"]
        image = enlarged(faces.frames[row])
        for target in targets:
            captions.append(_draw_target(image, target, int(row), faces.protocol.get("turns", TURNS)))
        tiles.append(tile(image, captions))
    counts = ", ".join(f"{(faces.split == split).sum()} {split}" for split in SPLITS)
    size = faces.frames.shape[1]
    header = [
        f"{faces.name}{'' if task is None else ' / ' + task}: {counts}; {size} x {size} px",
        f"version {faces.protocol.get('version', '?')}, hash {faces.hash[:12]}; {len(tiles)} faces shown",
    ]
    save_sheet(path, header, [tiles[i : i + columns] for i in range(0, len(tiles), columns)])


def track_sheet(store: TrackStore, path: Path, tracks: int = 8, frames: int = 8) -> None:
    """Draws tracks of a store as a PNG, a row each.

    Args:
        store: of the tracks.
        path: of the PNG, written atomically.
        tracks: rows at most, evenly spaced over the store.
        frames: columns at most, evenly spaced over each track.

    Raises:
        DataError: the store holds no track, or a frame does not decode.
    """
    by_split = {split: store.tracks(split) for split in SPLITS}
    split_of = {int(track): split for split in SPLITS for track in by_split[split]}
    if not split_of:
        raise DataError("the track store holds no track to draw")
    lengths = store.n_frames()
    rows = []
    for track in _evenly_spaced(np.array(sorted(split_of)), tracks):
        shown = _evenly_spaced(np.arange(lengths[track]), frames)
        tiles = [
            tile(enlarged(store.frame(int(track), int(frame))), [f"frame {frame} of {lengths[track]}"])
            for frame in shown
        ]
        name = tile(Image.new("RGB", (TILE, TILE), PAPER), [])
        lines = [store.identity(int(track)), split_of[int(track)], f"track {track}"]
        for number, line in enumerate(lines):
            write_line(name, (GAP, GAP + number * LINE), line, TILE - GAP)
        rows.append([name, *tiles])
    counts = ", ".join(f"{len(by_split[split])} {split}" for split in SPLITS)
    header = [
        f"{counts} tracks, {lengths.sum()} frames; {store.size} x {store.size} px",
        f"hash {store.manifest['hash'][:12]}; {len(rows)} tracks shown",
    ]
    save_sheet(path, header, rows)


def axes(roll: float, pitch: float, yaw: float, turns: str = TURNS) -> NDArray[np.float64]:
    """Directions of the head's axes in the image's frame: x right, y down, z towards the viewer.

    Args:
        roll: degrees, signs of the three angles as in `Target`.
        pitch: degrees.
        yaw: degrees.
        turns: order of the rotations, the outermost first.

    Returns:
        (3, 3), a row for each axis: right of the image, down and forward where all angles are 0.
    """
    r, p, y = np.radians([roll, pitch, -yaw])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    rotations = {"pitch": about_x, "yaw": about_y, "roll": about_z}
    first, second, third = (rotations[name] for name in turns.split(", "))
    matrix: NDArray[np.float64] = first @ second @ third
    return matrix.T


def _draw_target(image: Image.Image, target: Target, row: int, turns: str) -> str:
    """Draws a face's landmarks or pose into its image; returns a caption with its labels."""
    values, known = target.values[row], target.known[row]
    if target.kind == "aus":
        active = [name for name, value, is_known in zip(target.names, values, known, strict=True) if is_known and value]
        unknown = "" if known.all() else f" ({(~known).sum()}?)"
        return f"AU {'+'.join(name.removeprefix('AU') for name in active) or '-'}{unknown}"
    if target.kind == "regression":
        return "  ".join(
            f"{name} {f'{value:.3g}' if is_known else '?'}"
            for name, value, is_known in zip(target.names, values, known, strict=True)
        )
    if not known:
        return f"{target.kind} unknown"
    if target.kind in ("classes", "identity"):
        return target.names[int(values)]
    draw = ImageDraw.Draw(image)
    if target.kind == "landmarks":
        for number, (x, y) in enumerate(values * image.width):
            eye = number in (target.eyes or ())
            radius = 2.5 if eye else 1.5
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=EYE if eye else POINT)
        return f"{len(values)} landmarks"
    angles = dict(zip(target.names, values.tolist(), strict=True))
    middle = image.width / 2
    for colour, axis in zip(AXES, axes(**angles, turns=turns), strict=True):
        end = middle + 0.35 * image.width * axis[:2]
        draw.line((middle, middle, *end), fill=colour, width=3)
    return "  ".join(f"{name} {value:+.0f}" for name, value in angles.items())


def _evenly_spaced(rows: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """At most ``n`` of the rows, evenly spaced, in order."""
    return rows if len(rows) <= n else rows[np.linspace(0, len(rows) - 1, n).round().astype(int)]
