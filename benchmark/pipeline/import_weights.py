"""`fabbench import`: weights that others released become a folder that a benchmark reads as a pretrained row."""

import argparse
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.errors import DataError, UsageError, first_line
from benchmark.files import atomic, read_json, sha256, write_json, write_text
from benchmark.layout import CONFIG, ENCODER, WEIGHTS
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.registry import get, outline
from methods.released import Released, recognise

ORIGIN, PROBE = "import.json", "probe.safetensors"
DEFAULT_NAMES = {"fabnet": "fabnet-released"}  # a row of its own name beside the method trained here


@dataclass(frozen=True)
class Imported:
    """What was made of a file."""

    folder: Path
    method: str
    options: dict[str, Any]
    parameters: int
    probe_outputs: int | None  # of the probe that came with the weights


def import_weights(
    path: Path, place: Path, name: str | None = None, options: Mapping[str, Any] | None = None
) -> Imported:
    """Reads released weights and writes them, in the names of a method here, to a folder below ``place``.

    Args:
        path: a checkpoint of PyTorch, read without running anything in it, or safetensors.
        place: where imported weights lie, a folder each.
        name: of the folder and so of the row; default: by the method.
        options: of the method, beside those that the file tells.

    Raises:
        DataError: the file is missing, unreadable, or not the weights of a known network, whole and finite.
        UsageError: options the method does not have, or a name that other weights have taken.
    """
    released = _recognised(path, options or {})
    _check_complete(path, released)
    folder = place / (name or DEFAULT_NAMES.get(released.method, released.method))
    origin = {"file": path.name, "sha256": sha256(path), "options": released.options}
    if (folder / ORIGIN).is_file() and read_json(folder / ORIGIN) != origin:
        raise UsageError(f"{folder} holds other weights; choose another name with --as NAME, or remove it")
    _write(released, folder)
    write_json(folder / ORIGIN, origin)
    spec = released.spec
    encoder = {"width": spec.width, "dim": spec.dim} if spec else None
    about = {"method": released.method, "options": released.options, "encoder": encoder}
    write_text(folder / CONFIG, yaml.safe_dump({**about, "size": spec.size if spec else None}, sort_keys=False))
    outputs = len(released.probe["1.weight"]) if released.probe else None
    parameters = sum(value.numel() for value in _expected(released).parameters())
    return Imported(folder, released.method, released.options, parameters, outputs)


def _recognised(path: Path, options: Mapping[str, Any]) -> Released:
    content = _read(path)
    try:
        found = recognise(content)
        found = Released(found.method, found.weights, {**found.options, **options}, found.spec, found.probe)
    except MethodError as error:
        raise DataError(f"{path} {error}") from error
    try:
        get(found.method).parse_options(found.options)
    except MethodError as error:
        raise UsageError(str(error)) from error
    return found


def _read(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # at the version of the format: what is wrong is said below
            return torch.load(path, map_location="cpu", weights_only=True)  # with their arguments, a Namespace, beside
    except pickle.UnpicklingError as error:
        call = re.search(r"GLOBAL (\S+)", str(error))
        problem = f"holds more than weights: reading it would call {call[1]}" if call else "is no checkpoint of PyTorch"
        raise DataError(f"{path} {problem}") from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is cut short, altered or no checkpoint ({first_line(error)})") from error


def _expected(released: Released) -> torch.nn.Module:
    try:
        return outline(get(released.method), released.spec or EncoderSpec(), released.options)
    except MethodError as error:
        raise UsageError(str(error)) from error


def _check_complete(path: Path, released: Released) -> None:
    """Refuses weights that are missing, too many, of another shape, or not finite."""
    expected = {name: value.shape for name, value in _expected(released).state_dict().items()}
    found = {name: value.shape for name, value in released.weights.items()}
    if expected != found:
        name = next(name for name in sorted({*expected, *found}) if expected.get(name) != found.get(name))
        shapes = [
            str(tuple(shape)) if (shape := where.get(name)) is not None else "absent" for where in (found, expected)
        ]
        raise DataError(f"{path} is no whole {released.method}: {name} is {shapes[0]}, not {shapes[1]}")
    for name, value in {**released.weights, **(released.probe or {})}.items():
        if not torch.isfinite(value).all():
            raise DataError(f"{path}: {name} is not finite")


def _write(released: Released, folder: Path) -> None:
    parts: dict[str, dict[str, Tensor]] = {
        WEIGHTS: released.weights,
        ENCODER: {
            name.removeprefix("encoder."): value
            for name, value in released.weights.items()
            if name.startswith("encoder.")
        },
        **({PROBE: released.probe} if released.probe else {}),
    }
    for name, state in parts.items():
        with atomic(folder / name) as temporary:
            save_file({key: value.detach().clone().contiguous() for key, value in state.items()}, temporary)
