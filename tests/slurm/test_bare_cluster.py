"""Submission on a cluster without accounting, with ``JobRequeue=0`` and with small arrays."""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from slurm.commands import sacct, scancel, squeue
from slurm.graph import Job
from tests.slurm.calls import SMALL, count, empty, hold, launch, wait, write
from tests.slurm.test_submission import created, job_id
from tests.slurm_lab.cluster import Lab
from tests.slurm_lab.shape import Shape


@pytest.fixture(scope="module", autouse=True)
def bare(lab: Lab) -> Iterator[Lab]:
    with (
        tempfile.TemporaryDirectory(prefix="fabbench-", dir="/tmp") as folder,
        Lab(Path(folder, "lab"), Shape(nodes=2, accounting=False, requeue=False, max_array=4)) as cluster,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(cluster.conf))
        yield cluster


def test_arrays_larger_than_the_limit_of_the_cluster_are_split(tmp_path: Path) -> None:
    jobs = [Job(f"p{n}", write, (str(tmp_path / f"p{n}"),), stage="first") for n in range(10)]
    jobs += [Job(f"e{n}", write, (str(tmp_path / f"e{n}"),), (f"p{n}",), "second") for n in range(10)]
    jobs += [Job("t", write, (str(tmp_path / "t"),), tuple(job.name for job in jobs), "tables", afterany=True)]
    assert [len(array.members) for array in launch(tmp_path, jobs).arrays] == [4, 4, 2, 4, 4, 2, 1]
    wait(empty)
    assert created(tmp_path) == {job.name for job in jobs}


def test_a_job_continues_after_a_notice_and_after_the_death_of_its_node(bare: Lab, tmp_path: Path) -> None:
    jobs = [Job(name, count, (str(tmp_path / name), 40, 0.25)) for name in ("notice", "node")]
    launch(tmp_path, jobs, replace(SMALL, cpus_per_task=4))
    wait(lambda: {"notice", "node"} <= created(tmp_path))
    node = squeue()[job_id(tmp_path, "node")].node
    subprocess.run(["scancel", "--signal=USR2", job_id(tmp_path, "notice")], check=True)
    bare.kill_node(node)
    subprocess.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"], check=True)
    bare.start_node(node)
    wait(empty)
    assert [(tmp_path / job.name).read_text() for job in jobs] == ["40", "40"]


def test_a_cancelled_job_leaves_the_queue_and_can_be_launched_again(tmp_path: Path) -> None:
    jobs = [Job("p", hold, (str(tmp_path / "p"),))]
    launch(tmp_path, jobs)
    wait((tmp_path / "p").exists)
    scancel([job_id(tmp_path, "p")])
    wait(empty)
    assert sacct([job_id(tmp_path, "p")]) is None, "this cluster has no accounting"
    (tmp_path / "p.go").touch()
    assert launch(tmp_path, jobs).queued == {}
    wait(empty)
