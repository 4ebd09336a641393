"""Frozen encoders of others, in several formats, written as a folder that a benchmark reads as a pretrained row."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from benchmark.config.checks import check_folder_name
from benchmark.errors import DataError, UsageError, first_line
from benchmark.files import digest
from benchmark.pipeline.import_weights import Imported, write_row
from benchmark.train.weights import parameter_counts
from methods.base import Method
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.exported_program import read_program
from methods.hf_model import read_folder
from methods.onnx_model import read_onnx
from methods.pretrained import TRAINED_ON, default_output, prepare
from methods.python_model import build, code_of
from methods.registry import get
from methods.timm_model import read_timm
from plugins import split_target

TIMM = "timm:"
SET_HERE = ("bytes", "config", "target", "code", "model")  # options that the file determines
TRIAL = 96  # pixels: side of the images that an encoder is tried on


def is_encoder(source: str) -> bool:
    """Whether a source is one that `import_encoder` reads, rather than a file of released weights."""
    path = Path(source)
    return path.suffix in (".onnx", ".pt2", ".py") or path.is_dir() or (":" in source and not path.is_file())


def import_encoder(
    source: str,
    parent: Path,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    weights: Path | None = None,
    trained_on: str | None = None,
) -> Imported:
    """Reads an encoder, tries it on images, and writes it to a folder.

    Args:
        source: a file ``.onnx`` or ``.pt2``, a folder of transformers, ``timm:NAME``, ``FILE.py:CLASS`` or
            ``MODULE:CLASS``.
        parent: folder of all imported encoders.
        name: of the new folder, and so of the row; default: by the source.
        options: how images are prepared and which output is read, where the file does not tell.
        weights: safetensors file of the class or timm network.
        trained_on: one of `methods.pretrained.TRAINED_ON`; default: as a file by `fabbench export` says, else unknown.

    Raises:
        UsageError: options that are missing, unknown or do not fit.
        DataError: a file that is missing, unreadable, or no encoder.
    """
    given = dict(options or {})
    name = name or _default_name(source)
    check_folder_name("--as", name)
    try:
        method_name, told, state = _read(source, given, weights)
        stated = told.pop("trained_on", None)
        _refuse_contradiction(told, given)
        merged = {**told, **given}
        get(method_name).parse_options(merged)  # a misspelt option is named, rather than the one that it should be
        _require_options(method_name, merged)
        method = get(method_name)(EncoderSpec(), merged)
        _load(method, state, source)
        merged["output"] = _try(method, merged)
    except MethodError as error:
        raise UsageError(f"{source}: {error}") from error
    origin = {
        "file": Path(source).name,
        "sha256": digest({key: _hash(value) for key, value in state.items()}),
        "options": merged,
    }
    folder = parent / name
    seen = trained_on or (stated if stated in TRAINED_ON else "unknown")
    description = {
        "method": method_name,
        "options": merged,
        "encoder": None,
        "size": None,
        "trained_on": seen,
    }
    write_row(folder, method.state_dict(), description, origin)
    used = {key: value for key, value in merged.items() if key not in SET_HERE}
    return Imported(folder, method_name, used, seen, parameter_counts(method)["parameters"], None)


def _read(source: str, given: Mapping[str, Any], weights: Path | None) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    """Method, the options that the source tells, and state; of a class without a file of weights, its initial one."""
    path = Path(source)
    if source.startswith(TIMM):
        if weights is None:
            raise UsageError(f"{source} needs --weights FILE.safetensors; nothing is downloaded")
        return "timm", *read_timm(source.removeprefix(TIMM), _tensors(weights))
    if path.is_dir() or path.suffix in (".onnx", ".pt2"):
        if weights is not None:
            raise UsageError(f"--weights has no effect on {source}, which holds its own")
        if not path.exists():
            raise DataError(f"{path}: no such file")
        if path.is_dir():
            return "transformers", *read_folder(path)
        return ("onnx", *read_onnx(path)) if path.suffix == ".onnx" else ("torch-export", *read_program(path))
    file, cls = split_target(source)
    if cls is None:
        raise UsageError(f"{source}: name the class, as in {source}:CLASS")
    if isinstance(file, Path) and not file.is_file():
        raise DataError(f"{file}: no such file")
    target = f"{file.resolve()}:{cls}" if isinstance(file, Path) else source
    told = {"target": target, "code": code_of(target)}
    tensors = _tensors(weights) if weights else build(target, given.get("arguments")).state_dict()
    return "python", told, {f"encoder.model.{key}": value for key, value in tensors.items()}


def _tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise DataError(f"--weights {path}: no such file")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"--weights {path} is no safetensors file, or cut short ({first_line(error)})") from error


def _refuse_contradiction(told: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuses options that a file determines, and a size that is not that of the program's input."""
    fixed = [key for key in SET_HERE if key in given]
    if fixed:
        raise UsageError(f"--option {fixed[0]} is set by fabbench import; leave it out")
    if "bytes" in told and "size" in told and given.get("size", told["size"]) != told["size"]:
        raise MethodError(f"its input is {told['size']} x {told['size']} pixels; leave --option size out")


def _require_options(method: str, options: Mapping[str, Any]) -> None:
    """Refuses to guess what would make a good encoder a bad row."""
    if not options.get("size"):
        raise UsageError("its file does not say how large its input is: --option size=PIXELS")
    if "mean" not in options or "std" not in options:
        raise UsageError(
            "its file does not say how images are normalised: --option mean=M --option std=S, numbers or lists such as "
            "[0.485,0.456,0.406], of values in [0, 1]; mean=0 and std=1 leave them as they are"
        )


def _load(method: Method, state: Mapping[str, Tensor], source: str) -> None:
    """Loads a state that must have all weights and no others.

    Raises:
        DataError: it does not, or has weights that are not finite.
    """
    expected = {key: tuple(value.shape) for key, value in method.state_dict().items()}
    actual = {key: tuple(value.shape) for key, value in state.items()}
    for key in sorted({*expected, *actual}):
        if expected.get(key) != actual.get(key):
            what = key.removeprefix("encoder.model.")
            raise DataError(
                f"{source}: the weights do not fit: {what} is {actual.get(key, 'absent')}, "
                f"not {expected.get(key, 'absent')}"
            )
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise DataError(f"{source}: {key.removeprefix('encoder.model.')} is not finite")
    method.load_state_dict(state)
    method.eval()


def _try(method: Any, options: Mapping[str, Any]) -> str:
    """Embeds images, and returns the name of the output that was read.

    Raises:
        MethodError: it fails on images, gives what is not finite, or an image's embedding depends on the others.
    """
    images = torch.rand(3, 3, TRIAL, TRIAL, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        try:
            embeddings = method.embed(images)
            alone = method.embed(images[1:2])
        except MethodError:
            raise
        except Exception as error:  # whatever a network raises
            raise MethodError(f"it fails on images: {first_line(error)}") from error
        if not torch.isfinite(embeddings).all():
            raise MethodError("it gives embeddings that are not finite")
        if not torch.allclose(alone, embeddings[1:2], rtol=1e-2, atol=1e-3 * float(embeddings.abs().max())):
            raise MethodError("an image's embedding depends on the other images; export it in evaluation mode")
        return str(options.get("output") or default_output(method.encoder.outputs(prepare(images, method.options))))


def _hash(value: Tensor) -> str:
    return hashlib.sha256(value.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


def _default_name(source: str) -> str:
    """The folder's or file's name; that of the class or timm network."""
    path = Path(source)
    if path.exists():
        return path.resolve().name if path.is_dir() else path.stem
    return source.rpartition(":")[2]
