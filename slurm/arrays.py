"""Arrangement of jobs into job arrays, and the dependencies between arrays.

A job takes the array index of the job it depends on. One array can then depend on another element by element
(``aftercorr``), whichever elements are still to be done. Where the indices differ, or several jobs of a stage depend on
the same one, an array depends on the members it names (``afterok``).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slurm.graph import Job, ordered


@dataclass(eq=False)
class Array:
    """One job array of one stage.

    Attributes:
        stage: stage of all its jobs.
        depends_on: members of other arrays that must end first.
        elementwise: each member depends only on the members with its own index.
        afterany: the dependencies may also have failed.
        members: jobs by array index; several jobs at one index share an allocation.
        job_id: Slurm's id of the array, empty before submission.
    """

    stage: str
    depends_on: "frozenset[Element]" = frozenset()
    elementwise: bool = False
    afterany: bool = False
    members: dict[int, tuple[Job, ...]] = field(default_factory=dict)
    job_id: str = ""

    @property
    def dependency(self) -> str:
        """Value of sbatch's ``--dependency``, empty without dependencies.

        The arrays it depends on must have been submitted.
        """
        if not self.depends_on:
            return ""
        array_ids = {member.array.job_id for member in self.depends_on}
        if self.afterany:
            return f"afterany:{':'.join(sorted(array_ids))}"
        if self.elementwise:
            return f"aftercorr:{':'.join(sorted(array_ids))}"
        return f"afterok:{':'.join(sorted(member.job_id for member in self.depends_on))}"

    @property
    def parent_arrays(self) -> "frozenset[Array]":
        """The arrays whose members it depends on."""
        return frozenset(member.array for member in self.depends_on)


@dataclass(frozen=True)
class Element:
    """One element of an array."""

    array: Array
    index: int

    @property
    def job_id(self) -> str:
        """Slurm's ``<array id>_<index>``."""
        return f"{self.array.job_id}_{self.index}"


def arrange(jobs: Sequence[Job], queued: Mapping[str, str], packs: Mapping[str, int], max_size: int) -> list[Array]:
    """Arrange jobs into arrays.

    Args:
        jobs: every job that is not done, including those in the queue.
        queued: Slurm's job id by name, for the jobs that are in the queue. They are depended on, not arranged.
        packs: jobs per allocation, by stage.
        max_size: exclusive upper bound of array indices (Slurm's ``MaxArraySize``).

    Returns:
        The arrays, each after those it depends on.

    Raises:
        ValueError: as `ordered`.
    """
    members = _queued_members(queued)
    arrays: list[Array] = []
    remaining = [job for job in ordered(jobs) if job.name not in members]
    while remaining:
        ready = [job for job in remaining if all(name in members for name in job.depends_on)]
        taken = {job.name for job in ready}
        remaining = [job for job in remaining if job.name not in taken]
        allocations = list(_packs(ready, members, packs))
        parents = [frozenset(members[name] for job in pack for name in job.depends_on) for pack in allocations]
        siblings = Counter((pack[0].stage, each) for pack, each in zip(allocations, parents, strict=True))
        for pack, each in zip(allocations, parents, strict=True):
            member = _add(pack, each, siblings[pack[0].stage, each] > 1, arrays, max_size)
            members |= {job.name: member for job in pack}
    return arrays


def _queued_members(queued: Mapping[str, str]) -> dict[str, Element]:
    arrays: dict[str, Array] = {}
    members: dict[str, Element] = {}
    for name, job_id in queued.items():
        array_id, _, index = job_id.partition("_")
        array = arrays.setdefault(array_id, Array(stage="", job_id=array_id))
        members[name] = Element(array, int(index))
    return members


def _packs(ready: list[Job], members: Mapping[str, Element], sizes: Mapping[str, int]) -> Iterator[tuple[Job, ...]]:
    """Groups of jobs that share an allocation: same stage, same parent arrays, at most the stage's pack size."""
    groups: dict[object, list[Job]] = {}
    for job in ready:
        parent_arrays = frozenset(members[name].array for name in job.depends_on)
        groups.setdefault((job.stage, job.afterany, parent_arrays), []).append(job)
    for jobs in groups.values():
        size = sizes.get(jobs[0].stage, 1)
        for start in range(0, len(jobs), size):
            yield tuple(jobs[start : start + size])


def _add(
    pack: tuple[Job, ...], parents: frozenset[Element], shared: bool, arrays: list[Array], max_size: int
) -> Element:
    """Add a pack to the first array with the same dependencies and a free index, or to a new one.

    ``shared``: other packs of its stage have the same parents, so that it cannot take their index.
    """
    stage, afterany = pack[0].stage, pack[0].afterany
    parent_indices = {parent.index for parent in parents}
    elementwise = len(parent_indices) == 1 and not shared and not afterany
    candidates = [
        array for array in arrays if (array.stage, array.afterany, array.elementwise) == (stage, afterany, elementwise)
    ]
    if elementwise:
        index = parent_indices.pop()
        parent_arrays = frozenset(parent.array for parent in parents)
        fitting = [array for array in candidates if array.parent_arrays == parent_arrays and index not in array.members]
    else:
        fitting = [array for array in candidates if array.depends_on == parents and len(array.members) < max_size]
        index = len(fitting[0].members) if fitting else 0
    if fitting:
        array = fitting[0]
    else:
        array = Array(stage, parents, elementwise, afterany)
        arrays.append(array)
    array.members[index] = pack
    array.depends_on |= parents
    return Element(array, index)
