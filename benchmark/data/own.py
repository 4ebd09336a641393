"""Labelled sets and sources of tracks of a user's own: what their code returns is checked, and its errors are named."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from traceback import extract_tb

import numpy as np

from benchmark.config.own import FaceSet, Own, TrackReader
from benchmark.data.faces.build import RawFaces, build_set
from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, SkipTrack, TrackSource, check_not_empty
from benchmark.errors import DataError, FabbenchError, UsageError
from plugins import first_line, split_target

TRIED_TRACKS = 3  # tracks of a source that are read before the others are listed for packing


def find_own(name: str, config: FaceSet) -> None:
    """Looks for the files of a set.

    Raises:
        UsageError, DataError: they are not found, or the user's code fails.
    """
    with _user_code(f"sets.{name}", config):
        config.find()


def fingerprint(name: str, config: FaceSet) -> list[object]:
    """Identifies the code and the files of a set.

    Raises:
        DataError: they are not found, or the user's code fails.
    """
    with _user_code(f"sets.{name}", config):
        files: list[object] = config.find().fingerprint()
        return [config.identity(), *json.loads(json.dumps(files))]


def read_own(name: str, config: FaceSet, progress: Callable[..., None], scratch: Path) -> LabelledSet:
    """The labelled set that the user's class reads.

    Raises:
        DataError: its files or what it returns cannot be used, or its code fails.
    """
    with _user_code(f"sets.{name}", config):
        raw = config.read()
        _check_faces(raw)
        raw.protocol |= config.identity()
        return build_set(raw, name, config.size, config.seed, config.val_fraction, progress, scratch)


def check_source(source: TrackSource) -> None:
    """Looks for tracks in a source; lists those of a user's own, and reads the first frames.

    Raises:
        DataError: there are none, what the user's class returns cannot be used, or its code fails.
    """
    if not isinstance(source, TrackReader):
        check_not_empty(source)
        return
    with _user_code("data", source):
        json.dumps(source.describe())
        tracks = source.tracks()
        _check_tracks(tracks)
        for track in tracks[:TRIED_TRACKS]:
            try:
                frames = list(islice(source.read(track), 2))
            except SkipTrack:
                continue
            for frame in frames:
                _check_frame(frame, source.size, track.track)


@contextmanager
def _user_code(key: str, own: Own) -> Iterator[None]:
    """Names the setting, the file and the line in whatever a user's code raises.

    Raises:
        UsageError: a setting is wrong.
        DataError: in place of what is no error of fab-bench's own.
    """
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from error
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
    except (FabbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit, too, would end the command
        source, _ = split_target(own.kind)
        path = str(source.resolve()) if isinstance(source, Path) else ""
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == path]
        where = f"{own.kind}, line {lines[-1]}" if lines else own.kind or type(own).__name__
        raise DataError(f"{key} ({where}): {first_line(error)}") from error


def _check_faces(raw: object) -> None:
    """Refuses faces whose parts do not fit together, before any image is opened.

    Raises:
        ValueError: they do not.
    """
    if not isinstance(raw, RawFaces):
        raise TypeError(f"`read` returns {type(raw).__name__}, not RawFaces")
    n = len(raw.ids)
    if len(set(raw.ids)) < n:
        raise ValueError("RawFaces.ids has a name twice; name faces of one image `name#1`, `name#2`")
    if not raw.targets:
        raise ValueError("RawFaces.targets is empty")
    for name, target in raw.targets.items():
        if not isinstance(target, Target):
            raise TypeError(f"target {name} is {type(target).__name__}, not Target")
        known = (n, len(target.names)) if target.kind == "aus" else (n,)
        if len(target.values) != n or target.known.shape != known:
            raise ValueError(
                f"target {name}: values {target.values.shape} and known {target.known.shape} of {n} faces; known must "
                f"be {known}"
            )
    for column in ("split", "identity", "group"):
        values = getattr(raw, column)
        if values is not None and np.shape(values) != (n,):
            raise ValueError(f"RawFaces.{column} has shape {np.shape(values)}, not ({n},)")


def _check_tracks(tracks: Sequence[object]) -> None:
    if not tracks:
        raise DataError("`tracks` lists no track")
    for track in tracks:
        if not isinstance(track, RawTrack):
            raise TypeError(f"`tracks` lists {type(track).__name__}, not RawTrack")


def _check_frame(frame: object, size: int, track: str) -> None:
    if isinstance(frame, SkippedFrame):
        return
    if not isinstance(frame, Frame):
        raise TypeError(f"`read` yields {type(frame).__name__}, not Frame or SkippedFrame")
    image = frame.image
    if not isinstance(image, np.ndarray) or image.shape != (size, size, 3) or image.dtype != np.uint8:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"track {track}: a frame is {found}, not uint8 {(size, size, 3)}")
