"""An encoder in a file by ``torch.export.save``, a program of torch's own operators (.pt2).

``torch.export.load`` unpickles what it finds, resolves any name below ``torch`` and evaluates texts, so that a hostile
file can execute anything. It is given a copy of the file here in which that is impossible: sample inputs and guards are
left out, and a file is refused that has pickled weights or constants, compiled libraries, operators other than
torch's ATen, or sizes that are more than sums and products of symbols.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.pretrained import InputOptions, PretrainedEncoder, in_batches, program_bytes, square_side
from methods.python_model import named
from methods.registry import register
from plugins import first_line

OPERATORS = re.compile(  # from_file maps a file of the machine into memory
    r"torch\.ops\.aten\.(?!from_file\b)\w+\.\w+"
    r"|_operator\.(?:getitem|add|sub|mul|neg|floordiv|truediv|mod|pow|eq|ne|lt|le|gt|ge|and_|or_)"
    r"|math\.(?:trunc|ceil|floor|sqrt)"
)
SIZES = re.compile(
    r"(?:Symbol\('[su]\d+'(?:, \w+=(?:True|False))*\)|[su]\d+|\d+|Integer|Add|Mul|FloorDiv|Mod|Max|Min|[-+*/(), ])*"
)
PLAIN = ("archive_format", "archive_version", "byteorder", ".data/version", ".data/serialization_id", "version")
MODEL, SAMPLES = "models/model.json", "data/sample_inputs/model.pt"
CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
RAW = re.compile(r"data/(?:weights/weight_\d+|constants/tensor_\d+)")


@dataclass(frozen=True)
class ProgramOptions(InputOptions):
    """See `InputOptions`."""

    bytes: int = field(default=0, metadata={"help": "size of the program, set by fabbench import"})


@register("torch-export", version=1)
class ExportedProgram(Method):
    """A torch.export program as a frozen encoder."""

    kind = "pretrained"
    trained = False
    summary = "an encoder saved by torch.export (fabbench import FILE.pt2)"
    Options = ProgramOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = ProgramEncoder(self.options)


class ProgramEncoder(PretrainedEncoder):
    """A program with its weights, the buffer ``program``, uint8."""

    def __init__(self, options: ProgramOptions):
        super().__init__(options)
        self.register_buffer("program", torch.zeros(options.bytes, dtype=torch.uint8))
        self._loaded: list[tuple[torch.nn.Module, list[Any]]] = []  # not a module of this one: its state is `program`

    @property
    def parameter_count(self) -> int:
        """Numbers in the program's parameters."""
        return sum(parameter.numel() for parameter in self._module()[0].parameters())

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Runs the program, in batches of its own size where that is fixed."""
        module, shape = self._module()
        side = square_side(shape)
        if side is not None and images.shape[-1] != side:
            raise MethodError(f"it takes {side} x {side} pixels, not size={images.shape[-1]}")
        module.to(images.device)

        def call(batch: Tensor) -> dict[str, Tensor]:
            try:
                return named(module(batch))
            except (RuntimeError, AssertionError) as error:
                raise MethodError(f"the program refuses images {tuple(batch.shape)}: {first_line(error)}") from error

        return in_batches(call, images, shape[0] if isinstance(shape[0], int) else None)

    def _module(self) -> tuple[torch.nn.Module, list[Any]]:
        if not self._loaded:
            self._loaded.append(load(bytes(self.get_buffer("program").cpu().numpy())))
        return self._loaded[0]


def read_program(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Options that a program tells, and the state of its method.

    Raises:
        MethodError: the file is broken, or holds more than a program of torch's own operators.
    """
    content = path.read_bytes()
    side = square_side(load(content)[1])
    options = {"size": side} if side is not None else {}
    return {**options, "bytes": len(content)}, {"encoder.program": program_bytes(content)}


def load(content: bytes) -> tuple[torch.nn.Module, list[Any]]:
    """The program as a module, and the shape of its input, None where a side is not fixed.

    Raises:
        MethodError: see `read_program`.
    """
    archive = without_code(content)
    try:
        program = torch.export.load(archive)
        module = program.module(check_guards=False)
    except Exception as error:  # of a file by another version of torch, or altered
        raise MethodError(f"torch.export cannot load it: {first_line(error)}") from error
    names = set(program.graph_signature.user_inputs)
    values = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(values) != 1 or not isinstance(values[0], Tensor):
        raise MethodError(f"the program must have one input, a batch of images; it has {len(values)}")
    return module, [side if isinstance(side, int) else None for side in values[0].shape]


def without_code(content: bytes) -> io.BytesIO:
    """A copy of an archive, of which loading it can execute nothing.

    Raises:
        MethodError: the archive is broken, or holds what could be executed.
    """
    cleaned = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(cleaned, "w", zipfile.ZIP_STORED) as new:
            for entry in old.namelist():
                name = entry.partition("/")[2]
                data = old.read(entry)
                if name == SAMPLES:
                    data = b""
                elif name == MODEL:
                    data = _checked_program(data)
                elif name in CONFIGS:
                    _check_payloads(data)
                elif name not in PLAIN and not RAW.fullmatch(name):
                    raise MethodError(f"it holds {name}, which is no part of a plain program; export it as ONNX")
                new.writestr(zipfile.ZipInfo(f"program/{name}"), data)
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError, EOFError, OSError) as error:
        if isinstance(error, MethodError):
            raise
        raise MethodError(f"it is no file by torch.export.save, or cut short ({first_line(error)})") from error
    cleaned.seek(0)
    return cleaned


def _checked_program(data: bytes) -> bytes:
    """The program without guards, which are Python; its operators and sizes are checked."""
    program = json.loads(data)
    for key, value in _texts(program):
        if key == "target" and not OPERATORS.fullmatch(value):
            raise MethodError(f"it calls {value}, which is no operator of torch's ATen; export it as ONNX")
        if key == "expr_str" and not SIZES.fullmatch(value):
            raise MethodError(f"it has the size {value!r}, which is no sum or product; export it as ONNX")
    for symbol in program.get("range_constraints", {}):
        if not SIZES.fullmatch(symbol):
            raise MethodError(f"it has the size {symbol!r}, which is no sum or product; export it as ONNX")
    program["guards_code"] = []
    return json.dumps(program).encode()


def _check_payloads(data: bytes) -> None:
    for name, payload in json.loads(data)["config"].items():
        if payload.get("use_pickle") or not re.fullmatch(r"(?:weight|tensor)_\d+", payload["path_name"]):
            raise MethodError(f"{name} is pickled, and could execute code; export the encoder as ONNX")


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All texts of a JSON value, each with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, key)
