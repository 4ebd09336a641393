"""Members under submitit's local executor, and under executors of the user's own."""

import os
import time
from pathlib import Path

import pytest
import submitit

from slurm.graph import Job
from slurm.launch import launch, load_executor
from slurm.local import _gpus_of_slot
from slurm.member import Member, write_bundle
from slurm.resources import Resources
from tests.slurm.calls import count, fail, write

TWO = {"train": Resources(tasks_per_node=2)}


def note_rank(path: str) -> None:
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "CUDA_VISIBLE_DEVICES")
    text = "\n".join(f"{name}={os.environ.get(name)}" for name in names)
    Path(f"{path}-{os.environ.get('RANK')}").write_text(text)


def fail_on_rank_1(path: str) -> None:
    note_rank(path)
    if os.environ["RANK"] == "1":
        raise ValueError("no luck on rank 1")
    time.sleep(600)


def note_gpus(path: str) -> None:
    Path(path).write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    time.sleep(1)


def variables(path: Path) -> dict[str, str]:
    return dict(line.split("=") for line in path.read_text().splitlines())


def test_a_member_saves_its_state_and_is_restarted_by_submitit(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", {0: [(Job("p", count, (str(tmp_path / "p"), 30, 0.2)), None)]})
    executor = submitit.LocalExecutor(tmp_path / "submitit", max_num_timeout=10)
    executor.update_parameters(timeout_min=6 / 60, signal_delay_s=3)
    started = executor.submit(Member(tmp_path / "bundle", max_restarts=10, index=0))
    assert started.result().error is None
    assert (tmp_path / "p").read_text() == "30"
    assert len((tmp_path / "p.stops").read_text().split()) >= 1


def test_a_job_runs_in_several_processes(tmp_path: Path) -> None:
    jobs = [
        Job("train", note_rank, (str(tmp_path / "train"),), stage="train"),
        Job("probe", write, (str(tmp_path / "probe"),), ("train",), "probe"),
    ]
    outcomes = launch(jobs, "local", 1, tmp_path / "logs", gpus=2, resources=TWO)
    assert [outcome.error for outcome in outcomes] == [None, None]
    ranks = [variables(tmp_path / f"train-{rank}") for rank in range(2)]
    assert [each["RANK"] for each in ranks] == ["0", "1"]
    assert [each["LOCAL_RANK"] for each in ranks] == ["0", "1"]
    assert {each["WORLD_SIZE"] for each in ranks} == {"2"}
    assert len({(each["MASTER_ADDR"], each["MASTER_PORT"]) for each in ranks}) == 1
    assert (tmp_path / "probe").is_file()


def test_a_failed_process_ends_those_that_wait_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slurm.local.PEERS_SECONDS", 0.5)
    jobs = [
        Job("train", fail_on_rank_1, (str(tmp_path / "train"),), stage="train"),
        Job("probe", write, (str(tmp_path / "probe"),), ("train",), "probe"),
    ]
    outcomes = launch(jobs, "local", 1, tmp_path / "logs", resources=TWO)
    assert [outcome.error for outcome in outcomes] == ["no luck on rank 1", "not started, since train failed"]
    assert "ValueError: no luck on rank 1" in outcomes[0].log.read_text()


def test_workers_share_the_gpus_that_are_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    jobs = [Job(name, note_gpus, (str(tmp_path / name),)) for name in "abc"]
    launch(jobs, "local", 3, tmp_path / "logs", gpus=2)
    assert sorted((tmp_path / name).read_text() for name in "abc") == ["5", "5", "7"]


@pytest.mark.parametrize(
    ("slot", "gpus", "per_job", "expected"),
    [
        (0, 0, 1, None),
        (0, 2, 0, "0"),
        (3, 2, 1, "1"),
        (0, 4, 2, "0,1"),
        (1, 4, 2, "2,3"),
        (2, 4, 2, "0,1"),
        (0, 2, 4, "0,1"),
    ],
)
def test_gpus_of_workers(
    monkeypatch: pytest.MonkeyPatch, slot: int, gpus: int, per_job: int, expected: str | None
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert _gpus_of_slot(slot, gpus, Resources(gpus_per_node=per_job)) == expected


class RecordingExecutor(submitit.DebugExecutor):
    """An executor of the user's own: runs jobs in this process and records their parameters."""

    calls: list[dict[str, object]] = []  # noqa: RUF012

    def update_parameters(self, **parameters: object) -> None:
        self.calls.append(parameters)
        super().update_parameters(**parameters)


@pytest.mark.parametrize("executor", ["submitit:DebugExecutor", "tests.slurm.test_local:RecordingExecutor"])
def test_jobs_run_under_an_executor_of_the_users_own(tmp_path: Path, executor: str) -> None:
    jobs = [
        Job("a", write, (str(tmp_path / "a"),), stage="train"),
        Job("b", fail, ("no luck",), ("a",), "probe"),
        Job("c", write, (str(tmp_path / "c"),), ("b",), "probe"),
    ]
    resources = {"train": Resources(timeout_min=7, slurm_partition="gpu")}
    outcomes = launch(jobs, "local", 2, tmp_path / "logs", resources=resources, executor=executor)
    assert [outcome.error for outcome in outcomes] == [None, "no luck", "not started, since b failed"]
    assert (tmp_path / "a").is_file()
    if "Recording" in executor:
        given = RecordingExecutor.calls[0]
        assert (given["name"], given["timeout_min"], given["slurm_partition"]) == ("train", 7, "gpu")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("submitit", "give MODULE:CLASS"),
        ("submitit:NoExecutor", "NoExecutor"),
        ("no_such_module:Executor", "No module named"),
        ("pathlib:Path", "has no submit or update_parameters"),
    ],
)
def test_unusable_executors_raise(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_executor(path)
