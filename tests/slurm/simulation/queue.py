"""Jobs in the simulated queue, and what their dependencies mean."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from slurm.member import read_bundle

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL")


@dataclass(eq=False)
class Array:
    """A submitted job array.

    Attributes:
        id: Slurm's job id.
        script: path of the batch script.
        options: its ``#SBATCH`` lines.
        elements: members by index.
        foreign: it is not of the benchmark under test.
    """

    id: int
    script: Path
    options: dict[str, str]
    elements: "dict[int, Element]" = field(default_factory=dict)
    foreign: bool = False

    @property
    def throttle(self) -> int:
        """Members that may run at the same time."""
        return int(self.options["array"].partition("%")[2] or len(self.elements))

    @property
    def alive(self) -> "list[Element]":
        return [element for element in self.elements.values() if element.state not in ENDED]


@dataclass(eq=False)
class Element:
    """One member of an array.

    Attributes:
        array: its array.
        index: its array index.
        names: jobs of ours that it runs.
        state: as squeue shows it, or how it ended.
        following: state after COMPLETING.
        since: virtual time at which the state began.
        eligible: virtual time before which a requeued job does not start.
        node: number of its node while it runs.
        restarts: how often it was requeued.
        noticed: it has received a notice that its process has not seen.
        impossible: a dependency has failed.
    """

    array: Array
    index: int
    names: tuple[str, ...]
    state: str = "PENDING"
    following: str = ""
    since: float = 0.0
    eligible: float = 0.0
    node: int | None = None
    restarts: int = 0
    noticed: bool = False
    impossible: bool = False

    @property
    def id(self) -> str:
        return f"{self.array.id}_{self.index}"


def read_script(number: int, script: Path) -> Array:
    """Read a batch script of submitit, and the bundle written just before it."""
    lines = [line for line in script.read_text().splitlines() if line.startswith("#SBATCH --")]
    words = [shlex.split(line.removeprefix("#SBATCH --"))[0] for line in lines]
    options = {key: value for key, _, value in (word.partition("=") for word in words)}
    array = Array(number, script, options)
    bundles = sorted(script.parent.glob("*.bundle"), key=lambda path: int(path.stem.rpartition("-")[2]))
    calls = read_bundle(bundles[-1]) if bundles else {}
    for index in expand(options["array"]):
        names = tuple(call.name for call in calls.get(index, []))
        array.elements[index] = Element(array, index, names)
    return array


def expand(indices: str) -> list[int]:
    """Array indices from sbatch's notation."""
    expanded: list[int] = []
    for part in indices.partition("%")[0].split(","):
        first, _, last = part.partition("-")
        expanded += range(int(first), int(last or first) + 1)
    return expanded


def dependency(element: Element, arrays: dict[int, Array]) -> bool | None:
    """Whether an element's dependencies hold; None if they never will.

    A job that Slurm has forgotten counts as ended well.
    """
    kind, _, rest = element.array.options.get("dependency", "").partition(":")
    states: list[str] = []
    for job_id in rest.split(":") if rest else []:
        number, _, index = job_id.partition("_")
        if int(number) not in arrays:
            continue
        parent = arrays[int(number)]
        if kind == "aftercorr":
            assert element.index in parent.elements, f"{element.id} waits for an element that does not exist"
            states.append(parent.elements[element.index].state)
        elif index:
            states.append(parent.elements[int(index)].state)
        else:
            states += [each.state for each in parent.elements.values()]
    if kind != "afterany" and any(state in ENDED and state != "COMPLETED" for state in states):
        return None
    return all(state in ENDED for state in states)
