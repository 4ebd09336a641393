"""Execution of graphs on this machine."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from slurm.graph import Job
from slurm.launch import launch

ROOT = Path(__file__).parents[2]


def write(path: str) -> None:
    Path(path).write_text(str(os.getpid()))


def fail(message: str) -> None:
    raise ValueError(message)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("kind", ["inline", "local"])
def test_every_job_runs_whatever_the_outcomes_of_the_others(tmp_path: Path, kind: str) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    jobs = [
        Job("a", write, (str(files[0]),)),
        Job("b/seed0 (x)", fail, ("no luck: at all\nsecond line",)),
        Job("c", write, (str(files[1]),)),
    ]
    outcomes = launch(jobs, kind, 2, tmp_path / "logs")
    assert [outcome.name for outcome in outcomes] == ["a", "b/seed0 (x)", "c"]
    assert [bool(outcome.error) for outcome in outcomes] == [False, True, False]
    assert all(path.is_file() for path in files)
    assert "no luck: at all" in outcomes[1].log.read_text()
    assert outcomes[1].error == "no luck: at all"


def add_line(path: str, line: str) -> None:
    time.sleep(0.05)
    with Path(path).open("a") as file:
        file.write(f"{line}\n")


@pytest.mark.parametrize("kind", ["inline", "local"])
def test_a_job_starts_once_its_dependencies_have_succeeded(tmp_path: Path, kind: str) -> None:
    order = tmp_path / "order"

    def job(name: str, *depends_on: str) -> Job:
        return Job(name, add_line, (str(order), name), depends_on)

    outcomes = launch([job("c", "a", "b"), job("b", "a"), job("a"), job("d", "c")], kind, 3, tmp_path / "logs")
    assert [(outcome.name, outcome.error) for outcome in outcomes] == [(name, None) for name in "cbad"]
    assert order.read_text().split() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("kind", ["inline", "local"])
def test_dependents_of_a_failure_are_not_started_and_other_jobs_are(tmp_path: Path, kind: str) -> None:
    jobs = [
        Job("parent", fail, ("no luck",)),
        Job("child", write, (str(tmp_path / "child"),), ("parent",)),
        Job("grandchild", write, (str(tmp_path / "grandchild"),), ("child",)),
        Job("other", write, (str(tmp_path / "other"),)),
    ]
    outcomes = launch(jobs, kind, 2, tmp_path / "logs")
    assert [outcome.error for outcome in outcomes] == [
        "no luck",
        "not started, since parent failed",
        "not started, since child failed",
        None,
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"logs", "other"}
    assert "no luck" in outcomes[2].log.read_text(), "the log is that of the failed job"


@pytest.mark.parametrize("jobs", [[("a", "b"), ("b", "a")], [("a", "nobody")], [("a", "a")], [("a",), ("a",)]], ids=str)
def test_jobs_that_can_never_start_raise(tmp_path: Path, jobs: list[tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="never start"):
        launch([Job(name, write, (str(tmp_path / "x"),), tuple(names)) for name, *names in jobs], "inline", 1, tmp_path)
    assert not list(tmp_path.iterdir())


def test_local_jobs_run_in_separate_processes(tmp_path: Path) -> None:
    launch([Job(name, write, (str(tmp_path / name),)) for name in "abc"], "local", 2, tmp_path / "logs")
    processes = {(tmp_path / name).read_text() for name in "abc"}
    assert len(processes) == 3
    assert str(os.getpid()) not in processes


def test_a_worker_that_is_killed_is_a_failure(tmp_path: Path) -> None:
    (outcome,) = launch([Job("a", die)], "local", 1, tmp_path / "logs")
    assert outcome.error == "the worker process was killed"


def test_workers_end_with_their_launcher(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from slurm.graph import Job
        from slurm.launch import launch
        from tests.slurm.test_launch import wait
        launch([Job("a", wait, ({str(tmp_path / "pid")!r},))], "local", 1, Path({str(tmp_path / "logs")!r}))
    """)
    launcher = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    worker = int((tmp_path / "pid").read_text())
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    while _running(worker):
        assert time.monotonic() < deadline, "the worker outlived its launcher"
        time.sleep(0.1)


def test_ctrl_c_ends_the_workers_without_output(tmp_path: Path) -> None:
    """Sent to the whole process group, as a terminal does."""
    script = textwrap.dedent(f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from slurm.graph import Job
        from slurm.launch import launch
        from tests.slurm.test_launch import wait
        try:
            launch([Job("a", wait, ({str(tmp_path / "pid")!r},))], "local", 1, Path({str(tmp_path / "logs")!r}))
        except KeyboardInterrupt:
            print("interrupted")
    """)
    launcher = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Under nohup and in `make test &` SIGINT is ignored, which a child inherits.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    worker = int((tmp_path / "pid").read_text())
    os.killpg(launcher.pid, signal.SIGINT)
    assert launcher.communicate(timeout=60) == ("interrupted\n", "")
    while _running(worker):
        assert time.monotonic() < deadline, "the worker outlived its launcher"
        time.sleep(0.1)


def wait(path: str) -> None:
    write(path)
    time.sleep(600)


def _running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except OSError:
        return False
