"""A cluster with no accounting, no requeueing of its own accord, and small arrays."""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from slurm.commands import sacct, scancel, squeue
from slurm.graph import Job
from tests.slurm.calls import SMALL, count, empty, hold, launch, wait, write
from tests.slurm.test_submission import entry, made
from tests.slurm_lab.cluster import Lab
from tests.slurm_lab.shape import Shape


@pytest.fixture(scope="module", autouse=True)
def bare(lab: Lab) -> Iterator[Lab]:
    with (
        tempfile.TemporaryDirectory(prefix="fabbench-", dir="/tmp") as place,
        Lab(Path(place, "lab"), Shape(nodes=2, accounting=False, requeue=False, max_array=4)) as cluster,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(cluster.conf))
        yield cluster


def test_arrays_larger_than_the_cluster_allows_are_split(tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", write, (str(tmp_path / f"p{n}"),), stage="first") for n in range(10)]
    jobs += [Job(f"e{n}", write, (str(tmp_path / f"e{n}"),), (f"p{n}",), "second") for n in range(10)]
    jobs += [Job("t", write, (str(tmp_path / "t"),), tuple(one.name for one in jobs), "tables", afterany=True)]
    assert [len(array.members) for array in launch(tmp_path, jobs).arrays] == [4, 4, 2, 4, 4, 2, 1]
    wait(empty)
    assert made(tmp_path) == {one.name for one in jobs}


def test_a_job_goes_on_after_a_notice_and_after_its_node_has_died(bare: Lab, tmp_path: Path) -> None:
    jobs = [Job(name, count, (str(tmp_path / name), 40, 0.25)) for name in ("notice", "node")]
    launch(tmp_path, jobs, replace(SMALL, cpus=4))
    wait(lambda: {"notice", "node"} <= made(tmp_path))
    on = squeue()[entry(tmp_path, "node")].node
    subprocess.run(["scancel", "--signal=USR2", entry(tmp_path, "notice")], check=True)
    bare.kill_node(on)
    subprocess.run(["scontrol", "update", f"NodeName={on}", "State=DOWN", "Reason=test"], check=True)
    bare.start_node(on)
    wait(empty)
    assert [(tmp_path / one.name).read_text() for one in jobs] == ["40", "40"]


def test_a_cancelled_job_is_gone_and_can_be_launched_again(tmp_path: Path) -> None:
    jobs = [Job("p", hold, (str(tmp_path / "p"),))]
    launch(tmp_path, jobs)
    wait((tmp_path / "p").exists)
    scancel([entry(tmp_path, "p")])
    wait(empty)
    assert sacct([entry(tmp_path, "p")]) is None, "there is no accounting to ask"
    (tmp_path / "p.go").touch()
    assert launch(tmp_path, jobs).queued == []
    wait(empty)
