"""Labelled sets and sources of tracks of a user's own: what their code returns is checked, and its errors are named."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Any

from benchmark.config.own import FaceSet, Own
from benchmark.data.contract import check_faces, check_frame, check_tracks
from benchmark.data.faces.build import build_set
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.tracks.source import Frame, RawTrack, SkippedFrame, SkipTrack, TrackSource, check_not_empty
from benchmark.errors import DataError, FabbenchError, UsageError
from plugins import first_line, split_target


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
        check_faces(raw)
        raw.protocol |= config.identity()
        return build_set(raw, name, config.size, config.seed, config.val_fraction, progress, scratch)


def description(source: TrackSource) -> dict[str, Any]:
    """What a source says of itself, as JSON values: part of the hash of its data.

    Raises:
        DataError: the user's code fails, or describes what is no JSON.
    """
    if _is_built_in(source):
        return source.describe()
    with _user_code("data", source):
        described: dict[str, Any] = json.loads(json.dumps(source.describe()))
        return described


def check_source(source: TrackSource) -> None:
    """Looks for tracks in a source; lists those of a user's own, and reads the first frames.

    Raises:
        DataError: there are none, what the user's class returns cannot be used, or its code fails.
    """
    if _is_built_in(source):
        check_not_empty(source)
        return
    with _user_code("data", source):
        check_tracks(source)


def frames(source: TrackSource, track: RawTrack) -> Iterator[Frame | SkippedFrame]:
    """The frames of a track; those of a user's own source are checked.

    Raises:
        SkipTrack: the track cannot be used.
        DataError: what the user's class yields cannot be used, or its code fails.
    """
    if _is_built_in(source):
        yield from source.read(track)
        return
    with _user_code("data", source):
        for frame in source.read(track):
            check_frame(frame, source.size, track.track)
            yield frame


def _is_built_in(source: TrackSource) -> bool:
    return type(source).__module__.startswith("benchmark.")


@contextmanager
def _user_code(key: str, own: Own | TrackSource) -> Iterator[None]:
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
    except (FabbenchError, SkipTrack, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit, too, would end the command
        kind = own.kind if isinstance(own, Own) else ""
        source, _ = split_target(kind)
        path = str(source.resolve()) if isinstance(source, Path) else ""
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == path]
        where = f"{kind}, line {lines[-1]}" if lines else kind or type(own).__name__
        raise DataError(f"{key} ({where}): {first_line(error)}") from error
