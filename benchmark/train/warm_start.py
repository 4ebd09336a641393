"""Initial weights from another run: as many parts as two methods have in common."""

from pathlib import Path

from benchmark.errors import DataError
from benchmark.files import read_json
from benchmark.layout import COST, WEIGHTS
from benchmark.train.weights import read_weights
from methods.base import Method


def load_matching(method: Method, folder: Path) -> list[str]:
    """Loads the parts of a method that the weights in ``folder`` have too; the others stay as they are.

    A part is a direct submodule, such as the encoder or a decoder. It matches if all its weights have the same names
    and shapes. The encoder must match.

    Returns:
        The names of the parts loaded.

    Raises:
        DataError: the file cannot be read or has another encoder.
    """
    weights = read_weights(folder)
    loaded = []
    for name, part in method.named_children():
        prefix = f"{name}."
        given = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        shapes = {key: value.shape for key, value in part.state_dict().items()}
        if shapes and shapes == {key: value.shape for key, value in given.items()}:
            part.load_state_dict(given)
            loaded.append(name)
    if "encoder" not in loaded:
        raise DataError(f"{folder / WEIGHTS} has another encoder than {method.name}")
    return loaded


def steps_spent(folder: Path) -> int:
    """Training steps behind the weights in ``folder``, those of its own initial weights included; 0 if unknown."""
    try:
        cost = read_json(folder / COST)
        return int(cost.get("steps", 0)) + int(cost.get("steps_before", 0))
    except (OSError, ValueError, AttributeError, TypeError):
        return 0
