"""A finished run's encoder for use elsewhere: ONNX, safetensors, and a card that says how to feed it."""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmark import __version__
from benchmark.config.variants import WeightsFolder
from benchmark.errors import DataError, UsageError, first_line
from benchmark.files import read_json, sha256, write_json, write_text
from benchmark.layout import CONFIG, COST, ENVIRONMENT
from benchmark.pipeline.frozen import Encoder, load_encoder
from benchmark.pipeline.import_weights import ORIGIN
from methods.onnx_model import METADATA
from methods.pretrained import PretrainedEncoder

ONNX, SAFETENSORS, CARD, PAGE = "encoder.onnx", "encoder.safetensors", "card.json", "README.md"
FORMATS = {"onnx": ONNX, "safetensors": SAFETENSORS}
OPSET = 18
TOLERANCE = 1e-4  # of the embeddings by ONNX Runtime, relative to the largest by torch
CARD_SCHEMA = 1
CODE = ("fab-bench", "commit", "dirty")  # keys of the code that a run was computed by (`provenance.code_version`)
AS_EXPORTED = {"mean": 0.0, "std": 1.0, "channels": "rgb", "output": "embeddings"}  # options of `fabbench import`


@dataclass(frozen=True)
class Exported:
    """The folder, its files, and how far ONNX Runtime's embeddings are from torch's, relative to the largest."""

    folder: Path
    files: list[Path]
    difference: float | None  # None without ONNX


def export(run: Path, folder: Path, formats: list[str]) -> Exported:
    """Writes the encoder of a run, or of imported weights, to a new folder.

    Args:
        run: folder of the run.
        folder: to be made. It appears when all is written.
        formats: of `FORMATS`.

    Raises:
        UsageError: the folder exists, a package is missing, or a ceiling.
        DataError: the run is not finished, a record of it is broken, or its encoder has no ONNX form.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists; choose another folder with --to, or remove it")
    for package in ("onnx", "onnxscript", "onnxruntime") if "onnx" in formats else ():
        if find_spec(package) is None:
            raise UsageError(
                f"ONNX needs the package {package}: pip install 'fab-bench[onnx]', or --format safetensors"
            )
    encoder = load_encoder(run)
    if encoder.size is None and isinstance(encoder.method.encoder, PretrainedEncoder):
        raise UsageError(f"{run}: the encoder was imported; its own file is what to pass on")
    card = describe(run, encoder)
    with _appearing(folder) as temporary:
        difference = None
        if "safetensors" in formats:
            weights = {name: value.contiguous() for name, value in encoder.method.encoder.state_dict().items()}
            save_file(weights, temporary / SAFETENSORS, metadata={METADATA: json.dumps(card["input"])})
        if "onnx" in formats:
            difference = _write_onnx(encoder, temporary / ONNX, card)
        files = [FORMATS[name] for name in FORMATS if name in formats]
        card |= {"files": {name: sha256(temporary / name) for name in files}, "onnx_difference": difference}
        write_json(temporary / CARD, card)
        write_text(temporary / PAGE, page(card))
    return Exported(folder, [folder / name for name in (*files, CARD, PAGE)], difference)


class _Network(nn.Module):
    """A method's embedding as a module, for tracing."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.method = encoder.method

    def forward(self, images: Tensor) -> Tensor:
        return self.method.embed(images).float()


def _write_onnx(encoder: Encoder, path: Path, card: dict[str, Any]) -> float:
    """Writes the program, and compares it with torch on batches of two sizes; returns the relative difference.

    Raises:
        DataError: the network has no ONNX form, or gives other embeddings.
    """
    import onnx
    import onnxruntime

    size = card["input"]["size"]
    network = _Network(encoder).eval()
    example = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    largest, difference = 0.0, 0.0
    try:
        with _quiet():
            torch.onnx.export(
                network,
                (example,),
                path,
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["embeddings"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
        model = onnx.load(path)
        seen = {"trained_on": card["trained_on"]["kind"]}
        onnx.helper.set_model_props(model, {METADATA: json.dumps(AS_EXPORTED | seen)})
        onnx.save(model, path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for count in (1, 5):
            images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(count))
            with torch.inference_mode():
                expected = network(images)
            (actual,) = session.run(None, {"images": images.numpy()})
            difference = max(difference, float((torch.from_numpy(actual) - expected).abs().max()))
            largest = max(largest, float(expected.abs().max()))
    except Exception as error:  # of the exporter, on a method of the user's own
        reason = first_line(error)
        raise DataError(f"this encoder has no ONNX form: {reason}; --format safetensors leaves it out") from error
    if difference > TOLERANCE * max(largest, 1e-6):
        raise DataError(f"ONNX Runtime gives other embeddings, by {difference:.1e} of {largest:.1e}; report this")
    return difference / max(largest, 1e-6)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter prints, logs and warns of."""
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def describe(run: Path, encoder: Encoder) -> dict[str, Any]:
    """The card as JSON values: how to feed the encoder, what it was trained on, and where it comes from."""
    about = WeightsFolder(run).description
    content = yaml.safe_load((run / CONFIG).read_text())
    imported = (run / ORIGIN).is_file()
    size = encoder.size or 224
    environment = _record(run / ENVIRONMENT) or {}
    method = encoder.method
    return {
        "schema": CARD_SCHEMA,
        "method": {
            "name": method.name,
            "version": method.version,
            "kind": method.kind,
            "summary": method.summary,
            "paper": method.paper,
            "options": about.options,
        },
        "input": {
            "shape": ["batch", 3, size, size],
            "size": size,
            "dtype": "float32",
            "range": [0.0, 1.0],
            "colour_order": "RGB",
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
            "resize": "bilinear with antialiasing, to size x size",
            "crop": "a square around one face, as in the data it was trained on; nothing is cut off it",
        },
        "output": {"name": "embeddings", "shape": ["batch", encoder.dim], "dtype": "float32", "normalised": False},
        "encoder": None if about.encoder is None else asdict(about.encoder),
        "trained_on": {
            "kind": WeightsFolder(run).trained_on if method.kind in ("method", "pretrained") else "nothing",
            "data": None if imported else content.get("data"),
            "data_hash": None if imported else content.get("data_hash"),
            "seed": content.get("seed"),
            "train": content.get("train"),
            "augment": content.get("augment"),
            "cost": _record(run / COST),
        },
        "provenance": {
            "run": run.resolve().name,
            "benchmark": content.get("benchmark"),
            "variant": content.get("variant"),
            "key": content.get("key"),
            "origin": _record(run / ORIGIN),
            "code": {key: environment.get(key) for key in CODE} if environment else None,
            "packages": environment.get("packages"),
            "fab-bench": __version__,
        },
    }


def _record(path: Path) -> Any:
    """The content of a JSON file of a run; None without it."""
    if not path.is_file():
        return None
    try:
        return read_json(path)
    except ValueError as error:
        raise DataError(f"{path}: cut short or altered; restore it, or run the benchmark again") from error


def page(card: dict[str, Any]) -> str:
    """The card as Markdown."""
    method, entry, output, seen = card["method"], card["input"], card["output"], card["trained_on"]
    origin = card["provenance"]
    source = f" ({method['paper']})" if method["paper"] else ""
    size, dim = entry["size"], output["shape"][1]
    lines = [
        f"# {origin['variant'] or method['name']}",
        "",
        f"Frozen encoder of faces, trained by `{method['name']}`{source}: {method['summary']}.",
        "",
        "| | |",
        "|:--|:--|",
        f"| input | float32 (batch, 3, {size}, {size}), {entry['colour_order']}, values in [0, 1] |",
        "| normalisation | none: mean 0, standard deviation 1 |",
        f"| crop | {entry['crop']} |",
        f"| resizing | {entry['resize']} |",
        f"| output | float32 (batch, {dim}), not normalised |",
        f"| trained on | {seen['kind']}{_data(seen)} |",
        f"| weights | {_provenance(origin, seen)} |",
        f"| fab-bench | {origin['fab-bench']} |",
        "",
    ]
    if ONNX in card["files"]:
        lines += [
            "```python",
            "import numpy as np",
            "import onnxruntime",
            "",
            f'session = onnxruntime.InferenceSession("{ONNX}", providers=["CPUExecutionProvider"])',
            f"faces = np.zeros((4, 3, {size}, {size}), np.float32)  # RGB in [0, 1]",
            '(embeddings,) = session.run(None, {"images": faces})',
            f"assert embeddings.shape == (4, {dim})",
            "```",
            "",
            f"Its embeddings differ from PyTorch's by {card['onnx_difference']:.1e} of the largest value, at most.",
            f"In fab-bench, `fabbench import {ONNX}` makes a row of it.",
            "",
        ]
    if SAFETENSORS in card["files"]:
        lines += [f"`{SAFETENSORS}` holds the encoder's weights by the names of its PyTorch module.", ""]
    lines.append(f"`{CARD}` says the same for programs, with settings, cost and versions.")
    return "\n".join(lines) + "\n"


def _provenance(origin: dict[str, Any], seen: dict[str, Any]) -> str:
    if origin["origin"]:
        return f"of `{origin['origin']['file']}`, SHA-256 {origin['origin']['sha256'][:16]}"
    return f"run `{origin['run']}` of benchmark `{origin['benchmark']}`, seed {seen['seed']}"


def _data(seen: dict[str, Any]) -> str:
    return f": `{seen['data']}` (content {seen['data_hash'][:10]})" if seen["data"] and seen["data_hash"] else ""


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder that becomes ``folder`` if the block ends without an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield temporary
        for file in temporary.iterdir():
            file.chmod(0o644)  # safetensors writes files that others cannot read
        temporary.chmod(0o755)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
