"""Whole benchmarks on a real Slurm."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.benchmark.pipeline.on_slurm import PARTS, SLURM, job_id
from tests.benchmark.tiny import call, cells, run_folder, settings
from tests.slurm.calls import empty, wait
from tests.slurm_lab.cluster import Lab


def test_a_benchmark_through_the_queue_has_the_tables_of_one_run_here(lab: Lab, tmp_path: Path, cache: Path) -> None:
    tuned = "variants.tuned={method: rotation, init_from: fabnet}"
    methods = "methods=mean,autoencoder,rotation,split_brain,fabnet,tuned"
    choices = (tuned, methods, "seeds=2", "tasks=synthetic-pose,synthetic-aus")
    submitted = call("run", *settings(tmp_path / "queue", *choices, *SLURM, cache=cache))
    assert submitted.code == 0, submitted.err
    assert submitted.out.count("job ") == 7, "two of each part: those that start from other runs wait for them"
    again = call("run", *settings(tmp_path / "queue", *choices, *SLURM, cache=cache))
    assert "jobs are in the queue already" in again.out
    assert "job " not in again.out.partition("jobs are in the queue")[0]
    called = settings(tmp_path / "queue", *choices)
    wait(lambda: "waiting" in call("status", *called).out, 60)  # Slurm looks at dependencies some seconds later
    here = call("run", *settings(tmp_path / "here", *choices, cache=cache))
    assert here.code == 0, here.err
    wait(empty, 600)
    after = call("status", *called)
    assert after.code == 0, after.out
    assert "pretrain:  11 done" in after.out
    assert cells(tmp_path / "queue" / "runs" / "quick") == cells(tmp_path / "here" / "runs" / "quick")
    written = call("logs", "tuned/seed0:pretrain", *called).out
    assert "tuned/seed0: pretrain on n" in written
    assert "tuned/seed0: pretrain done after" in written
    about = json.loads((run_folder(tmp_path / "queue", "tuned") / "environment.json").read_text())
    job_ids = [job_id(tmp_path / "queue", f"tuned/seed0 {part}") for part in PARTS]
    assert [job["job"] for job in about["slurm"]] == job_ids
    assert Path(about["snapshot"], "benchmark", "cli.py").is_file()
    assert len(about["commit"]) == 40


def test_a_run_on_two_nodes_equals_one_process_to_rounding(lab: Lab, tmp_path: Path, cache: Path) -> None:
    choices = ("methods=random,fabnet", "train.batch_size=8", "train.optimiser=sgd")
    assert call("run", *settings(tmp_path / "here", *choices, cache=cache)).code == 0
    together = ("launcher.pretrain.nodes=2", *SLURM)
    assert call("run", *settings(tmp_path / "queue", *choices, *together, cache=cache)).code == 0
    wait(empty, 600)
    after = call("status", *settings(tmp_path / "queue", *choices))
    assert after.code == 0, after.out
    folders = [run_folder(tmp_path / place, "fabnet") for place in ("here", "queue")]
    one, two = (load_file(folder / "method.safetensors") for folder in folders)
    assert all(torch.allclose(value.float(), two[key].float(), atol=1e-5) for key, value in one.items())
    costs = [json.loads((folder / "cost.json").read_text()) for folder in folders]
    assert costs[0]["frames_seen"] == costs[1]["frames_seen"]
    assert costs[0]["val_loss"] == pytest.approx(costs[1]["val_loss"], rel=1e-4)


def test_tracks_are_packed_by_an_array_and_the_store_is_that_of_one_process(lab: Lab, tmp_path: Path) -> None:
    rendered = ("data.identities=24", "data.tracks_per_identity=2")  # six slices
    assert call("prepare", *settings(tmp_path / "here", *rendered, only=("data", "cache"))).code == 0
    words = settings(tmp_path / "queue", *rendered, *SLURM, only=("data", "cache"))
    assert ": to be prepared" in call("prepare", *words, "--dry-run", "--parts", "4").out
    submitted = call("prepare", *words, "--parts", "4")
    assert submitted.code == 0, submitted.err
    arrays = [line for line in submitted.out.splitlines() if line.startswith("job ")]
    assert [line.partition(": ")[2] for line in arrays] == ["prepare, 1 job", "prepare, 4 jobs", "prepare, 1 job"]
    assert "jobs are in the queue already" in call("prepare", *words, "--parts", "4").out
    assert "with other parts than 3" in call("prepare", *words, "--parts", "3").err
    wait(empty, 600)
    assert ": ready" in call("prepare", *words, "--dry-run").out
    stores = [next((tmp_path / place / "cache" / "tracks").glob("*/manifest.json")) for place in ("here", "queue")]
    assert stores[0].read_text() == stores[1].read_text()
