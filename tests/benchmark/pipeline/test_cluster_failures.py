"""Jobs of a benchmark that are requeued, killed, cancelled or crash, on a real Slurm."""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from benchmark.pipeline.run_folder import status
from slurm.commands import squeue
from tests.benchmark.pipeline.on_slurm import PARTS, SLOW, SLURM, job_id, ledger
from tests.benchmark.tiny import METHOD, call, cells, end, run_folder, settings, start, times
from tests.slurm.calls import empty, wait
from tests.slurm_lab.cluster import Lab
from tests.slurm_lab.shape import Shape


def test_training_that_is_interrupted_ends_with_the_same_weights(lab: Lab, tmp_path: Path, cache: Path) -> None:
    """Two requeues, a restart of the controller, the end of its walltime, and the death of its node."""
    own, slow = tmp_path / "own_slow.py", tmp_path / "slow"
    own.write_text(SLOW.format(name="own-slow", wait=f"0.2 * Path({str(slow)!r}).exists()"))
    choices = (f"methods={own}", "train.steps=600", "train.log_steps=5", "train.checkpoint_steps=5", "train.workers=1")
    calm = call("run", *settings(tmp_path / "calm", *choices, cache=cache))
    assert calm.code == 0, calm.err
    slow.touch()
    place = tmp_path / "queue"
    short = ("launcher.pretrain.timeout_min=1", "launcher.pretrain.slurm_signal_delay_s=30")
    assert call("run", *settings(place, *choices, *SLURM, *short, cache=cache)).code == 0
    own.write_text("this is no method")  # queued jobs run the file as it was at submission
    name = "own_slow/seed0 pretrain"

    def restarts() -> int:
        return int(status(run_folder(place, "own_slow")).get("restarts", 0))

    def trains_after(last: int) -> bool:
        latest = status(run_folder(place, "own_slow")) if list(place.glob("runs/quick/synthetic/*")) else {}
        return latest.get("state") == "running" and latest.get("step", 0) > 10 and latest.get("restarts", 0) > last

    def requeue() -> bool:
        return subprocess.run(["scontrol", "requeue", job_id(place, name)]).returncode == 0

    wait(lambda: trains_after(-1), 600)
    first = restarts()
    wait(requeue)
    wait(lambda: trains_after(first), 600)
    second = restarts()
    wait(requeue)
    lab.stop_controller()
    time.sleep(2)
    lab.start_controller()
    wait(lambda: trains_after(second), 600)
    third = restarts()
    wait(lambda: trains_after(third), 600)  # nothing but its walltime ends this one
    assert f"{name}: stopped: " in Path(ledger(place).entries[name].log).read_text()
    slow.unlink()
    node = squeue()[job_id(place, name)].node
    lab.kill_node(node)
    subprocess.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"], check=True)
    wait(lambda: squeue()[job_id(place, name)].node not in ("", node), 600)
    lab.start_node(node)
    wait(empty, 600)
    after = call("status", *settings(place, *choices))
    assert after.code == 0, after.out
    weights = [load_file(run_folder(tmp_path / one, "own_slow") / "method.safetensors") for one in ("calm", "queue")]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())
    cost = json.loads((run_folder(place, "own_slow") / "cost.json").read_text())
    assert cost["restarts"] >= 4
    assert cells(place / "runs" / "quick") == cells(tmp_path / "calm" / "runs" / "quick")


def test_a_method_that_crashes_leaves_a_gap_and_is_all_that_is_launched_again(
    lab: Lab, tmp_path: Path, cache: Path
) -> None:
    own = tmp_path / "own_crash.py"
    own.write_text(METHOD.format(name="own-crash").replace("exists()", "parent.is_dir()"))
    words = settings(tmp_path, f"methods={own},fabnet", *SLURM, cache=cache)
    assert call("run", *words).code == 0
    watch, follow = start("status", *words, "--watch"), start("logs", "own_crash/seed0", *words, "--follow")
    watched, followed = end(watch), end(follow)
    assert watched.code == 1
    assert any(state in watched.out.partition("failed")[0] for state in ("queued", "running"))
    assert "failed" in watched.out
    assert followed.code == 0
    assert "RuntimeError: this method is broken" in followed.out
    wait(empty)
    rows = {cell["variant"]: cell["mean"] for cell in cells(tmp_path / "runs" / "quick") if cell["metric"] == "mae"}
    assert rows["own_crash"] is None
    assert rows["fabnet"] is not None
    found = call("status", *words)
    assert found.code == 1
    (line,) = [line for line in found.out.splitlines() if "own_crash" in line and "pretrain" in line]
    assert "failed" in line
    assert "this method is broken" in line
    assert "RuntimeError: this method is broken" in Path(line.split()[-1]).read_text()
    assert [line.split()[2] for line in found.out.splitlines() if "own_crash" in line] == [
        "failed",
        "cancelled",
        "cancelled",
    ]
    assert "RuntimeError: this method is broken" in call("logs", "own_crash/seed0", *words).out

    own.write_text(METHOD.format(name="own-crash"))
    before = times(tmp_path / "runs", "quick/*/fabnet/**/*")
    again = call("run", *words)
    assert again.code == 0
    assert "2 runs: 1 done, 1 to do" in again.err
    assert [line.split(": ")[1] for line in again.out.splitlines() if line.startswith("job ")] == [
        f"{stage}, 1 job" for stage in (*PARTS, "tables")
    ]
    wait(empty, 600)
    assert times(tmp_path / "runs", "quick/*/fabnet/**/*") == before
    assert call("status", *words).code == 0


def test_status_without_accounting_of_jobs_that_wait_are_cancelled_or_die(
    lab: Lab, tmp_path: Path, cache: Path
) -> None:
    own = tmp_path / "own_slow.py"
    own.write_text(SLOW.format(name="own-dies", wait=0.1))
    words = settings(tmp_path, f"methods={own}", "seeds=3", "train.steps=10000", "train.log_steps=1", cache=cache)
    with (
        tempfile.TemporaryDirectory(prefix="fabbench-", dir="/tmp") as place,
        Lab(Path(place, "lab"), Shape(nodes=1, cpus=2, accounting=False, requeue=False)) as bare,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(bare.conf))
        assert call("run", *words, *SLURM).code == 0
        wait(lambda: call("status", *words).out.count("/10000") == 2, 600)
        running = call("status", *words, "--all")
        assert running.code == 0
        states = [line.split()[2] for line in running.out.splitlines() if "pretrain " in line]
        assert states == ["running", "running", "queued"]
        _worker(job_id(tmp_path, "own_slow/seed0 pretrain")).kill()
        assert call("cancel", "own_slow/seed2", *words).out.startswith("3 jobs cancelled")
        wait(lambda: len(squeue()) == 4, 600)
        ended = call("status", *words)
        assert ended.code == 1
        assert [line.split()[2] for line in ended.out.splitlines() if "pretrain " in line] == [
            "lost",
            "running",
            "cancelled",
        ]
        assert call("cancel", *words).code == 0
        wait(empty)


def _worker(number: str) -> psutil.Process:
    """The process that does a job's work, which the lab runs on this machine."""
    array, _, index = number.partition("_")
    own = {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index, "SLURM_PROCID": "0"}
    found = [one for one in psutil.process_iter() if _is_worker(one)]
    (worker,) = [one for one in found if own.items() <= one.environ().items()]
    return worker


def _is_worker(process: psutil.Process) -> bool:
    command = process.cmdline()
    return "submitit.core._submit" in command and "srun" not in command
