"""A labelled set: one square crop per face, the same for every method, with targets; stored as one Arrow file."""

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmark.errors import DataError
from benchmark.files import atomic, read_json, write_json

Kind = Literal["landmarks", "pose", "classes", "aus", "regression", "identity"]
SPLITS = ("train", "val", "test")
FORMAT = 1  # of the file that `LabelledSet.save` writes
TIME_RESOLUTION = 2.0  # seconds; a file changed within this time of its writing may keep its modification time

DTYPES = {
    "landmarks": np.float32,
    "pose": np.float32,
    "classes": np.int64,
    "aus": np.float32,
    "regression": np.float32,
    "identity": np.int64,
}
MASKED = ("aus", "regression")  # kinds in which each value of a face is known or not on its own


@dataclass(frozen=True)
class Target:
    """What a probe predicts for each of N faces.

    Attributes:
        kind: landmarks, pose, classes, aus (action units), regression (numbers such as valence) or identity.
        values: by kind,
            landmarks: float32 (N, L, 2), x and y in crop sides, 0 to 1 inside the crop; in `RawFaces`, which a reader
                returns, in pixels of the image;
            pose: float32 (N, 3), degrees, in the order of ``names``. In the image, roll > 0 turns the head clockwise,
            pitch > 0 lifts the chin and yaw > 0 turns the nose to the left, as in AFLW2000-3D;
            classes: int64 (N,), indices into ``names``;
            aus: float32 (N, A), 0 or 1;
            regression: float32 (N, A), in any units;
            identity: int64 (N,), indices into ``names``.
        known: bool, (N, A) for aus and regression, (N,) otherwise; unknown values are never read.
        names: of the points, angles, classes, action units, numbers or people.
        eyes: of landmarks, the indices of the two points whose distance is the unit of error.
        turns: of pose, the order of the rotations, the outermost first; not part of a saved set, but of its protocol.
        aspect: of landmarks, the width of a crop over its height in the image; likewise.
    """

    kind: Kind
    values: NDArray[Any]
    known: NDArray[np.bool_]
    names: tuple[str, ...]
    eyes: tuple[int, int] | None = None
    turns: str = "roll, pitch, yaw"
    aspect: float = 1.0


@dataclass(frozen=True)
class LabelledSet:
    """N labelled faces.

    A point p in crop sides is at ``corner + p * side`` in pixels of the original image, whose origin is the outer
    corner of its first pixel. If the protocol has an ``aspect``, crops are that much wider than high, and x is at
    ``corner + p * side * aspect``.

    Attributes:
        name: of the set, in tables.
        frames: uint8 (N, S, S, 3) RGB.
        image_ids: (N,) unique names of the faces.
        split: (N,) train, val or test.
        corner: float32 (N, 2) left and top of each crop, image pixels.
        side: float32 (N,) side, or height, of each crop, image pixels.
        targets: by name.
        identity: (N,) person, "" where unknown.
        group: (N,) part of the source; probes are scored on each part, too.
        content: (N,) content key of each image file (`benchmark.files.content_key`).
        protocol: JSON values, how the set was made.

    Raises:
        ValueError: fields that contradict each other: lengths, types, unknown splits, known values that are not
            finite or out of range.
    """

    name: str
    frames: NDArray[np.uint8]
    image_ids: NDArray[np.str_]
    split: NDArray[np.str_]
    corner: NDArray[np.float32]
    side: NDArray[np.float32]
    targets: dict[str, Target]
    identity: NDArray[np.str_] | None = None
    group: NDArray[np.str_] | None = None
    content: NDArray[np.str_] | None = None
    protocol: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # As JSON returns it, so that a set is equal before and after saving.
        object.__setattr__(self, "protocol", json.loads(json.dumps(self.protocol)))
        self._validate()

    @cached_property
    def hash(self) -> str:
        """SHA-256 of header and arrays, the same on every machine."""
        result = hashlib.sha256(json.dumps(self._header(), sort_keys=True).encode())
        for name, array in sorted(self._arrays().items()):
            result.update(f"{name} {array.shape}".encode())
            if array.dtype.kind == "U":
                result.update(json.dumps(array.tolist()).encode())
            else:
                little_endian = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
                result.update(little_endian.data)
        return result.hexdigest()

    def indices(self, split: str) -> NDArray[np.intp]:
        """Rows of one split, in order."""
        return np.flatnonzero(self.split == split)

    def save(self, path: Path) -> None:
        """Write the set to an Arrow file, atomically."""
        arrays = self._arrays()
        header = {"format": FORMAT, "hash": self.hash} | self._header()
        columns = [_to_arrow(array) for array in arrays.values()]
        schema = pa.schema(
            [(name, column.type) for name, column in zip(arrays, columns, strict=True)],
            metadata={"labelled": json.dumps(header)},
        )
        with (
            atomic(path) as temporary,
            pa.OSFile(str(temporary), "wb") as sink,
            pa.ipc.new_file(sink, schema) as writer,
        ):
            writer.write_batch(pa.record_batch(columns, schema=schema))

    @classmethod
    def load(cls, path: Path, thorough: bool = False, write_note: bool = True) -> "LabelledSet":
        """Open a saved set; its arrays are read-only views of the memory-mapped file.

        The content is compared with its hash, which takes half a second per GB or more. A note beside the file saves
        this the next time, as long as the file has the same size and modification time.

        Args:
            path: the file.
            thorough: compare the content in spite of a note.
            write_note: write the note; otherwise nothing is written.

        Raises:
            DataError: the file is absent, cut short, altered, or not a labelled set.
        """
        if not path.is_file():
            raise DataError(f"{path}: no such labelled set")
        try:
            stat = path.stat()
            time_identifies_content = time.time() - stat.st_mtime > TIME_RESOLUTION
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
            table.validate(full=True)  # otherwise, offsets of strings are used unchecked
            header = json.loads(table.schema.metadata[b"labelled"])
            arrays = {name: _from_arrow(table[name]) for name in table.column_names}
            if header["format"] != FORMAT:
                raise DataError(f"{path}: written by another version of fab-bench; remove it to make it anew")
            loaded = cls._restore(header, arrays)
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError) as error:
            message = f"{path}: cut short, altered, or not a labelled set; remove it to make it anew"
            raise DataError(message) from error
        note = {"hash": header["hash"], "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
        if not thorough and _read_note(path) == note:
            loaded.__dict__["hash"] = header["hash"]
        elif loaded.hash != header["hash"]:
            raise DataError(f"{path}: its content has been altered since it was written; remove it to make it anew")
        elif write_note and time_identifies_content:
            with suppress(OSError):  # in a read-only cache, the content is compared each time
                write_json(_note_path(path), note)
        return loaded

    def _header(self) -> dict[str, Any]:
        """Everything but the arrays, as JSON values."""
        targets = {
            key: {"kind": target.kind, "names": target.names, "eyes": target.eyes}
            for key, target in self.targets.items()
        }
        return {"name": self.name, "protocol": self.protocol, "targets": targets}

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays, by column name."""
        arrays: dict[str, NDArray[Any]] = {}
        for name in ("frames", "image_ids", "split", "corner", "side", "identity", "group", "content"):
            value = getattr(self, name)
            if value is not None:
                arrays[name] = value
        for key, target in self.targets.items():
            arrays[f"{key}.values"] = target.values
            arrays[f"{key}.known"] = target.known
        return arrays

    @classmethod
    def _restore(cls, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> "LabelledSet":
        targets = {}
        for key, description in header["targets"].items():
            values, known = arrays.pop(f"{key}.values"), arrays.pop(f"{key}.known").astype(np.bool_)
            eyes = tuple(description["eyes"]) if description["eyes"] else None
            targets[key] = Target(description["kind"], values, known, tuple(description["names"]), eyes)
        return cls(name=header["name"], protocol=header["protocol"], targets=targets, **arrays)

    def _validate(self) -> None:
        n = len(self.frames)
        frames = self.frames
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != (frames.shape[1],) * 2 + (3,):
            raise ValueError(f"frames are {frames.dtype} {frames.shape}, not uint8 (N, S, S, 3)")
        lengths = {name: len(array) for name, array in self._arrays().items()}
        if wrong := {name: length for name, length in lengths.items() if length != n}:
            raise ValueError(f"{n} frames, but {wrong}")
        if self.corner.shape != (n, 2) or self.side.shape != (n,):
            raise ValueError("corner must be (N, 2) and side (N,)")
        if unknown := set(np.unique(self.split)) - set(SPLITS):
            raise ValueError(f"splits are train, val and test, not {sorted(unknown)}")
        for key, target in self.targets.items():
            if problem := target_problem(target):
                raise ValueError(f"target {key}: {problem}")


def _note_path(path: Path) -> Path:
    """The note that a set's file, of this hash, size and modification time, has been compared with its hash."""
    return path.with_suffix(".checked.json")


def _read_note(path: Path) -> Any:
    try:
        return read_json(_note_path(path))
    except (OSError, ValueError):
        return None


def target_problem(target: Target) -> str | None:
    """What is wrong with a target; None if it is valid."""
    kind, values, known = target.kind, target.values, target.known
    if kind not in get_args(Kind):
        return f"no such kind: {kind}"
    if values.dtype != DTYPES[kind] or known.dtype != np.bool_:
        return f"values are {values.dtype} and known {known.dtype}, not {DTYPES[kind].__name__} and bool"
    n, names = len(values), len(target.names)
    expected = {
        "landmarks": (n, *values.shape[1:2], 2),
        "pose": (n, names),
        "classes": (n,),
        "aus": (n, names),
        "regression": (n, names),
        "identity": (n,),
    }
    if values.shape != expected[kind] or known.shape != (values.shape if kind in MASKED else (n,)):
        return f"shapes {values.shape} and {known.shape} do not suit {kind} with {names} names"
    known_values = values[known]
    if not np.isfinite(known_values).all():
        return "a known value is not finite"
    if kind in ("classes", "identity") and ((known_values < 0) | (known_values >= names)).any():
        return "a known class has no name"
    if kind == "aus" and not np.isin(known_values, (0, 1)).all():
        return "a known action unit is neither 0 nor 1"
    if kind == "landmarks" and not _two_points(target.eyes, values.shape[1]):
        return f"landmarks need the indices of two eye points, which differ and are below {values.shape[1]}"
    return None


def _two_points(eyes: tuple[int, int] | None, count: int) -> bool:
    return eyes is not None and len(set(eyes)) == 2 and 0 <= min(eyes) <= max(eyes) < count


def _to_arrow(array: NDArray[Any]) -> "pa.Array[Any]":
    """An Arrow array with one entry per row of ``array``."""
    if array.dtype.kind == "U":
        return pa.array(array.tolist(), pa.string())
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)  # Arrow packs booleans into bits
    column: pa.Array[Any] = pa.array(np.ascontiguousarray(array).reshape(-1))
    for length in reversed(array.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, length)
    return column


def _from_arrow(column: "pa.ChunkedArray[Any]") -> NDArray[Any]:
    """The inverse of `_to_arrow`, without a copy for numbers; booleans stay uint8."""
    values: Any = column.chunk(0)
    if values.type == pa.string():
        return np.array(values.to_pylist(), dtype=np.str_)
    shape = [len(values)]
    while pa.types.is_fixed_size_list(values.type):
        shape.append(values.type.list_size)
        values = values.flatten()
    array: NDArray[Any] = values.to_numpy().reshape(shape)
    return array
