"""Data that are prepared by jobs of the launch that needs them, on a real Slurm."""

import json
import subprocess
from pathlib import Path

import pytest

from slurm.commands import squeue
from slurm.ledger import Ledger
from tests.benchmark.own_parts import copy_with_helper, own_settings, write_data
from tests.benchmark.pipeline.on_slurm import SLURM
from tests.benchmark.tiny import call, cells, settings
from tests.slurm.calls import empty, wait
from tests.slurm_lab.cluster import Lab

PARTS = "launcher.parts=2"
BUILT_IN = ("data.identities", "data.tracks_per", "data.frames_per", "sets.synthetic", "tasks=synthetic")
LATER = "launcher.job.slurm_additional_parameters={begin: now+1hour}"


def submitted(out: str) -> list[str]:
    """Stage and number of jobs of each array that a command has submitted."""
    return [line.partition(": ")[2] for line in out.splitlines() if line.startswith("job ")]


def own_benchmark(place: Path, *words: str) -> list[str]:
    """Settings of the tiny benchmark without those of the built-in data."""
    return [word for word in settings(place, *words) if not word.startswith(BUILT_IN)]


@pytest.mark.usefixtures("forget_files")
def test_one_command_goes_from_nothing_prepared_to_the_tables(lab: Lab, tmp_path: Path) -> None:
    """One job is requeued and another killed on the way.

    Every part is one of the user's own, in a folder with a module that all import, which nodes do not see again.
    """
    write_data(tmp_path, people=16)
    copy_with_helper(tmp_path / "parts")
    own = own_settings(tmp_path / "parts", tmp_path)
    own = [f"methods=mean,{tmp_path / 'parts' / 'denoise.py'}", *own]
    words = own_benchmark(tmp_path / "queue", *own, *SLURM, PARTS)
    here = call("run", *own_benchmark(tmp_path / "here", *own))
    assert here.code == 0, here.err
    launched = call("run", *words)
    assert launched.code == 0, launched.err
    assert submitted(launched.out) == [
        *("prepare, 1 job", "prepare, 2 jobs", "prepare, 1 job", "prepare, 1 job"),
        "submit, 1 job",
    ]
    assert "the job `submit` submits the runs" in launched.out
    (faces,) = Ledger(tmp_path / "queue" / "cache" / "faces-jobs").entries.values()
    (store,) = (tmp_path / "queue" / "cache" / "tracks").glob("*-jobs")
    listing = Ledger(store).entries["list"]
    wait(lambda: squeue().get(listing.job) is None or squeue()[listing.job].state == "RUNNING", 300)
    requeued = subprocess.run(["scontrol", "requeue", listing.job], capture_output=True)
    subprocess.run(["scancel", "--signal=KILL", faces.job], check=True)
    wait(lambda: faces.job not in squeue(), 300)
    again = call("run", *words)
    assert again.code == 0, again.err
    (tmp_path / "parts").rename(tmp_path / "elsewhere")
    assert set(submitted(again.out)) <= {"prepare, 1 job", "submit, 1 job"}, "of what failed, and what waits for it"
    wait(empty, 600)
    (tmp_path / "elsewhere").rename(tmp_path / "parts")
    after = call("status", *words)
    assert after.code == 0, after.out + str(requeued)
    assert "prepare:   5 done\nsubmit:    1 done\npretrain:  2 done\n" in after.out
    assert "tables:    1 done" in after.out
    assert "job " in call("logs", "submit", *words).out

    found = cells(tmp_path / "queue" / "runs" / "quick")
    assert found == cells(tmp_path / "here" / "runs" / "quick")
    scores = {(cell["variant"], cell["head"], cell["encoder"]) for cell in found if cell["metric"] == "brier"}
    assert scores == {("denoise", "random_features", "small_encoder"), ("mean", "mean", None)}
    manifests = [next(tmp_path.glob(f"{place}/cache/tracks/*/manifest.json")) for place in ("here", "queue")]
    assert manifests[0].read_text() == manifests[1].read_text()
    command = json.loads(next(tmp_path.glob("queue/**/denoise/*/environment.json")).read_text())["command"]
    assert "submitit" not in " ".join(command), "the command that the user gave"


def test_where_nodes_may_not_submit_the_same_command_goes_on(lab: Lab, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: Access denied' >&2\nexit 1\n")
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    barred = f"launcher.submit.slurm_setup=['export PATH={tmp_path}/bin:$PATH']"
    words = settings(tmp_path, *SLURM, "sets.synthetic.test=16", cache=cache)
    launched = call("run", *words, barred)
    assert submitted(launched.out) == ["prepare, 1 job", "submit, 1 job"]
    wait(empty, 300)
    told = call("status", *words)
    assert told.code == 1
    assert "this node cannot submit jobs; the same command again goes on where they can be" in told.out
    assert "sbatch: error: Access denied" in told.out
    assert "prepare:   1 done\nsubmit:    1 failed\n" in told.out
    again = call("run", *words, barred, LATER)
    assert submitted(again.out) == ["pretrain, 2 jobs", "embed, 2 jobs", "probe, 2 jobs", "tables, 1 job"]
    assert "submit:    1 done\npretrain:  2 queued\n" in call("status", *words).out
    assert call("cancel", *words).code == 0
    wait(empty)


def test_benchmarks_wait_for_the_same_jobs_and_new_settings_replace_the_last(lab: Lab, tmp_path: Path) -> None:
    words = settings(tmp_path, *SLURM, PARTS, LATER)
    first = call("run", *words)
    assert len(submitted(first.out)) == 5
    assert "6 jobs are in the queue already" in call("run", *words).out
    assert "launcher.parts" in call("run", *words, "launcher.parts=3").err
    second = call("run", *words, "name=second")
    assert submitted(second.out) == ["submit, 1 job"]
    last = call("run", *words, "seeds=2")
    assert submitted(last.out) == ["submit, 1 job"]
    wait(lambda: len(squeue()) == 7)
    assert "its data are being prepared" in call("tables", *words).err
    cancelled = call("cancel", *words)
    assert cancelled.out.startswith("1 job cancelled\n5 jobs that prepare its data are left in the queue")
    sets = call("prepare", "synthetic", *settings(tmp_path, *SLURM, "data.size=32", only=("sets", "cache")))
    assert "1 jobs are in the queue already" in sets.out, sets
    subprocess.run(["scancel", *squeue()], check=True)
    wait(empty)
    after = call("status", *words)
    assert after.code == 1
    assert "prepare:   5 cancelled\nsubmit:    1 cancelled" in after.out
