"""A method with the weights of a folder: of a run, or of `fabbench import`."""

from pathlib import Path

import torch

from benchmark.config.schema import Config, EncoderConfig
from benchmark.config.variants import WeightsFolder, encoder_spec
from benchmark.errors import DataError, UsageError, first_line, suggestion
from benchmark.layout import BENCHMARK, CONFIG, WEIGHTS
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.train.weights import load_method
from methods.base import Method
from methods.errors import MethodError
from methods.registry import get


def run_folders(name: str, config: Config) -> list[Path]:
    """Folders of one variant and seed: several for a ceiling, which has a run for each task.

    Args:
        name: such as ``fabnet/seed0``.
        config: says which benchmark.

    Raises:
        UsageError: no such run.
    """
    folder = Path(config.out, config.name)
    runs = BenchmarkRecord.read(folder).runs if (folder / BENCHMARK).is_file() else []
    folders: dict[str, list[Path]] = {}
    for run in runs:
        folders.setdefault(f"{run.variant}/seed{run.seed}", []).append(Path(config.out, run.run))
    if name not in folders:
        raise UsageError(f"no run {name!r} of benchmark {config.name} in {config.out}{suggestion(name, folders)}")
    return folders[name]


def saved_method_class(folder: Path) -> type[Method]:
    """The method that a folder's weights belong to.

    Raises:
        DataError: the folder's description is missing or unreadable, or the method is unknown.
    """
    try:
        return get(WeightsFolder(folder).description.method)
    except MethodError as error:
        raise DataError(f"{folder / CONFIG}: {error}") from error


def load_saved_method(folder: Path, encoder: EncoderConfig, size: int) -> Method:
    """The method with the weights of a folder, in evaluation mode.

    Args:
        folder: of a run or of imported weights.
        encoder: the common encoder, for a method with a network of its own, whose folder does not name one.
        size: side of its input in pixels, likewise.

    Raises:
        DataError: the method cannot be built, or its weights are missing, broken, of another method or not finite.
    """
    about = WeightsFolder(folder).description
    encoder = about.encoder or encoder
    method_class = saved_method_class(folder)
    try:
        method = method_class(encoder_spec(encoder, about.size or size), about.options)
    except Exception as error:  # whatever a user's own method raises
        raise DataError(f"{folder / CONFIG}: {about.method} cannot be built: {first_line(error)}") from error
    load_method(method, folder)
    for key, value in method.state_dict().items():
        if not torch.isfinite(value).all():
            raise DataError(f"{folder / WEIGHTS}: {key} is not finite")
    return method.eval()
