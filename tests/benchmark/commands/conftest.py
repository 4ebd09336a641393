"""A finished tiny benchmark that tests of commands read, or copy and break."""

import shutil
from pathlib import Path

import pytest

from tests.benchmark.tiny import call, settings


@pytest.fixture(scope="package")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished benchmark and its cache, not to be changed."""
    folder = tmp_path_factory.mktemp("done")
    finished = call("run", *settings(folder))
    assert finished.code == 0, finished.err
    return folder


@pytest.fixture
def store(done: Path, tmp_path: Path) -> Path:
    """A copy of its track store."""
    shutil.copytree(next((done / "cache" / "tracks").iterdir()), tmp_path / "store")
    return tmp_path / "store"
