"""The paper's setting in miniature, from raw data to its tables with one command on a real Slurm."""

import subprocess
from pathlib import Path

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
ROWS = ("mean", "fabnet-3source", "vgg-face?", "supervised")  # some of the preset, to save time; ?: where imported
MINIATURE = (
    *("data.size=32", "encoder.width=4", "encoder.dim=16", "train.batch_size=4", "train.amount=20", "train.workers=0"),
    *("train.val_samples=4", "train.epoch_samples=4", "train.threads=1", "train.amp=off", "train.picture_steps=1000"),
    *("variants.fabnet-curriculum.train.batch_size=10", "variants.fabnet-3source.train.batch_size=10"),
    *SLURM,
    *("launcher.parts=2", "launcher.pretrain.gpus_per_node=0", "launcher.embed.gpus_per_node=0"),
    *("launcher.pretrain.cpus_per_task=1", "launcher.pretrain.timeout_min=10"),
)


@pytest.mark.slow
def test_one_command_goes_from_raw_data_to_the_papers_tables(lab: Lab, tmp_path: Path) -> None:
    """One job is requeued and one killed on the way, and the same command goes on."""
    faces = Faces(labelled_faces(size=96, train=48, val=4, test=4, frames_per_identity=4, seed=3))
    make_paper_data(tmp_path / "data", faces)
    words = [
        *("preset=paper", f"root={tmp_path / 'data'}", f"out={tmp_path / 'runs'}", f"cache={tmp_path / 'cache'}"),
        *MINIATURE,
    ]
    planned = call("run", *words, "--dry-run")
    assert planned.code == 0, planned.err
    assert "prepare of 5 jobs" in planned.out, "a job for each labelled set"
    assert "pretrain of 13 jobs" in planned.out, "nine rows, of which the ceiling is five runs"
    words.append(f"methods=[{','.join(ROWS)}]")
    launched = call("run", *words)
    assert launched.code == 0, launched.err

    wait(running, 300)
    subprocess.run(["scontrol", "requeue", running()[0]], check=True)
    wait(lambda: len(running()) > 0, 300)
    victim = running()[-1]
    subprocess.run(["scancel", "--signal=KILL", victim], check=True)
    wait(lambda: victim not in squeue(), 300)
    assert call("run", *words).code == 0
    wait(empty, 1200)
    after = call("status", *words)
    assert after.code == 0, after.out

    folder = tmp_path / "runs" / "paper"
    measured = {(cell["variant"], cell["task"]) for cell in cells(folder) if cell["mean"] is not None}
    assert measured >= {(row, task) for row in ROWS if not row.endswith("?") for task in TASKS}
    text = (folder / "tables" / "tables.md").read_text()
    assert all(row in text for row in ("fabnet-3source", "supervised"))


def running() -> list[str]:
    """Ids of the running jobs."""
    return sorted(job for job, info in squeue().items() if info.state == "RUNNING")
