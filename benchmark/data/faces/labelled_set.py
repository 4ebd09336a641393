"""Labelled faces: one square crop a face, the same for every method, with targets that may be unknown."""

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

Kind = Literal["landmarks", "pose", "classes", "aus"]
SPLITS = ("train", "val", "test")
FORMAT = 1  # of the file that `LabelledSet.save` writes
SETTLED = 2.0  # seconds; a file changed later than this after it was written has another time

DTYPES = {"landmarks": np.float32, "pose": np.float32, "classes": np.int64, "aus": np.float32}


@dataclass(frozen=True)
class Target:
    """What is to be read off each of N faces.

    ``values`` by kind: ``landmarks`` float32 (N, L, 2), x then y in crop sides, 0..1 inside the crop;
    ``pose`` float32 (N, 3), degrees, in the order of ``names``; ``classes`` int64 (N,), an index into
    ``names``; ``aus`` float32 (N, A), 0 or 1. ``known`` is bool, (N, A) for ``aus`` and (N,) otherwise;
    a value that is not known is never read.

    Seen in the image, roll > 0 turns the head clockwise, pitch > 0 lifts the chin and yaw > 0 turns the nose
    to the left, as in AFLW2000-3D.
    """

    kind: Kind
    values: NDArray[Any]
    known: NDArray[np.bool_]
    names: tuple[str, ...]
    eyes: tuple[int, int] | None = None  # landmarks only: the two points whose distance is the unit of error


@dataclass(frozen=True)
class LabelledSet:
    """N labelled faces. ``frames`` is uint8 (N, S, S, 3) RGB; ``split`` holds train, val or test.

    A point p in crop sides lies at ``corner + p * side`` in pixels of the original image, whose origin is the
    outer corner of its first pixel. ``content`` is the start of the SHA-256 of each face's image file. ``hash`` is
    the SHA-256 of everything else in the set.

    Raises:
        ValueError: fields that contradict each other (numbers of rows, types, unknown splits, a known value
            that is not finite or out of range).
    """

    name: str
    frames: NDArray[np.uint8]
    image_ids: NDArray[np.str_]
    split: NDArray[np.str_]
    corner: NDArray[np.float32]
    side: NDArray[np.float32]
    targets: dict[str, Target]
    identity: NDArray[np.str_] | None = None
    group: NDArray[np.str_] | None = None  # a sub-set of the source, for scores within each
    content: NDArray[np.str_] | None = None
    protocol: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # As JSON reads it back, so that a set equals itself loaded from a file.
        object.__setattr__(self, "protocol", json.loads(json.dumps(self.protocol)))
        self._validate()

    @cached_property
    def hash(self) -> str:
        """SHA-256 over header and arrays, in a fixed order, whatever machine holds them."""
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
        """Writes the set to one Arrow file, atomically."""
        arrays = self._arrays()
        header = {"format": FORMAT, "hash": self.hash} | self._header()
        columns = [_column(array) for array in arrays.values()]
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
    def load(cls, path: Path, thorough: bool = False, take_note: bool = True) -> "LabelledSet":
        """Opens a saved set; its arrays are read-only views of the memory-mapped file.

        Its content is compared with its hash once, which takes half a second a GB and more; a note beside the file
        then says so, and holds for as long as the file has the same size and time.

        Args:
            path: of the file.
            thorough: compare again.
            take_note: write the note; without it nothing is written.

        Raises:
            DataError: the file is absent, cut short, altered, or no labelled set.
        """
        if not path.is_file():
            raise DataError(f"{path}: no such labelled set")
        try:
            stat = path.stat()
            settled = time.time() - stat.st_mtime > SETTLED
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
            table.validate(full=True)  # offsets of strings are followed unchecked otherwise
            header = json.loads(table.schema.metadata[b"labelled"])
            arrays = {name: _array(table[name]) for name in table.column_names}
            if header["format"] != FORMAT:
                raise DataError(f"{path}: written by another version of fab-bench; remove it and it is made anew")
            loaded = cls._restore(header, arrays)
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError) as error:
            message = f"{path}: cut short, altered, or not a labelled set; remove it and it is made anew"
            raise DataError(message) from error
        note = {"hash": header["hash"], "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
        if not thorough and _noted(path) == note:
            loaded.__dict__["hash"] = header["hash"]
        elif loaded.hash != header["hash"]:
            raise DataError(f"{path}: its content has been altered since it was written; remove it and it is made anew")
        elif settled and take_note:
            with suppress(OSError):  # a cache that cannot be written to is compared each time
                write_json(_note(path), note)
        return loaded

    def _header(self) -> dict[str, Any]:
        """All but the arrays."""
        targets = {
            key: {"kind": target.kind, "names": target.names, "eyes": target.eyes}
            for key, target in self.targets.items()
        }
        return {"name": self.name, "protocol": self.protocol, "targets": targets}

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Every array under the name of its column."""
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
        for key, about in header["targets"].items():
            eyes = tuple(about["eyes"]) if about["eyes"] else None
            values, known = arrays.pop(f"{key}.values"), arrays.pop(f"{key}.known").astype(np.bool_)
            targets[key] = Target(about["kind"], values, known, tuple(about["names"]), eyes)
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
            if problem := _problem(target):
                raise ValueError(f"target {key}: {problem}")


def _note(path: Path) -> Path:
    """The file that says in which state a set's file was found whole."""
    return path.with_suffix(".checked.json")


def _noted(path: Path) -> Any:
    try:
        return read_json(_note(path))
    except (OSError, ValueError):
        return None


def _problem(target: Target) -> str | None:
    """What is wrong with a target, in words."""
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
    }
    if values.shape != expected[kind] or known.shape != (values.shape if kind == "aus" else (n,)):
        return f"shapes {values.shape} and {known.shape} do not suit {kind} with {names} names"
    of_known = values[known]
    if not np.isfinite(of_known).all():
        return "a known value is not finite"
    if kind == "classes" and ((of_known < 0) | (of_known >= names)).any():
        return "a known class has no name"
    if kind == "aus" and not np.isin(of_known, (0, 1)).all():
        return "a known action unit is neither 0 nor 1"
    if kind == "landmarks" and (target.eyes is None or max(target.eyes) >= values.shape[1]):
        return "landmarks need the indices of two eye points"
    return None


def _column(array: NDArray[Any]) -> pa.Array:
    """An Arrow array with one entry per row of ``array``."""
    if array.dtype.kind == "U":
        return pa.array(array.tolist(), pa.string())
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)  # Arrow packs booleans into bits
    column = pa.array(np.ascontiguousarray(array).reshape(-1))
    for length in reversed(array.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, length)
    return column


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    """The inverse of `_column`, without a copy for numbers; booleans stay uint8."""
    values = column.chunk(0)
    if values.type == pa.string():
        return np.array(values.to_pylist(), dtype=np.str_)
    shape = [len(values)]
    while pa.types.is_fixed_size_list(values.type):
        shape.append(values.type.list_size)
        values = values.flatten()
    return values.to_numpy().reshape(shape)
