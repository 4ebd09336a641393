"""Records that a run leaves on disk for the tables: its scores on a task, and its cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AllowInfNan, Field, Strict, TypeAdapter, ValidationError

from benchmark.errors import DataError
from benchmark.files import read_json
from probes.tables.cells import COST_UNITS, SCHEMA

REMEDY = "remove it and run the benchmark again"

_Value = Annotated[float, Strict(), AllowInfNan(False)] | None


@dataclass(frozen=True)
class _Metric:
    value: _Value
    unit: str
    better: Literal[-1, 1] | None = None  # this and below: of metrics beyond the standard ones
    digits: Annotated[int, Strict(), Field(ge=0, le=9)] | None = None
    label: str = ""


@dataclass(frozen=True)
class _Head:
    metrics: dict[str, _Metric]
    title: str | None = None


@dataclass(frozen=True)
class _Encoder:
    name: str
    width: int
    size: int


@dataclass(frozen=True)
class _Scores:
    """The fields that tables read of a probe record."""

    run: str
    target_kind: str
    names: list[str]
    n: dict[str, int]
    heads: dict[str, _Head]
    encoder: _Encoder | None = None
    dim: int | None = None


_SCORES = TypeAdapter(_Scores)
_COST = TypeAdapter(dict[str, _Value])


def read_scores(path: Path, owner: Mapping[str, Any]) -> dict[str, Any]:
    """The probe record in a file.

    Args:
        path: of the JSON file.
        owner: fields that say whose record it must be: ``benchmark``, ``variant``, ``kind``, ``seed`` and ``task``.

    Raises:
        DataError: the file is broken, altered, or the record of another run or task.
    """
    record = _read(path)
    if record.get("schema") != SCHEMA:
        raise DataError(f"{path}: schema {record.get('schema')!r}, this version reads {SCHEMA}; {REMEDY}")
    for key, value in owner.items():
        if record.get(key) != value:
            raise DataError(f"{path}: {key} is {record.get(key)!r}, but this is a record of {value!r}; {REMEDY}")
    _check(_SCORES, record, path)
    return record


def read_cost(path: Path) -> dict[str, Any]:
    """The cost record in a file.

    Raises:
        DataError: the file is broken or altered.
    """
    record = _read(path)
    _check(_COST, {key: record[key] for key in COST_UNITS if key in record}, path)
    return record


def _read(path: Path) -> dict[str, Any]:
    try:
        record = read_json(path)
    except (ValueError, OSError):
        record = None
    if not isinstance(record, dict):
        raise DataError(f"{path}: cut short or altered; {REMEDY}")
    return record


def _check(expected: TypeAdapter[Any], content: Mapping[str, Any], path: Path) -> None:
    try:
        expected.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {key} is altered ({first['msg']}); {REMEDY}") from error
