"""Encoders by name: those shipped, one file each, those of installed packages, and those in a user's own file.

An encoder registers where it is defined, by ``@register_encoder("fabnet", version=1)``. Installed packages announce
theirs by the entry points ``fabbench.encoders``; see `plugins.Registry`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from methods.errors import MethodError
from plugins import Registry, first_line

if TYPE_CHECKING:
    from methods.encoder import Encoder, EncoderSpec

_EncoderClass = TypeVar("_EncoderClass", bound="type[Encoder]")


def register_encoder(name: str, *, version: int) -> Callable[[_EncoderClass], _EncoderClass]:
    """Class decorator that registers an ``Encoder``.

    Args:
        name: how users call it; lower case letters, digits, ``_`` and ``-``.
        version: recorded with results; raise it whenever the encoder computes something else.

    Raises:
        MethodError: the name is malformed or registered elsewhere, or what is registered is no valid encoder.
    """
    return ENCODERS.register(name, version=version)


def get_encoder(target: str) -> "type[Encoder]":
    """The encoder with a name, or that of ``FILE.py``, ``FILE.py:NAME`` or ``MODULE:CLASS``.

    Raises:
        MethodError: the name is unknown, or the file is missing, broken or does not register exactly one encoder.
    """
    return ENCODERS.get(target)


def check_encoder(spec: "EncoderSpec") -> None:
    """Builds an encoder and runs it on two images; one not shipped on the meta device if possible, without memory.

    Raises:
        MethodError: it does not take images of the size, or its embedding is not (B, dim), float32.
    """
    import torch
    from torch import Tensor

    # The meta device takes a second to load, longer than an encoder of ours takes on the CPU. It has no values, with
    # which an encoder may compute.
    shipped = get_encoder(spec.name).__module__.startswith(f"{__name__}.")
    for device in ("cpu",) if shipped else ("meta", "cpu"):
        try:
            with torch.device(device), torch.no_grad(), torch.random.fork_rng(devices=[]):
                embeddings = spec.build().eval()(torch.rand(2, 3, spec.size, spec.size))
            break
        except (MethodError, KeyboardInterrupt):
            raise
        except BaseException as error:  # SystemExit, too, would end the command
            problem = error
    else:
        raise MethodError(
            f"encoder {spec.name} fails with {spec.size} x {spec.size} images: {first_line(problem)}"
        ) from problem
    actual = tuple(embeddings.shape) if isinstance(embeddings, Tensor) else type(embeddings).__name__
    if actual != (2, spec.dim):
        raise MethodError(f"encoder {spec.name}: two images must give embeddings (2, {spec.dim}), not {actual}")
    if embeddings.dtype != torch.float32:
        raise MethodError(f"encoder {spec.name}: embeddings must be float32, not {embeddings.dtype}")


def has_feature_map(encoder: "type[Encoder]") -> bool:
    """Whether an encoder has a feature map to give to methods that need one."""
    from methods.encoder import Encoder

    return encoder.feature_map is not Encoder.feature_map


def _check_class(encoder: Any, where: str) -> None:
    """Refuses what `register_encoder` is given in place of an encoder.

    Raises:
        MethodError: it is no subclass of ``Encoder``, or a class attribute is invalid.
    """
    from methods.encoder import Encoder

    if not (isinstance(encoder, type) and issubclass(encoder, Encoder)):
        raise MethodError(f"{where} is registered as an encoder; make it a subclass of methods.encoder.Encoder")
    if encoder.forward is Encoder.forward:
        raise MethodError(f"{where} has no `forward`: define it")
    if not isinstance(encoder.width, int) or encoder.width < 1:
        raise MethodError(f"{where}: width={encoder.width!r} must be an int of 1 or more")


ENCODERS: Registry["type[Encoder]"] = Registry(
    "encoder",
    folder=Path(__file__).parent,
    package="methods.encoders",
    group="fabbench.encoders",
    check=_check_class,
    decorator="register_encoder",
    error=MethodError,
)
