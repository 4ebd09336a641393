"""Labelled sets: one module per kind, which reads the files of a published set, or your own, into raw faces.

`benchmark.data.faces.build` makes a labelled set of them. To add a kind, write a module here that offers what
`SetModule` lists, and add its configuration to `SET_KINDS`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from benchmark.data.faces.build import RawFaces


class Fingerprinted(Protocol):
    """The files of a set."""

    def fingerprint(self) -> list[object]:
        """JSON values that change with the files; part of the name of the set's file in the cache."""


class SetModule(Protocol):
    """A kind of labelled set.

    Attributes:
        VERSION: raise it when the same files are read differently.
        find: locates the files that a configuration describes.
        read: reads their rows.
    """

    VERSION: int
    find: Callable[[Any], Fingerprinted]
    read: "Callable[[Any], RawFaces]"


def module_of(kind: str) -> SetModule:
    """The module that reads a kind of set."""
    return cast(SetModule, import_module(f"benchmark.data.sets.{kind}"))
