"""The registry of methods, and what listings say of them.

A method registers where it is defined::

    @register("fabnet", version=1)
    class FabNet(Method): ...

``names`` imports neither torch nor any method. Installed packages announce methods by the entry points
``fabbench.methods``; see `plugins.Registry`.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from methods.errors import MethodError
from plugins import Registry, first_line

if TYPE_CHECKING:
    from methods.base import Method
    from methods.encoder import EncoderSpec

KINDS = ("method", "floor", "ceiling", "pretrained")

_MethodClass = TypeVar("_MethodClass", bound="type[Method]")


@dataclass(frozen=True)
class Option:
    """Option of a method, for listings."""

    name: str
    type: str
    default: Any
    help: str


@dataclass(frozen=True)
class MethodInfo:
    """Description of a method, for listings; ``origin`` is the file or package that it comes from."""

    name: str
    version: int
    kind: str
    frames: int
    trained: bool
    summary: str
    paper: str
    year: int | None
    origin: str
    options: list[Option]


def register(name: str, *, version: int) -> Callable[[_MethodClass], _MethodClass]:
    """Class decorator that registers a ``Method``.

    Args:
        name: how users call it; lower case letters, digits, ``_`` and ``-``.
        version: recorded with results; raise it whenever the method computes something else.

    Raises:
        MethodError: the name is malformed or registered elsewhere, or what is registered is no valid method.
    """
    return METHODS.register(name, version=version)


def names() -> list[str]:
    """The names of all known methods, sorted; imports none of them."""
    return METHODS.names()


def get(target: str) -> "type[Method]":
    """The method with a name, or that of ``FILE.py``, ``FILE.py:NAME`` or ``MODULE:CLASS``.

    Raises:
        MethodError: the name is unknown, or the file is missing, broken or does not register exactly one method.
    """
    return METHODS.get(target)


def describe() -> list[MethodInfo]:
    """Descriptions of all known methods, sorted by name; imports all of them."""
    return [info(get(name)) for name in names()]


def info(method: "type[Method]") -> MethodInfo:
    """Description of a method."""
    return MethodInfo(
        name=method.name,
        version=method.version,
        kind=method.kind,
        frames=method.frames,
        trained=method.trained,
        summary=method.summary,
        paper=method.paper,
        year=method.year,
        origin=METHODS.origin(method.name),
        options=[
            Option(option.name, getattr(option.type, "__name__", str(option.type)), option.default, _help(option))
            for option in fields(method.Options)
        ],
    )


def outline(method: "type[Method]", spec: "EncoderSpec", options: Mapping[str, Any]) -> "Method":
    """An instance for its structure alone, with arbitrary weights; on the meta device if possible, without memory.

    Raises:
        MethodError: the method cannot be built.
    """
    method.parse_options(options)
    for device in ("meta", "cpu"):  # the meta device has no values, and a constructor may compute with its weights
        try:
            built = _build(method, spec, options, device)
            _check_instance(built)
            return built
        except (MethodError, KeyboardInterrupt):
            raise
        except BaseException as error:  # SystemExit, too, would end the command
            problem = error
    raise MethodError(f"{method.name} cannot be built: {first_line(problem)}") from problem


def try_out(method: "type[Method]", spec: "EncoderSpec", options: Mapping[str, Any]) -> None:
    """Runs a method on two samples on the CPU, to refuse outputs that training cannot use.

    Built-in methods are not tried with built-in encoders: the tests put them through the contract.
    What the method raises is no reason to refuse it here: it may need a GPU that only the nodes have. The run that
    trains it fails at its first step.

    Raises:
        MethodError: its losses are not one for each sample, or its embedding has the wrong length, is not finite or
            depends on other images.
    """
    import torch

    from methods.encoders import get_encoder
    from methods.outputs import check_embedding, check_forward, check_independence

    if all(each.__module__.partition(".")[0] == __package__ for each in (method, get_encoder(spec.name))):
        return
    try:
        with torch.random.fork_rng(devices=[]):
            built = _build(method, spec, options, "cpu")
            check_embedding(built)
            check_independence(built)
            if method.kind == "method":
                check_forward(built)
    except (MethodError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit, too, is left to the run
        logging.getLogger(__name__).debug("%s could not be tried: %r", method.name, error)


def _build(method: "type[Method]", spec: "EncoderSpec", options: Mapping[str, Any], device: str) -> "Method":
    import torch

    with torch.device(device):
        if method.kind == "ceiling":
            return method(spec, options, outputs=1, loss=None)  # type: ignore[call-arg]
        return method(spec, options)


def _check_class(method: Any, where: str) -> None:
    """Refuses what `register` is given in place of a method.

    Raises:
        MethodError: it is no subclass of ``Method``, or a class attribute is invalid.
    """
    from methods.base import Method

    if not (isinstance(method, type) and issubclass(method, Method)):
        raise MethodError(f"{where} is registered as a method; make it a subclass of methods.base.Method")
    if method.kind not in KINDS:
        raise MethodError(f"{where}: kind={method.kind!r} must be one of {', '.join(KINDS)}")
    if not is_dataclass(method.Options):
        raise MethodError(f"{where}: Options must be a dataclass, not {method.Options!r}")
    try:
        method.Options()
    except TypeError as error:
        raise MethodError(f"{where}: every field of Options needs a default ({error})") from error
    if method.trained and method.forward is Method.forward:
        raise MethodError(f"{where} has no `forward`, so it cannot be trained; define it, or set trained = False")


def _check_instance(method: "Method") -> None:
    """Refuses a method whose constructor left it invalid.

    Raises:
        MethodError: ``frames`` or ``views`` is no positive integer, there is no encoder to save, or one without the
            feature map that the method needs.
    """
    from torch import nn

    from methods.encoders import get_encoder, has_feature_map

    where = METHODS.place(type(method))
    for key in ("frames", "views"):
        value = getattr(method, key)
        if not isinstance(value, int) or value < 1:
            raise MethodError(f"{where}: {key}={value!r} must be an int of 1 or more")
    if not isinstance(getattr(method, "encoder", None), nn.Module):
        raise MethodError(f"{where} has no `encoder`; set self.encoder in __init__ to a torch module")
    if method.needs_feature_map and not has_feature_map(get_encoder(method.spec.name)):
        raise MethodError(
            f"{method.name} needs a feature map, which encoder {method.spec.name} has not: choose another encoder.name"
        )


def _help(option: Field[Any]) -> str:
    return str(option.metadata.get("help", ""))


METHODS: Registry["type[Method]"] = Registry(
    "method",
    folder=Path(__file__).parent,
    package="methods",
    group="fabbench.methods",
    check=_check_class,
    error=MethodError,
)
