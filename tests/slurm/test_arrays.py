"""Which jobs become which members of which arrays; no Slurm needed."""

from pathlib import Path

import pytest

from slurm.arrays import Array, arrange
from slurm.graph import Job


def job(name: str, *after: str, afterany: bool = False) -> Job:
    """A job whose stage is the first letter of its name."""
    return Job(name, print, depends_on=after, stage=name[0], afterany=afterany)


def told(jobs: list[Job], queued: dict[str, str] | None = None, pack: int = 1, limit: int = 1000) -> list[str]:
    """Each array in one line: stage, members, dependency."""
    arrays = arrange(jobs, queued or {}, {"p": pack, "e": pack}, limit)
    for number, array in enumerate(arrays):
        array.number = str(number)
    return [f"{array.stage} {_members(array)} {array.dependency}".strip() for array in arrays]


def _members(array: Array) -> str:
    return " ".join(f"{index}:{'+'.join(one.name for one in jobs)}" for index, jobs in sorted(array.members.items()))


def test_stages_wait_for_each_other_member_by_member() -> None:
    jobs = [job("pa"), job("pb"), job("ea", "pa"), job("eb", "pb")]
    everything = job("t", "pa", "pb", "ea", "eb", afterany=True)
    assert told([*jobs, everything]) == ["p 0:pa 1:pb", "e 0:ea 1:eb aftercorr:0", "t 0:t afterany:0:1"]


def test_a_part_of_an_array_is_waited_for_by_its_own_indices() -> None:
    """Such as variants that start from the weights of others."""
    jobs = [job("pa"), job("pb"), job("pc"), job("pc2", "pc"), job("ec2", "pc2"), job("ea", "pa"), job("pc3", "pc")]
    assert told(jobs) == [
        "p 0:pa 1:pb 2:pc",
        "p 2:pc2 aftercorr:0",
        "p 2:pc3 aftercorr:0",
        "e 0:ea aftercorr:0",
        "e 2:ec2 aftercorr:1",
    ]


def test_what_is_queued_is_waited_for_and_not_submitted() -> None:
    jobs = [job("pa"), job("pb"), job("ea", "pa"), job("eb", "pb"), job("t", "ea", "eb", afterany=True)]
    assert told(jobs, {"pb": "77_5"}) == [
        "p 0:pa",
        "e 5:eb aftercorr:77",
        "e 0:ea aftercorr:0",
        "t 0:t afterany:1:2",
    ]


def test_arrays_are_split_below_the_largest_index() -> None:
    jobs = [job(f"p{number}") for number in range(5)] + [job(f"e{number}", f"p{number}") for number in range(5)]
    assert told(jobs, limit=2) == [
        "p 0:p0 1:p1",
        "p 0:p2 1:p3",
        "p 0:p4",
        "e 0:e0 1:e1 aftercorr:0",
        "e 0:e2 1:e3 aftercorr:1",
        "e 0:e4 aftercorr:2",
    ]


def test_jobs_are_packed_with_their_like() -> None:
    jobs = [job(f"p{number}") for number in range(3)] + [job(f"e{number}", f"p{number}") for number in range(3)]
    assert told(jobs, pack=2) == ["p 0:p0+p1 1:p2", "e 0:e0+e1 1:e2 aftercorr:0"]


def test_where_indices_differ_members_are_waited_for_by_name() -> None:
    jobs = [job("pa"), job("pb"), job("x", "pa", "pb"), job("y", "pa", "pb"), job("z", "pb")]
    assert told(jobs) == ["p 0:pa 1:pb", "x 0:x afterok:0_0:0_1", "y 0:y afterok:0_0:0_1", "z 1:z aftercorr:0"]


@pytest.mark.parametrize("jobs", [[job("a", "b"), job("b", "a")], [job("a", "nobody")], [job("a"), job("a")]])
def test_graphs_that_cannot_run_are_refused(jobs: list[Job], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="never start"):
        arrange(jobs, {}, {}, 10)
