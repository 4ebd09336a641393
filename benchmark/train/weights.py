"""Weights of a method in a run folder, as safetensors."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmark.errors import DataError, first_line
from benchmark.files import atomic
from benchmark.layout import ENCODER, WEIGHTS
from methods.base import Method


def save_method(method: Method, folder: Path) -> list[Path]:
    """Saves the weights of a method and, in a file of its own, its encoder; atomically.

    Returns:
        The files written. A method without an ``encoder`` module has no second one.
    """
    paths = [_save(method, folder / WEIGHTS)]
    if (encoder := _encoder(method)) is not None:
        paths.append(_save(encoder, folder / ENCODER))
    return paths


def load_method(method: Method, folder: Path) -> None:
    """Loads all weights of a method from ``folder``.

    Raises:
        DataError: the file cannot be read, or belongs to another method, other options or another encoder.
    """
    weights = read_weights(folder)
    expected = {key: tuple(value.shape) for key, value in method.state_dict().items()}
    actual = {key: tuple(value.shape) for key, value in weights.items()}
    for key in sorted({*expected, *actual}):
        if expected.get(key) != actual.get(key):
            raise DataError(
                f"{folder / WEIGHTS} are not the weights of {method.name}: {key} is {actual.get(key, 'absent')}, "
                f"not {expected.get(key, 'absent')}"
            )
    method.load_state_dict(weights)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights in ``folder``, by name.

    Raises:
        DataError: the file is missing or broken.
    """
    try:
        return load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{folder / WEIGHTS} cannot be read: {first_line(error)}") from error


def parameter_counts(method: Method) -> dict[str, int]:
    """Numbers of parameters of a method (``parameters``) and of its encoder (``encoder_parameters``)."""
    encoder = _encoder(method)
    return {
        "parameters": _count(method),
        "encoder_parameters": _count(encoder) if encoder is not None else 0,
    }


def _encoder(method: Method) -> nn.Module | None:
    encoder = getattr(method, "encoder", None)  # a method that overrides `embed` may have none
    return encoder if isinstance(encoder, nn.Module) else None


def _save(module: nn.Module, path: Path) -> Path:
    weights = {name: value.contiguous().cpu() for name, value in module.state_dict().items()}
    with atomic(path) as temporary:
        save_file(weights, temporary)
    return path


def _count(module: nn.Module) -> int:
    """Parameters of a module; a part of it that is a program in another format says itself how many it has."""
    counts = [int(getattr(part, "parameter_count", 0)) for part in module.modules()]
    return sum(counts) + sum(parameter.numel() for parameter in module.parameters())
