"""Weights of one folder into a method: all of them, or as many as a start from another method's can give."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from benchmark.errors import DataError, first_line
from benchmark.files import read_json
from benchmark.layout import COST, WEIGHTS
from methods.base import Method


def load_all(method: Method, folder: Path) -> None:
    """Gives a method all its weights from a folder.

    Raises:
        DataError: the file is unreadable, or is not of this method with these options and this encoder.
    """
    weights = _read(folder)
    try:
        method.load_state_dict(weights)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:3]]
        raise DataError(f"{folder / WEIGHTS} are not the weights of {method.name}: {' '.join(lines)}") from error


def load_matching(method: Method, folder: Path) -> list[str]:
    """Gives a method the parts that it shares with another's weights; its other parts stay as they are.

    A part is a submodule, such as the encoder or a decoder; it is shared if all its weights have the same names and
    shapes. The encoder must be.

    Returns:
        The names of the parts adopted.

    Raises:
        DataError: the file is unreadable or has another encoder.
    """
    weights = _read(folder)
    adopted = []
    for name, part in method.named_children():
        prefix = f"{name}."
        given = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        own = part.state_dict()
        if own and {key: value.shape for key, value in own.items()} == {key: v.shape for key, v in given.items()}:
            part.load_state_dict(given)
            adopted.append(name)
    if "encoder" not in adopted:
        raise DataError(f"{folder / WEIGHTS} has another encoder than {method.name}")
    return adopted


def steps_spent(folder: Path) -> int:
    """Training steps that led to a folder's weights; 0 where that is not recorded."""
    try:
        cost = read_json(folder / COST)
        return int(cost.get("steps", 0)) + int(cost.get("steps_before", 0))
    except (OSError, ValueError, AttributeError, TypeError):
        return 0


def _read(folder: Path) -> dict[str, Tensor]:
    try:
        return load_file(folder / WEIGHTS)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{folder / WEIGHTS} cannot be read: {first_line(error)}") from error
