"""Arrangement of jobs into arrays; needs no Slurm."""

from pathlib import Path

import pytest

from slurm.arrays import Array, arrange
from slurm.graph import Job


def job(name: str, *depends_on: str, afterany: bool = False) -> Job:
    """A job whose stage is the first letter of its name."""
    return Job(name, print, depends_on=depends_on, stage=name[0], afterany=afterany)


def described(jobs: list[Job], queued: dict[str, str] | None = None, pack: int = 1, max_size: int = 1000) -> list[str]:
    """One line per array: stage, members, dependency."""
    arrays = arrange(jobs, queued or {}, {"p": pack, "e": pack}, max_size)
    for position, array in enumerate(arrays):
        array.job_id = str(position)
    return [f"{array.stage} {_members(array)} {array.dependency}".strip() for array in arrays]


def _members(array: Array) -> str:
    return " ".join(f"{index}:{'+'.join(job.name for job in pack)}" for index, pack in sorted(array.members.items()))


def test_stages_depend_on_each_other_member_by_member() -> None:
    jobs = [job("pa"), job("pb"), job("ea", "pa"), job("eb", "pb")]
    tables = job("t", "pa", "pb", "ea", "eb", afterany=True)
    assert described([*jobs, tables]) == ["p 0:pa 1:pb", "e 0:ea 1:eb aftercorr:0", "t 0:t afterany:0:1"]


def test_dependencies_on_part_of_an_array_use_its_indices() -> None:
    """As for variants that start from the weights of others."""
    jobs = [job("pa"), job("pb"), job("pc"), job("pc2", "pc"), job("ec2", "pc2"), job("ea", "pa"), job("pc3", "pc")]
    assert described(jobs) == [
        "p 0:pa 1:pb 2:pc",
        "p 0:pc2 1:pc3 afterok:0_2",
        "e 0:ea aftercorr:0",
        "e 0:ec2 aftercorr:1",
    ]


def test_queued_jobs_are_depended_on_and_not_arranged() -> None:
    jobs = [job("pa"), job("pb"), job("ea", "pa"), job("eb", "pb"), job("t", "ea", "eb", afterany=True)]
    assert described(jobs, {"pb": "77_5"}) == [
        "p 0:pa",
        "e 5:eb aftercorr:77",
        "e 0:ea aftercorr:0",
        "t 0:t afterany:1:2",
    ]


def test_arrays_are_split_at_the_maximum_size() -> None:
    jobs = [job(f"p{number}") for number in range(5)] + [job(f"e{number}", f"p{number}") for number in range(5)]
    assert described(jobs, max_size=2) == [
        "p 0:p0 1:p1",
        "p 0:p2 1:p3",
        "p 0:p4",
        "e 0:e0 1:e1 aftercorr:0",
        "e 0:e2 1:e3 aftercorr:1",
        "e 0:e4 aftercorr:2",
    ]


def test_jobs_of_one_stage_and_the_same_dependencies_are_packed() -> None:
    jobs = [job(f"p{number}") for number in range(3)] + [job(f"e{number}", f"p{number}") for number in range(3)]
    assert described(jobs, pack=2) == ["p 0:p0+p1 1:p2", "e 0:e0+e1 1:e2 aftercorr:0"]


def test_members_are_named_where_indices_differ() -> None:
    jobs = [job("pa"), job("pb"), job("x", "pa", "pb"), job("y", "pa", "pb"), job("z", "pb")]
    assert described(jobs) == ["p 0:pa 1:pb", "x 0:x afterok:0_0:0_1", "y 0:y afterok:0_0:0_1", "z 1:z aftercorr:0"]


@pytest.mark.parametrize("jobs", [[job("a", "b"), job("b", "a")], [job("a", "nobody")], [job("a"), job("a")]])
def test_graphs_that_cannot_run_raise(jobs: list[Job], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="never start"):
        arrange(jobs, {}, {}, 10)
