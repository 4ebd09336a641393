"""The contract of labelled sets and sources of tracks: what every reader returns, built in or a user's own.

`fabbench` puts a user's own through it before any work, and the tests every reader there is.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import get_args

import numpy as np

from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.labelled_set import MASKED, SPLITS, Kind, Target, target_problem
from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, SkipTrack, TrackSource

TRIED_TRACKS = 3  # tracks of a source that are read before the others are listed for packing
TRIED_FRAMES = 2  # of each of them


def check_faces(raw: object) -> None:
    """Refuses faces whose parts do not fit together, before any image is opened.

    Raises:
        TypeError, ValueError: they do not.
    """
    if not isinstance(raw, RawFaces):
        raise TypeError(f"`read` returns {type(raw).__name__}, not RawFaces")
    n = len(raw.ids)
    if wrong := [each for each in raw.ids if not isinstance(each, str)]:
        raise TypeError(f"RawFaces.ids has {wrong[0]!r}, which is no str")
    if len(set(raw.ids)) < n:
        raise ValueError("RawFaces.ids has a name twice; name faces of one image `name#1`, `name#2`")
    if not raw.targets:
        raise ValueError("RawFaces.targets is empty")
    for name, target in raw.targets.items():
        _check_target(name, target, n)
    for column in ("split", "identity", "group"):
        values = getattr(raw, column)
        if values is not None and np.shape(values) != (n,):
            raise ValueError(f"RawFaces.{column} has shape {np.shape(values)}, not ({n},)")
        if values is not None and np.asarray(values).dtype.kind != "U":
            raise TypeError(f"RawFaces.{column} is {np.asarray(values).dtype}; make it an array of str, '' for unknown")
    if raw.split is not None and (unknown := set(raw.split.tolist()) - {*SPLITS, ""}):
        raise ValueError(f"RawFaces.split has {min(unknown)!r}; a face is in train, val, test, or '' (left out)")


def _check_target(name: str, target: object, n: int) -> None:
    if not isinstance(target, Target):
        raise TypeError(f"target {name} is {type(target).__name__}, not Target")
    if target.kind not in get_args(Kind):
        raise ValueError(f"target {name}: unknown kind {target.kind!r}; known: {', '.join(get_args(Kind))}")
    for key in ("values", "known"):
        if not isinstance(array := getattr(target, key), np.ndarray):
            raise TypeError(f"target {name}: {key} is {type(array).__name__}, not a numpy array")
    known = (n, len(target.names)) if target.kind in MASKED else (n,)
    if np.shape(target.values)[:1] != (n,):
        raise ValueError(f"target {name}: values are {target.values.shape} for {n} faces; give each face its own")
    if target.known.shape != known:
        raise ValueError(f"target {name}: known is {target.known.shape} for {n} faces; make it {known}")
    if target.kind == "landmarks":  # in pixels, of any type; they are float32 once they are in crop sides
        target = replace(target, values=target.values.astype(np.float32))
    if problem := target_problem(target):
        raise ValueError(f"target {name}: {problem}")


def check_tracks(source: TrackSource) -> None:
    """Refuses a source that lists no tracks, or whose tracks cannot be stored; reads the first frames of a few.

    Raises:
        TypeError, ValueError: what it describes, lists or reads is not of the form that `TrackSource` says.
    """
    json.dumps(source.describe())
    tracks = source.tracks()
    _check_listing(tracks)
    if source.tracks() != tracks:
        raise ValueError("`tracks` lists other tracks, or in another order, the second time; sort them")
    for track in tracks[:TRIED_TRACKS]:
        first, again = (_first_frames(source, track) for _ in range(2))
        for frame in first:
            check_frame(frame, source.size, track.track)
        if not _equal(first, again):
            raise ValueError(f"track {track.track}: read twice, its frames differ; seed what is random by the track")


def _first_frames(source: TrackSource, track: RawTrack) -> list[Frame | SkippedFrame]:
    try:
        return list(islice(source.read(track), TRIED_FRAMES))
    except SkipTrack:
        return []


def _check_listing(tracks: Sequence[object]) -> None:
    if not tracks:
        raise ValueError("`tracks` lists no track")
    names: set[str] = set()
    for track in tracks:
        if not isinstance(track, RawTrack):
            raise TypeError(f"`tracks` lists {type(track).__name__}, not RawTrack")
        for key in ("identity", "track", "location"):
            value = getattr(track, key)
            if not isinstance(value, str):
                raise TypeError(f"`tracks` lists a track whose {key} is {value!r}, which is no str")
        if not track.identity or not track.track:
            raise ValueError(f"`tracks` lists {track}: identity and track must not be empty")
        if track.track in names:
            raise ValueError(f"`tracks` lists {track.track} twice; give every track a name of its own")
        names.add(track.track)


def check_frame(frame: object, size: int, track: str) -> None:
    """Refuses what a source yields in place of a frame of uint8 (size, size, 3).

    Raises:
        TypeError, ValueError: it does.
    """
    if isinstance(frame, SkippedFrame):
        return
    if not isinstance(frame, Frame):
        raise TypeError(f"`read` yields {type(frame).__name__}, not Frame or SkippedFrame")
    image = frame.image
    if not isinstance(image, np.ndarray) or image.shape != (size, size, 3) or image.dtype != np.uint8:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"track {track}: a frame is {found}, not uint8 {(size, size, 3)}")
    if not isinstance(frame.source_id, str):
        raise TypeError(f"track {track}: a frame's source_id is {frame.source_id!r}, which is no str")


def _equal(first: Sequence[Frame | SkippedFrame], second: Sequence[Frame | SkippedFrame]) -> bool:
    return len(first) == len(second) and all(map(_same, first, second))


def _same(first: Frame | SkippedFrame, second: Frame | SkippedFrame) -> bool:
    if isinstance(first, Frame) and isinstance(second, Frame):
        return first.source_id == second.source_id and np.array_equal(first.image, second.image)
    return first == second
