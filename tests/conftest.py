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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that use the cluster `slurm`, skip those marked nightly, and group them for parallel processes.

    pytest-xdist runs a group in one process: the tests on the one cluster, and else those of a file, which share
    fixtures. Those on the cluster take longest, and come first.
    """
    for item in items:
        on_cluster = "lab" in getattr(item, "fixturenames", ())
        if on_cluster:
            item.add_marker(pytest.mark.slurm)
        item.add_marker(pytest.mark.xdist_group("lab" if on_cluster else item.nodeid.partition("::")[0]))
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
def forget_files() -> Iterator[None]:
    """Lets users' files of several tests register the same name, by forgetting those that were loaded."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.startswith("fabbench_file_")]:
            del sys.modules[name]

    forget()
    yield
    forget()
