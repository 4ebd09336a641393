"""A Slurm cluster of four nodes in this process, on a virtual clock."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from slurm.commands import SlurmError
from tests.slurm.simulation.queue import ENDED, Array, Element, dependency, read_script

NODES = 4
FIRST_JOB = 1
BEAT_SECONDS = 10.0
MIN_JOB_AGE = 300.0  # seconds for which Slurm remembers a job that has ended
REQUEUE_SECONDS = 120.0  # before which a requeued job does not start
KILL_SECONDS = 30.0  # after which a cancelled job has ended

RunProcess = Callable[["Cluster", Element, int, bool], str | None]


class Cluster:
    """The controller, its nodes and its commands.

    Args:
        seed: of the order in which things happen by themselves.
        max_array: MaxArraySize.
        run_process: runs the process of an element for some steps and returns the state in which it ended, None if it
            goes on. The last argument lets it crash.

    Attributes:
        now: virtual time, seconds.
        arrays: arrays that Slurm remembers, by id.
        trouble: what happens to the next calls of Slurm's commands, each one of TROUBLE or empty.
        cut: number of characters that are missing at the end of a half answer; 0 for a random number.
    """

    TROUBLE = ("silent", "lost", "late", "half")

    def __init__(self, seed: int, max_array: int, run_process: RunProcess):
        self.random = Random(seed)
        self.max_array = max_array
        self.run_process = run_process
        self.now = 0.0
        self.next_job = FIRST_JOB
        self.arrays: dict[int, Array] = {}
        self.trouble: list[str] = []
        self.cut = 0
        self.dead_nodes: set[int] = set()

    @property
    def elements(self) -> list[Element]:
        """Every element of the benchmark that has not ended."""
        return [element for array in self.arrays.values() for element in array.alive if not array.foreign]

    @property
    def running(self) -> list[Element]:
        return [element for element in self.elements if element.state == "RUNNING"]

    def add_foreign_job(self) -> Element:
        """Add a running job of another benchmark with the same name."""
        script = Path("/elsewhere/slurm/20260101-000000-abcdefgh/.submission_file.sh")
        array = Array(self.next_job, script, {"job-name": "bench-pretrain", "array": "0"}, foreign=True)
        array.elements[0] = Element(array, 0, (), state="RUNNING")
        self.arrays[array.id] = array
        self.next_job += 1
        return array.elements[0]

    # What Slurm's commands do.

    def call(self, program: str, *arguments: str) -> str:
        """Answer of a command.

        Raises:
            SlurmError: it fails.
        """
        trouble = self.trouble.pop(0) if self.trouble else ""
        if trouble == "late":
            self.advance(self.random.choice((5.0, 30.0, 59.0)))
        if trouble == "silent":
            raise SlurmError("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
        answer = self._answer(program, arguments)
        if trouble == "lost":
            raise SlurmError(f"{program}: Socket timed out on send/recv operation")
        if trouble == "half" and answer:
            # A list cut between two records looks like a shorter one. Slurm fails if it has not got the whole list.
            cut = self.cut or self.random.randrange(1, len(answer))
            return answer[:-cut].rstrip("\x1e\n")
        return answer

    def _answer(self, program: str, arguments: tuple[str, ...]) -> str:
        if program == "squeue":
            return "".join(self._record(element) for array in self.arrays.values() for element in array.alive)
        if program == "scancel":
            for job_id in arguments:
                self._scancel(job_id)
            return ""
        if program == "sbatch":
            return f"Submitted batch job {self._sbatch(Path(arguments[0]))}"
        assert program == "scontrol", program
        return f"MaxArraySize            = {self.max_array}\n"

    def _record(self, element: Element) -> str:
        node = f"n{element.node}" if element.node is not None else ""
        options = element.array.options
        fields = (
            element.id,
            element.state,
            node,
            self._reason(element),
            options["job-name"],
            str(element.array.script),
        )
        return "\x1f".join(fields) + "\x1e\n"

    def _reason(self, element: Element) -> str:
        if element.state != "PENDING":
            return "None"
        if element.impossible:
            return "DependencyNeverSatisfied"
        if element.eligible > self.now:
            return "BeginTime"
        return "Priority" if dependency(element, self.arrays) else "Dependency"

    def _scancel(self, job_id: str) -> None:
        number, _, index = job_id.partition("_")
        if int(number) not in self.arrays:
            raise SlurmError(f"scancel: error: Kill job error on job id {job_id}: Invalid job id specified")
        self.cancel(self.arrays[int(number)].elements[int(index)])

    def _sbatch(self, script: Path) -> int:
        array = read_script(self.next_job, script)
        if max(array.elements) >= self.max_array:
            raise SlurmError("sbatch: error: Batch job submission failed: Invalid job array specification")
        self.arrays[array.id] = array
        self.next_job += 1
        return array.id

    # What happens by itself.

    def advance(self, seconds: float) -> None:
        """Let time pass: jobs start, make steps and end."""
        while seconds > 0:
            self.now += min(seconds, BEAT_SECONDS)
            seconds -= BEAT_SECONDS
            self.schedule()
            for element in self.elements:
                # A process that is told to end may still do something.
                if element.state in ("RUNNING", "COMPLETING") and self.random.random() < 0.7:
                    self.work(element, self.random.choice((1, 2, 9)))

    def run_until_empty(self) -> None:
        """Let time pass until the queue is empty."""
        self.dead_nodes.clear()
        for _ in range(1000):
            if not self.elements:
                return
            self.advance(60.0)
        raise AssertionError(f"never ends: {[(each.id, each.state, self._reason(each)) for each in self.elements]}")

    def schedule(self) -> None:
        """End what is completing, settle dependencies, start what is ready, and forget what has ended."""
        for element in self.elements:
            if element.state == "COMPLETING" and self.now >= element.since + KILL_SECONDS:
                self._leave(element)
        for element in self.elements:
            if element.state == "PENDING":
                self._settle(element)
        for element in self._ready():
            free = set(range(NODES)) - self.dead_nodes - {each.node for each in self.elements if each.node is not None}
            if not free:
                break
            element.state, element.node, element.since = "RUNNING", min(free), self.now
            others = {
                name for each in self.elements if each.node is not None and each is not element for name in each.names
            }
            assert others.isdisjoint(element.names), f"running twice: {others & set(element.names)}"
        for array in list(self.arrays.values()):
            if all(each.state in ENDED and each.since + MIN_JOB_AGE < self.now for each in array.elements.values()):
                del self.arrays[array.id]

    def _settle(self, element: Element) -> None:
        """Notice that a dependency has failed, and later cancel the job, as kill-on-invalid-dep asks."""
        if element.impossible and element.array.options.get("kill-on-invalid-dep") == "yes":
            self.end(element, "CANCELLED")
        element.impossible = dependency(element, self.arrays) is None

    def _ready(self) -> Iterator[Element]:
        """Elements that may start, considering those that have started before them."""
        for element in self.elements:
            busy = [each for each in element.array.alive if each.node is not None]
            if (
                element.state == "PENDING"
                and element.eligible <= self.now
                and len(busy) < element.array.throttle
                and dependency(element, self.arrays)
            ):
                yield element

    def work(self, element: Element, steps: int, crash: bool = False) -> None:
        """Let a running element's process make some steps, or crash."""
        if element.state == "COMPLETING" and element.following in ENDED[:2]:
            return  # it has left of itself
        state = self.run_process(self, element, steps, crash)
        if state is not None and element.state == "RUNNING":
            self._complete(element, state, seconds=self.random.choice((0.0, 5.0)))

    # What befalls jobs.

    def cancel(self, element: Element) -> None:
        """Remove an element from the queue; a running one ends some seconds later."""
        if element.state == "PENDING":
            self.end(element, "CANCELLED")
        elif element.state not in ENDED:
            self._complete(element, "CANCELLED")

    def requeue(self, element: Element) -> None:
        """Put a running element back into the queue, as preemption, `scontrol requeue` and a lost node do."""
        if element.state == "RUNNING":
            self._complete(element, "PENDING", seconds=self.random.choice((0.0, KILL_SECONDS)))

    def lose_node(self, node: int) -> None:
        """End the processes of a node at once, and requeue its jobs."""
        self.dead_nodes.add(node)
        for element in self.elements:
            if element.node == node:
                self._complete(element, element.following or "PENDING", seconds=0.0)

    def reset(self) -> None:
        """Lose the controller's state with all jobs: ids come again."""
        self.arrays.clear()
        self.next_job = FIRST_JOB

    def end(self, element: Element, state: str) -> None:
        """Remove an element from the queue."""
        element.state, element.node, element.since = state, None, self.now

    def _complete(self, element: Element, following: str, seconds: float = KILL_SECONDS) -> None:
        """Begin to end a process; it is gone after some seconds."""
        element.following = following
        if element.state != "COMPLETING":
            element.state, element.since = "COMPLETING", self.now + seconds - KILL_SECONDS
        if seconds == 0.0:
            self._leave(element)

    def _leave(self, element: Element) -> None:
        following, element.following, element.noticed = element.following, "", False
        self.end(element, following)
        if following == "PENDING":
            element.restarts += 1
            element.eligible = self.now + REQUEUE_SECONDS
