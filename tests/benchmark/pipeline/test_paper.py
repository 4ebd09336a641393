"""The paper's setting in miniature, from raw data to its tables with one command on a real Slurm."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmark.data.synthetic import labelled_faces
from slurm.commands import squeue
from tests.benchmark.data.sets.lookalikes import Faces
from tests.benchmark.paper_data import make_paper_data
from tests.benchmark.pipeline.on_slurm import SLURM
from tests.benchmark.tiny import call, cells
from tests.slurm.calls import empty, wait
from tests.slurm_lab.cluster import Lab

TASKS = {"mafl-landmarks", "w300-landmarks", "aflw-pose", "emotionet-aus", "affectnet-expression"}
MEASURED = (
    *("mean", "pixels", "random", "autoencoder", "rotation", "rotation-paper", "split_brain", "split_brain-full"),
    *("fabnet", "fabnet-curriculum", "fabnet-3source", "supervised"),
)
ABSENT = ("vgg-face", "fabnet-released")  # their weights are not imported
MINIATURE = (
    *("data.size=32", "encoder.width=4", "encoder.dim=16", "train.batch_size=4", "train.amount=20", "train.workers=0"),
    *("train.val_samples=4", "train.epoch_samples=4", "train.threads=1", "train.amp=off", "train.picture_steps=1000"),
    *(f"variants.fabnet-{name}.train.batch_size=10" for name in ("curriculum", "3source")),
    *("variants.rotation-paper.train.batch_size=4", "probe.options.linear={patience: 2, patience_steps: 4}"),
)
CLUSTER = (
    *(*SLURM, "launcher.parts=2"),
    "launcher.pretrain={pack: 4, mem_gb: 3, gpus_per_node: 0, cpus_per_task: 1, timeout_min: 10}",
    *("launcher.embed={pack: 4, mem_gb: 3}", "launcher.probe={pack: 4, mem_gb: 3}"),
)


@pytest.mark.slow
def test_one_command_goes_from_raw_data_to_the_papers_tables(lab: Lab, tmp_path: Path) -> None:
    """A job that makes a set is killed and four trainings are preempted together; the same command goes on."""
    faces = Faces(labelled_faces(size=96, train=48, val=4, test=4, frames_per_identity=4, seed=3))
    make_paper_data(tmp_path / "data", faces)
    words = [
        *("preset=paper", f"root={tmp_path / 'data'}", f"out={tmp_path / 'runs'}", f"cache={tmp_path / 'cache'}"),
        *(f"imported={tmp_path / 'imported'}", *MINIATURE),
    ]
    planned = call("run", *words, *CLUSTER, "--dry-run")
    assert planned.code == 0, planned.err
    assert "prepare of 5 jobs" in planned.out, "a job for each labelled set"
    assert "pretrain of 13 jobs" in planned.out, "nine rows, of which the ceiling is five runs"
    rows = [*MEASURED, *(f"{name}?" for name in ABSENT)]  # those of the preset, and other readings of two of them
    on_cluster = [*words, *CLUSTER, f"methods=[{','.join(rows)}]"]
    launched = call("run", *on_cluster)
    assert launched.code == 0, launched.err

    wait(lambda: running("faces"))
    subprocess.run(["scancel", "--signal=KILL", running("faces")[0]], check=True)
    wait(lambda: not running("faces"))
    assert call("run", *on_cluster).code == 0
    wait(lambda: running("pretrain"))
    subprocess.run(["scontrol", "requeue", running("pretrain")[0]], check=True)
    wait(empty, 1200)
    after = call("status", *on_cluster)
    assert after.code == 0, after.out

    folder = tmp_path / "runs" / "paper"
    assert restarted(folder) >= {"fabnet-curriculum"}
    measured = {(cell["variant"], cell["task"]) for cell in own_cells(folder) if cell["mean"] is not None}
    assert measured == {(row, task) for row in MEASURED for task in TASKS}, "all but the rows that are not imported"
    tables = {name: (folder / "tables" / f"tables.{name}").read_text() for name in ("md", "tex")}
    assert all(name in text for name in ("fabnet-3source", *ABSENT) for text in tables.values())
    shaped = call("tables", f"name={folder.name}", f"out={folder.parent}", "--paper").out
    titles = [line for line in shaped.splitlines() if line.startswith("Table ")]
    assert [title.partition(" (")[0] for title in titles] == [
        "Table 2, landmarks of 300-W and MAFL",
        "Table 2, head pose of AFLW",
        "Table 3, action units of EmotioNet",
        "Table 4, expressions of AffectNet",
    ]

    undisturbed = call("run", *words, "launcher=inline", f"out={tmp_path / 'here'}", "methods=[fabnet-3source]")
    assert undisturbed.code == 0, undisturbed.err
    of_row = [cell for cell in own_cells(folder) if cell["variant"] == "fabnet-3source"]
    assert own_cells(tmp_path / "here" / "paper") == of_row, "also after a preempted training that it starts from"


def own_cells(folder: Path) -> list[dict[str, Any]]:
    """The cells written of a benchmark that it has measured itself."""
    return [cell for cell in cells(folder) if cell["kind"] != "published"]


def running(stage: str) -> list[str]:
    """Ids of the running jobs whose names contain a word."""
    return sorted(job for job, info in squeue().items() if info.state == "RUNNING" and stage in info.name)


def restarted(folder: Path) -> set[str]:
    """Rows of which a job has been restarted."""
    environments = {path: json.loads(path.read_text()) for path in folder.glob("*/*/*/environment.json")}
    return {path.parts[-3] for path, each in environments.items() if any(job["restarts"] for job in each["slurm"])}
