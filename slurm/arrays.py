"""Which jobs become which member of which job array, and what each array waits for.

A job takes the index of the job it comes after. So one array can wait for another member by member (``aftercorr``),
whatever part of it is still to be done; where indices cannot agree, an array waits for the members it names
(``afterok``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slurm.graph import Job, ordered


@dataclass(eq=False)
class Array:
    """Members by index, each one job or several packed together. ``number`` is Slurm's, once it is submitted."""

    stage: str
    depends_on: "frozenset[Member]"
    elementwise: bool
    afterany: bool
    members: dict[int, tuple[Job, ...]] = field(default_factory=dict)
    number: str = ""

    @property
    def dependency(self) -> str:
        """Slurm's words for what it waits for; the arrays it waits for must have their numbers."""
        if not self.depends_on:
            return ""
        if self.elementwise or self.afterany:
            kind, names = (
                "afterany" if self.afterany else "aftercorr",
                {member.array.number for member in self.depends_on},
            )
        else:
            kind, names = "afterok", {str(member) for member in self.depends_on}
        return f"{kind}:{':'.join(sorted(names))}"


@dataclass(frozen=True)
class Member:
    """One place of an array."""

    array: Array
    index: int

    def __str__(self) -> str:
        return f"{self.array.number}_{self.index}"


def arrange(jobs: Sequence[Job], queued: Mapping[str, str], packs: Mapping[str, int], limit: int) -> list[Array]:
    """Puts jobs into arrays, in an order in which they can be submitted.

    Args:
        jobs: the whole of what is not done, with what is queued already.
        queued: Slurm's number_index of jobs that are in the queue; they are left there.
        packs: by stage, how many jobs share one allocation.
        limit: what indices stay below.

    Raises:
        ValueError: as from `ordered`.
    """
    earlier: dict[str, Array] = {}
    places: dict[str, Member] = {}
    for name, job in queued.items():
        number, _, index = job.partition("_")
        array = earlier.setdefault(number, Array("", frozenset(), False, False, number=number))
        places[name] = Member(array, int(index))
    arrays: list[Array] = []
    waiting = [job for job in ordered(jobs) if job.name not in places]
    while waiting:
        wave = [job for job in waiting if all(name in places for name in job.depends_on)]
        waiting = [job for job in waiting if job not in wave]
        for pack in _packs(wave, places, packs):
            member = _place(pack, places, arrays, limit)
            places |= {job.name: member for job in pack}
    return arrays


def _packs(wave: list[Job], places: Mapping[str, Member], sizes: Mapping[str, int]) -> Iterator[tuple[Job, ...]]:
    alike: dict[object, list[Job]] = {}
    for job in wave:
        parents = frozenset(places[name].array for name in job.depends_on)
        alike.setdefault((job.stage, job.afterany, parents), []).append(job)
    for jobs in alike.values():
        size = sizes.get(jobs[0].stage, 1)
        for start in range(0, len(jobs), size):
            yield tuple(jobs[start : start + size])


def _place(pack: tuple[Job, ...], places: Mapping[str, Member], arrays: list[Array], limit: int) -> Member:
    """The first array with the same needs that has room, at the index of what ``pack`` comes after."""
    parents = frozenset(places[name] for job in pack for name in job.depends_on)
    indices = {member.index for member in parents}
    elementwise = len(indices) == 1 and not pack[0].afterany
    needs = frozenset(member.array for member in parents) if elementwise else parents
    for array in arrays:
        same = array.stage == pack[0].stage and array.afterany == pack[0].afterany
        if same and array.elementwise == elementwise and _needs(array) == needs:
            index = min(indices) if elementwise else len(array.members)
            if index < limit and index not in array.members:
                break
    else:
        array = Array(pack[0].stage, parents, elementwise, pack[0].afterany)
        arrays.append(array)
        index = min(indices) if elementwise else 0
    array.members[index] = pack
    if elementwise:
        array.depends_on |= parents
    return Member(array, index)


def _needs(array: Array) -> frozenset[object]:
    return frozenset(member.array for member in array.depends_on) if array.elementwise else array.depends_on
