"""Fixtures for all tests."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm_lab.cluster import Lab
from tests.slurm_lab.shape import LabError

REQUIRED = "FABBENCH_LAB"  # environment variable: fail instead of skipping where the lab cannot start


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that use the cluster `slurm`, skip those marked nightly, and group them for parallel processes.

    pytest-xdist runs a group in one process: the tests of a file, which share fixtures. Each process has a cluster of
    its own. Files with tests on it take longest, and come first.
    """
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slurm)
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
        if item.get_closest_marker("nightly") and "nightly" not in config.option.markexpr:
            item.add_marker(pytest.mark.skip(reason="run with -m nightly"))
    items.sort(key=lambda item: item.get_closest_marker("slurm") is None)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A Slurm cluster of four nodes on this machine, selected by SLURM_CONF for this process and its children."""
    folder = Path(tempfile.mkdtemp(prefix="fabbench-lab-", dir="/tmp"))
    cluster = Lab(folder)
    try:
        cluster.shape.check()
    except LabError as error:
        if REQUIRED not in os.environ:
            pytest.skip(str(error))
        raise
    with cluster, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(cluster.conf))
        yield cluster
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def forget_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Lets users' files of several tests register the same name and import modules of the same name beside them.

    Those that were loaded are forgotten, and so are their folders on ``sys.path``.
    """
    temporary = tmp_path_factory.getbasetemp()

    def is_of_user(name: str) -> bool:
        file = getattr(sys.modules[name], "__file__", None)
        return name.startswith("fabbench_file_") or (file is not None and Path(file).is_relative_to(temporary))

    def forget() -> None:
        for name in [*filter(is_of_user, [*sys.modules])]:
            del sys.modules[name]
        sys.path[:] = [entry for entry in sys.path if not Path(entry).is_relative_to(temporary)]

    forget()
    yield
    forget()
