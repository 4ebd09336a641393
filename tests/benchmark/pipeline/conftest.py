"""A finished tiny benchmark and its data, shared by the tests of the pipeline."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.config.load import load
from benchmark.pipeline.preparation import prepare_data
from tests.benchmark.tiny import FULL, Finished, call, settings


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cache in which the tiny data are made once."""
    folder = tmp_path_factory.mktemp("cache")
    prepare_data(load(settings(folder, cache=folder)))
    return folder


@pytest.fixture(scope="session")
def launched(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, Finished]:
    """A finished benchmark, not to be changed, and how its command ended."""
    place = tmp_path_factory.mktemp("launched")
    return place, call("run", *settings(place, *FULL, cache=cache))


@pytest.fixture
def again(launched: tuple[Path, Finished], tmp_path: Path, cache: Path) -> Callable[..., Finished]:
    """Launches the finished benchmark once more, on a copy in ``tmp_path``, with more settings."""
    shutil.copytree(launched[0] / "runs", tmp_path / "runs")
    return lambda *more: call("run", *settings(tmp_path, *FULL, *more, cache=cache))
