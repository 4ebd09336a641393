"""Released weights of known networks, written as a folder that a benchmark reads as a pretrained row."""

import argparse
import json
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmark.errors import DataError, UsageError, first_line
from benchmark.files import atomic, read_json, sha256, write_json, write_text
from benchmark.layout import CONFIG, ENCODER, WEIGHTS
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.pretrained import PUBLISHED
from methods.registry import get, outline
from methods.released import Released, recognise

ORIGIN = "import.json"  # the file that a folder's weights come from
PROBE = "probe.safetensors"  # the probe released with the weights
DEFAULT_NAMES = {"fabnet": "fabnet-released"}  # rows that may stand beside the same method trained here


@dataclass(frozen=True)
class Imported:
    """Result of an import: the options are those used, given or told by the file."""

    folder: Path
    method: str
    options: dict[str, Any]
    trained_on: str
    parameters: int
    probe_outputs: int | None  # None: no probe was released with the weights


def import_weights(
    path: Path,
    parent: Path,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    trained_on: str | None = None,
) -> Imported:
    """Reads released weights and writes them, under the parameter names of a method here, to a folder.

    Args:
        path: a PyTorch checkpoint, of which nothing is executed, or a safetensors file.
        parent: folder of all imported weights.
        name: of the new folder, and so of the row; default: by the method.
        options: of the method, in addition to those that the file determines.
        trained_on: one of `methods.pretrained.TRAINED_ON`; default: as published.

    Raises:
        DataError: the file is missing, unreadable, or not the complete and finite weights of a known network.
        UsageError: options the method does not have, or a folder that holds other weights.
    """
    released = _read_released(path, options or {})
    model = _outline(released)
    _check_complete(path, released, model)
    folder = parent / (name or DEFAULT_NAMES.get(released.method, released.method))
    origin = {"file": path.name, "sha256": sha256(path), "options": released.options}
    description = {**_description(released), "trained_on": trained_on or PUBLISHED[released.method]}
    write_row(folder, released.weights, description, origin)
    if released.probe:
        _save(released.probe, folder / PROBE)
    return Imported(
        folder,
        released.method,
        released.options,
        description["trained_on"],
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        probe_outputs=len(released.probe["1.weight"]) if released.probe else None,
    )


def _read_released(path: Path, options: Mapping[str, Any]) -> Released:
    """The weights in a file, recognised as those of a method."""
    content = _read(path)
    try:
        released = recognise(content)
    except MethodError as error:
        raise DataError(f"{path} {error}") from error
    released = replace(released, options={**released.options, **options})
    try:
        get(released.method).parse_options(released.options)
    except MethodError as error:
        raise UsageError(str(error)) from error
    return released


def _read(path: Path) -> Any:
    """The content of a checkpoint. Only tensors, containers and a `Namespace` of arguments are unpickled."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # about old formats
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        call = re.search(r"GLOBAL (\S+)", str(error))
        problem = f"holds more than weights: reading it would call {call[1]}" if call else "is no PyTorch checkpoint"
        raise DataError(f"{path} {problem}") from error
    except Exception as error:  # the unpickler raises almost anything on bytes that are no pickle
        raise DataError(f"{path} is cut short, altered or no checkpoint ({first_line(error)})") from error


def _outline(released: Released) -> nn.Module:
    """The method that the weights belong to, without memory for its parameters."""
    try:
        return outline(get(released.method), released.spec or EncoderSpec(), released.options)
    except MethodError as error:
        raise UsageError(str(error)) from error


def _check_complete(path: Path, released: Released, model: nn.Module) -> None:
    """Refuses weights that are missing, unexpected, of another shape, or not finite."""
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    actual = {name: tuple(value.shape) for name, value in released.weights.items()}
    for name in sorted({*expected, *actual}):
        if expected.get(name) != actual.get(name):
            raise DataError(
                f"{path} is no complete {released.method}: {name} is {actual.get(name, 'absent')}, "
                f"not {expected.get(name, 'absent')}"
            )
    for name, value in {**released.weights, **(released.probe or {})}.items():
        if not torch.isfinite(value).all():
            raise DataError(f"{path}: {name} is not finite")


def _description(released: Released) -> dict[str, Any]:
    """What `config.yaml` says of the weights; a method with a network of its own has no common encoder."""
    spec = released.spec
    return {
        "method": released.method,
        "options": released.options,
        "encoder": {"width": spec.width, "dim": spec.dim} if spec else None,
        "size": spec.size if spec else None,
    }


def write_row(
    folder: Path, state: Mapping[str, Tensor], description: Mapping[str, Any], origin: Mapping[str, Any]
) -> None:
    """Writes the folder of a pretrained row: all weights, those of the encoder alone, and what they are.

    Args:
        folder: of the row.
        state: of the method.
        description: method, options, encoder, size and trained_on, for `config.yaml`.
        origin: the file that the weights come from.

    Raises:
        UsageError: the folder holds others.
    """
    if (folder / ORIGIN).is_file() and read_json(folder / ORIGIN) != json.loads(json.dumps(origin)):
        raise UsageError(f"{folder} holds other weights; choose another name with --as NAME, or remove it")
    prefix = "encoder."
    encoder = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    _save(state, folder / WEIGHTS)
    _save(encoder, folder / ENCODER)
    write_json(folder / ORIGIN, origin)
    write_text(folder / CONFIG, yaml.safe_dump(json.loads(json.dumps(description)), sort_keys=False))


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    with atomic(path) as temporary:
        save_file({name: value.detach().clone().contiguous() for name, value in tensors.items()}, temporary)
