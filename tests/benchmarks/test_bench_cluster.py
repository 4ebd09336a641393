"""Time of the commands for a benchmark of 500 runs, 1,501 jobs, on the test cluster. The jobs are held."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from slurm.commands import squeue
from tests.benchmark.tiny import call, end, settings, start
from tests.slurm.calls import empty, wait
from tests.slurm_lab.cluster import Lab

ROUNDS = 3
JOBS = 3 * 500 + 1
LAUNCHER = (
    "launcher=slurm",
    "launcher.job.cpus_per_task=1",
    "launcher.pretrain.slurm_additional_parameters={hold: true}",
)

Command = Callable[[str], None]  # takes run, status or cancel


@pytest.fixture(scope="module")
def command(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Calls a command for the benchmark, whose data are made and which has been submitted once."""
    folder: Path = tmp_path_factory.mktemp("runs")
    words = settings(folder, "methods=random", "seeds=500")
    assert call("run", *words, "methods=mean", "seeds=1").code == 0

    def run(name: str) -> None:
        finished = end(start(name, *words, *(LAUNCHER if name == "run" else ())))
        assert finished.code == 0, finished.err

    run("run")
    return run


def test_submission(benchmark: BenchmarkFixture, command: Command) -> None:
    def cancelled() -> None:
        command("cancel")
        wait(empty)

    benchmark.pedantic(command, ("run",), setup=cancelled, rounds=ROUNDS)
    assert len(squeue()) == JOBS


def test_submission_of_what_is_in_the_queue(benchmark: BenchmarkFixture, command: Command) -> None:
    before = squeue().keys()
    benchmark.pedantic(command, ("run",), rounds=ROUNDS)
    assert squeue().keys() == before


def test_status(benchmark: BenchmarkFixture, command: Command) -> None:
    benchmark.pedantic(command, ("status",), rounds=ROUNDS)
