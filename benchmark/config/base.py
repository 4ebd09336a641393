"""Base class, and types of numbers and folders, of the configuration schema."""

import os.path
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import ArgsKwargs, PydanticCustomError


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True))
class Schema:
    """A group of configuration keys: an immutable dataclass whose values are validated when it is created."""

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, values: Any) -> Any:
        return check_keys(cls, values)


def check_keys(schema: type, values: Any) -> Any:
    """Returns ``values`` unchanged if they are a mapping of keys of the dataclass ``schema``, or an instance of it.

    Raises:
        PydanticCustomError: ``not_a_group`` or ``unknown_key``, with the known keys as context.
    """
    if isinstance(values, (ArgsKwargs, schema)):
        return values
    names = [item.name for item in fields(schema)]
    if not isinstance(values, Mapping):
        raise PydanticCustomError("not_a_group", "is not a group of keys", {"known": names})
    for key in values:
        if key not in names:
            raise PydanticCustomError("unknown_key", "unknown key", {"key": str(key), "known": names})
    return values


def merged(base: Any, values: Any) -> Any:
    """``values`` over ``base``; where either is not a mapping, ``values``, which validation then refuses."""
    return {**base, **values} if isinstance(base, Mapping) and isinstance(values, Mapping) else values


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "Input should be a number")
    return value


Folder = Annotated[str, AfterValidator(os.path.expanduser)]  # ~ is the home folder
Whole = Annotated[int, BeforeValidator(_refuse_bool)]
Count = Annotated[Whole, Field(ge=1)]
Natural = Annotated[Whole, Field(ge=0)]
Real = Annotated[float, BeforeValidator(_refuse_bool)]
Seed = Annotated[Whole, Field(ge=0, lt=2**63)]
NonNegative = Annotated[Real, Field(ge=0)]
# Keeps 5 apart from 5.0: both stand in the hashes that name stores and labelled sets on disk.
AsWritten = Annotated[int | float, BeforeValidator(_refuse_bool)]
