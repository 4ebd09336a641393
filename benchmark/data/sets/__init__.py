"""Published labelled sets, each read as its owners distribute it and divided by the protocol that others used.

A set is a module with ``VERSION`` (raised when the same files become something else), ``find`` (its files below
the folder a user points to) and ``read`` (its rows). `catalogue.py` makes a `LabelledSet` of them.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from benchmark.config.schema import SET_KINDS, FaceFolder
from benchmark.data.faces.build import RawFaces
from benchmark.data.sets.files import Found


class SetModule(Protocol):
    """What each module of this package offers."""

    VERSION: int
    find: Callable[[FaceFolder], Found]
    read: Callable[[FaceFolder], RawFaces]


def module_of(kind: str) -> SetModule:
    """The module that reads a kind of set."""
    assert kind in SET_KINDS
    return cast(SetModule, import_module(f"benchmark.data.sets.{kind}"))
