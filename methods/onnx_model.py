"""An encoder in an ONNX file, run by ONNX Runtime on the CPU."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.pretrained import InputOptions, PretrainedEncoder, in_batches, program_bytes, require, square_side
from methods.registry import register
from plugins import first_line

METADATA = "fab-bench"  # key of the options, and of `trained_on`, in the metadata of a file by `fabbench export`


@dataclass(frozen=True)
class OnnxOptions(InputOptions):
    """See `InputOptions`."""

    bytes: int = field(default=0, metadata={"help": "size of the program, set by fabbench import"})


@register("onnx", version=1)
class OnnxModel(Method):
    """An ONNX program as a frozen encoder."""

    kind = "pretrained"
    trained = False
    summary = "an encoder in an ONNX file (fabbench import FILE.onnx)"
    Options = OnnxOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = OnnxEncoder(self.options)


class OnnxEncoder(PretrainedEncoder):
    """An ONNX program with the external weights inside it; the program is the buffer ``program``, uint8."""

    def __init__(self, options: OnnxOptions):
        super().__init__(options)
        require("onnxruntime", "onnx")
        self.register_buffer("program", torch.zeros(options.bytes, dtype=torch.uint8))
        self._session: Any = None

    @property
    def parameter_count(self) -> int:
        """Numbers in the program's initializers."""
        import onnx

        model = onnx.load_from_string(_content(self))
        counts = [torch.Size(tensor.dims).numel() for tensor in model.graph.initializer if len(tensor.dims)]
        return sum(counts)

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Runs the program, in batches of its own size where that is fixed."""
        self._session = self._session or start(_content(self))
        (entry,) = self._session.get_inputs()
        side = square_side(entry.shape)
        if side is not None and images.shape[-1] != side:
            raise MethodError(f"it takes {side} x {side} pixels, not size={images.shape[-1]}")
        names = [output.name for output in self._session.get_outputs()]
        last = entry.shape[3] == 3 and entry.shape[1] != 3  # channels
        dtype = torch.float16 if entry.type == "tensor(float16)" else torch.float32

        def call(batch: Tensor) -> dict[str, Tensor]:
            array = (batch.permute(0, 2, 3, 1) if last else batch).to("cpu", dtype).contiguous().numpy()
            values = self._session.run(names, {entry.name: array})
            return {name: torch.as_tensor(value).to(images.device) for name, value in zip(names, values, strict=True)}

        with torch.no_grad():
            return in_batches(call, images.detach(), entry.shape[0] if isinstance(entry.shape[0], int) else None)


def start(content: bytes) -> Any:
    """A session of ONNX Runtime on the CPU, with as many threads as torch.

    Raises:
        MethodError: the program is broken, or has not one image input of floating point.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base class
        raise MethodError(f"ONNX Runtime cannot run it: {first_line(error)}") from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in ("tensor(float)", "tensor(float16)"):
        described = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs)
        raise MethodError(f"it must have one input, of floating point; it has {described}")
    return session


def read_onnx(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Options that an ONNX file tells, and the state of its method; weights in files beside it are taken inside.

    One by `fabbench export` also tells ``trained_on``, which is no option.

    Raises:
        MethodError: the file is broken, or too large for one file.
    """
    require("onnx", "onnx")
    require("onnxruntime", "onnx")
    import json

    import onnx

    try:
        model = onnx.load(str(path))  # with external data, which may not lie outside the file's folder
        content = model.SerializeToString()
    except Exception as error:
        raise MethodError(f"it is no ONNX file, or cut short ({first_line(error)})") from error
    told = {entry.key: entry.value for entry in model.metadata_props}
    options = json.loads(told[METADATA]) if METADATA in told else {}
    side = square_side(start(content).get_inputs()[0].shape)
    if side is not None:
        options["size"] = side
    return {**options, "bytes": len(content)}, {"encoder.program": program_bytes(content)}


def _content(encoder: OnnxEncoder) -> bytes:
    return bytes(encoder.get_buffer("program").cpu().numpy())
