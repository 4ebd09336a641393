"""Whole benchmarks on a real Slurm."""

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
from slurm.ledger import Ledger
from tests.benchmark.tiny import METHOD, call, cells, end, settings, start, times
from tests.slurm.calls import empty, wait
from tests.slurm_lab.cluster import Lab
from tests.slurm_lab.shape import Shape

SLURM = ("launcher=slurm", "launcher.job.mem_gb=1.6", "launcher.job.cpus_per_task=1", "launcher.job.timeout_min=10")
SLOW = METHOD.replace("return MethodOutput", "import time; time.sleep({wait}); return MethodOutput")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data, made once."""
    return tmp_path_factory.mktemp("cache")


def job(place: Path, name: str) -> str:
    return Ledger(place / "runs" / "quick" / "slurm").entries[name].job


def folder(place: Path, variant: str) -> Path:
    return next(place.glob(f"runs/quick/synthetic/{variant}/seed0-*"))


def test_a_benchmark_through_the_queue_has_the_tables_of_one_run_here(lab: Lab, tmp_path: Path, cache: Path) -> None:
    tuned = "variants.tuned={method: rotation, init_from: fabnet}"
    what = (tuned, "methods=mean,autoencoder,rotation,split_brain,fabnet,tuned", "seeds=2")
    what = (*what, "tasks=synthetic-pose,synthetic-aus")
    submitted = call("run", *settings(tmp_path / "queue", *what, *SLURM, cache=cache))
    assert submitted.code == 0, submitted.err
    assert submitted.out.count("job ") == 7, "two of each part: those that start from other runs wait for them"
    again = call("run", *settings(tmp_path / "queue", *what, *SLURM, cache=cache))
    assert "jobs are in the queue already" in again.out
    assert "job " not in again.out.partition("jobs are in the queue")[0]
    called = settings(tmp_path / "queue", *what)
    wait(lambda: "waiting" in call("status", *called).out, 60)  # Slurm looks at dependencies some seconds later
    here = call("run", *settings(tmp_path / "here", *what, cache=cache))
    assert here.code == 0, here.err
    wait(empty, 600)
    after = call("status", *called)
    assert after.code == 0, after.out
    assert "pretrain:  11 done" in after.out
    assert cells(tmp_path / "queue" / "runs" / "quick") == cells(tmp_path / "here" / "runs" / "quick")
    written = call("logs", "tuned/seed0:pretrain", *called).out
    assert "tuned/seed0: pretrain on n" in written
    assert "tuned/seed0: pretrain done after" in written
    about = json.loads((folder(tmp_path / "queue", "tuned") / "environment.json").read_text())
    assert [one["job"] for one in about["slurm"]] == [job(tmp_path / "queue", f"tuned/seed0 {part}") for part in PARTS]
    assert Path(about["snapshot"], "benchmark", "cli.py").is_file()
    assert len(about["commit"]) == 40


PARTS = ("pretrain", "embed", "probe")


def test_whatever_ends_training_early_the_weights_are_those_of_calm_training(
    lab: Lab, tmp_path: Path, cache: Path
) -> None:
    """Two requeues, the controller restarted in the middle, its walltime, and the death of its node."""
    own, slow = tmp_path / "own_slow.py", tmp_path / "slow"
    own.write_text(SLOW.format(name="own-slow", wait=f"0.2 * Path({str(slow)!r}).exists()"))
    what = (f"methods={own}", "train.steps=600", "train.log_steps=5", "train.checkpoint_steps=5", "train.workers=1")
    calm = call("run", *settings(tmp_path / "calm", *what, cache=cache))
    assert calm.code == 0, calm.err
    slow.touch()
    place = tmp_path / "queue"
    short = ("launcher.pretrain.timeout_min=1", "launcher.pretrain.slurm_signal_delay_s=30")
    assert call("run", *settings(place, *what, *SLURM, *short, cache=cache)).code == 0
    own.write_text("this is no method")  # what is queued runs what was there at submission
    name = "own_slow/seed0 pretrain"

    def life() -> int:
        return status(folder(place, "own_slow")).get("restarts", 0)

    def trains_after(last: int) -> bool:
        now = status(folder(place, "own_slow")) if list(place.glob("runs/quick/synthetic/*")) else {}
        return now.get("step", 0) > 10 and now["state"] == "running" and now.get("restarts", 0) > last

    def requeue() -> bool:
        return subprocess.run(["scontrol", "requeue", job(place, name)]).returncode == 0

    wait(lambda: trains_after(-1), 600)
    first = life()
    wait(requeue)
    wait(lambda: trains_after(first), 600)
    second = life()
    wait(requeue)
    lab.stop_controller()
    time.sleep(2)
    lab.start_controller()
    wait(lambda: trains_after(second), 600)
    third = life()
    wait(lambda: trains_after(third), 600)  # nothing but its walltime ends this one
    assert f"{name}: stopped: " in Path(Ledger(place / "runs" / "quick" / "slurm").entries[name].log).read_text()
    slow.unlink()
    node = squeue()[job(place, name)].node
    lab.kill_node(node)
    subprocess.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"], check=True)
    wait(lambda: squeue()[job(place, name)].node not in ("", node), 600)
    lab.start_node(node)
    wait(empty, 600)
    after = call("status", *settings(place, *what[1:]))
    assert after.code == 0, after.out
    weights = [load_file(folder(tmp_path / one, "own_slow") / "method.safetensors") for one in ("calm", "queue")]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())
    cost = json.loads((folder(place, "own_slow") / "cost.json").read_text())
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


def test_jobs_that_are_cancelled_or_die_are_told_from_those_that_wait_without_accounting(
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
        _worker(job(tmp_path, "own_slow/seed0 pretrain")).kill()
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
    found = [
        one for one in psutil.process_iter() if "submitit.core._submit" in one.cmdline() and "srun" not in one.cmdline()
    ]
    (worker,) = [one for one in found if own.items() <= one.environ().items()]
    return worker


def test_a_run_on_two_nodes_is_that_of_one_process_to_rounding(lab: Lab, tmp_path: Path, cache: Path) -> None:
    what = ("methods=random,fabnet", "train.batch_size=8", "train.optimiser=sgd")
    assert call("run", *settings(tmp_path / "here", *what, cache=cache)).code == 0
    together = ("launcher.pretrain.nodes=2", *SLURM)
    assert call("run", *settings(tmp_path / "queue", *what, *together, cache=cache)).code == 0
    wait(empty, 600)
    after = call("status", *settings(tmp_path / "queue", *what))
    assert after.code == 0, after.out
    one, two = (load_file(folder(tmp_path / place, "fabnet") / "method.safetensors") for place in ("here", "queue"))
    assert all(torch.allclose(value.float(), two[key].float(), atol=1e-5) for key, value in one.items())
    costs = [json.loads((folder(tmp_path / place, "fabnet") / "cost.json").read_text()) for place in ("here", "queue")]
    assert costs[0]["frames_seen"] == costs[1]["frames_seen"]
    assert costs[0]["val_loss"] == pytest.approx(costs[1]["val_loss"], rel=1e-4)


def test_tracks_are_packed_by_an_array_and_the_store_is_that_of_one_process(lab: Lab, tmp_path: Path) -> None:
    rendered = ("data.identities=24", "data.tracks_per_identity=2")  # six slices
    assert call("prepare", *settings(tmp_path / "here", *rendered)).code == 0
    words = settings(tmp_path / "queue", *rendered, *SLURM)
    assert ": to be prepared" in call("prepare", *words, "--dry-run", "--parts", "4").out
    submitted = call("prepare", *words, "--parts", "4")
    assert submitted.code == 0, submitted.err
    assert "0 of 6 slices are done" in submitted.out
    arrays = [line for line in submitted.out.splitlines() if line.startswith("job ")]
    assert [line.partition(": ")[2] for line in arrays] == ["prepare, 4 jobs", "prepare, 1 job"]
    assert "5 jobs are in the queue already" in call("prepare", *words, "--parts", "4").out
    assert "with other --parts" in call("prepare", *words, "--parts", "3").err
    wait(empty, 600)
    assert ": ready" in call("prepare", *words, "--dry-run").out
    stores = [next((tmp_path / place / "cache" / "tracks").glob("*/manifest.json")) for place in ("here", "queue")]
    assert stores[0].read_text() == stores[1].read_text()


def test_a_dry_run_prints_the_graph_and_the_parameters_of_its_arrays(lab: Lab, tmp_path: Path, cache: Path) -> None:
    words = settings(
        tmp_path, *SLURM, "launcher.pretrain.slurm_constraint=a100", "launcher.job.slurm_setup=[module load cuda]"
    )
    call("run", *settings(tmp_path / "made", cache=cache))
    planned = call("run", *words, f"cache={cache}", "--dry-run")
    assert planned.code == 0, planned.err
    assert "array    ARRAY1: embed of 2 jobs  aftercorr:ARRAY0" in planned.out
    assert "\nconstraint: a100\n" in planned.out
    assert "\n- module load cuda\n" in planned.out
    assert not (tmp_path / "runs").exists()
    assert empty()


def test_names_with_a_meaning_elsewhere_and_jobs_that_do_not_get_as_far_as_python(
    lab: Lab, tmp_path: Path, cache: Path
) -> None:
    place = tmp_path / "blank |é/%b $x'q"
    words = settings(place, "methods=mean", "name=a|b c", "launcher.pretrain.pack=2", *SLURM, cache=cache)
    assert call("run", *words, "launcher.job.slurm_setup=[echo loaded, no_such_command]").code == 0
    wait(empty)
    failed = call("status", *words)
    assert failed.code == 1
    assert "no_such_command: command not found" in failed.out
    assert "loaded" in call("logs", "mean/seed0:pretrain", *words).out
    assert call("run", *words).code == 0
    wait(empty)
    assert call("status", *words).code == 0
    (tmp_path / "squeue").write_text("#!/bin/sh\necho 'cannot reach the controller' >&2\nexit 1\n")
    (tmp_path / "squeue").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path), prepend=":")
        unknown = call("status", *words)
    assert unknown.code == 1
    assert "Slurm does not answer: cannot reach the controller" in unknown.out
    assert "pretrain:  1 done" in unknown.out


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("launcher.job.slurm_partition=nosuch", "invalid partition specified: nosuch"),
        ("launcher.probe.mem_gb=900", "Memory specification can not be satisfied"),
        ("launcher.job.timeout_min=lots", "timeout_min: Value 'lots'"),
        ("launcher.job.timeout_mn=3", "did you mean 'launcher.job.timeout_min'?"),
        ("launcher.logs=/dev/null/logs", "/dev/null/logs: Not a directory"),
        ("launcher.logs=/tmp/a:b", "a colon, a backslash or a line break"),
        ("launcher.job.slurm_additional_parameters={array: 0-9}", "array cannot be set"),
        ("launcher.job.timeout_min=null", "launcher.prepare.timeout_min, the walltime in minutes, must be given"),
        ("launcher.job.timeout_min=3", "leaves no time before slurm_signal_delay_s=180"),
        ("launcher.pretrain.tasks_per_node=3", "cannot be shared out among 3 processes"),
    ],
)
def test_bad_settings_are_one_line(lab: Lab, tmp_path: Path, cache: Path, setting: str, words: str) -> None:
    refused = call("run", *settings(tmp_path, *SLURM, setting, cache=cache))
    assert refused.code in (1, 2)
    line = refused.err.strip().splitlines()[-1]
    assert line.startswith("fabbench: ")
    assert words in line
    assert "Traceback" not in refused.err
    wait(empty)
