"""Budgets in other units than steps, and what is said of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.config.load import load
from benchmark.config.schema import MOST_STEPS
from benchmark.config.variants import Variant, resolve
from benchmark.errors import UsageError
from benchmark.files import write_json
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord
from benchmark.pipeline.budget import absent_rows, budget_note, laptop_warning, within_budget
from benchmark.pipeline.results import read_cells
from tests.benchmark.config.messages import refusal

TINY = ("data.size=32", "sets.synthetic.size=32", "encoder.width=4", "encoder.dim=16")


def variants(*words: str) -> dict[str, Variant]:
    return within_budget(resolve(load([*TINY, *words])))


def steps(*words: str) -> dict[str, int]:
    return {name: variant.train.steps for name, variant in variants(*words).items()}


def test_a_budget_in_samples_makes_fewer_steps_of_larger_batches() -> None:
    found = steps("methods=fabnet,fabnet-curriculum-paper,supervised", "train.budget=samples", "train.amount=25600")
    assert found == {"fabnet": 800, "fabnet-curriculum-paper": 200, "supervised": 800}


def test_a_budget_in_frames_counts_all_frames_of_a_sample() -> None:
    found = steps("methods=fabnet,rotation,random", "train.budget=frames", "train.amount=51200", "train.steps=7")
    assert found == {"fabnet": 800, "rotation": 1600, "random": 7}


def test_a_budget_in_operations_gives_cheap_methods_more_steps() -> None:
    found = steps("methods=autoencoder,split_brain,fabnet,supervised", "train.budget=flops", "train.amount=1e12")
    assert found["split_brain"] > found["autoencoder"] > found["fabnet"] > 0
    assert found["supervised"] > found["autoencoder"], "it has no decoder"


def test_runs_of_a_resolved_budget_are_those_of_as_many_steps() -> None:
    (by_frames,) = variants("methods=fabnet", "train.budget=frames", "train.amount=6400").values()
    (by_steps,) = variants("methods=fabnet", "train.steps=100").values()
    assert by_frames.train == by_steps.train


def test_a_budget_in_seconds_is_kept_by_the_clock() -> None:
    (variant,) = variants("methods=fabnet", "train.budget=seconds", "train.amount=60").values()
    assert (variant.train.steps, variant.train.budget, variant.train.amount) == (MOST_STEPS, "seconds", 60)


def test_budgets_that_cannot_be_are_refused() -> None:
    assert "budget=frames needs amount=" in refusal("train.budget=frames")
    assert "amount=5 goes with budget=samples" in refusal("train.amount=5")
    assert "unknown train.budget=frame; did you mean 'frames'" in refusal("train.budget=frame", "train.amount=5")
    with pytest.raises(UsageError, match=r"fabnet: train.amount=63 frames are less than one step of 32 samples"):
        variants("methods=fabnet", "train.budget=frames", "train.amount=63")


def test_a_laptops_budget_on_a_large_data_set_is_told() -> None:
    few = variants("methods=random,fabnet,rotation", "train.steps=800")
    warning = laptop_warning(few, 846_000)
    assert warning is not None
    assert warning.startswith("800 steps of 32 samples (fabnet) draw 25,600 times from 846,000 training tracks")
    assert "\n" not in warning
    assert laptop_warning(few, 960) is None
    assert laptop_warning(variants("methods=random"), 846_000) is None, "nothing is trained"


def test_tables_say_how_often_methods_see_each_frame() -> None:
    both = variants("methods=random,fabnet,rotation,supervised", "train.steps=2400")
    note = budget_note(both, 7_680)
    assert note.startswith(
        "Budget: 2,400 steps, in which methods see each of 7,680 frames 10 to 20 times. The order of"
    )
    plateaus = budget_note(variants("methods=fabnet", "train.steps=240", "train.schedule=plateau"), 7_680)
    assert plateaus.startswith("Budget: up to 240 steps, in which methods see each of 7,680 frames up to 2 times.")
    seconds = budget_note(variants("methods=fabnet", "train.budget=seconds", "train.amount=90"), 7_680)
    assert seconds.startswith("Budget: 90 seconds. The order")
    assert budget_note(variants("methods=random,supervised"), 7_680) == "", "no method is trained"


def test_a_row_without_its_weights_is_a_gap_that_says_what_to_import(tmp_path: Path) -> None:
    config = load(["methods=[random,vgg-face?]", f"imported={tmp_path}"])
    (line,) = absent_rows(config)
    assert line.startswith("row vgg-face is a gap")
    assert "`fabbench import FILE`" in line
    record = BenchmarkRecord("mine", [], absent=config.absent)
    record.write(tmp_path / "mine")
    assert BenchmarkRecord.read(tmp_path / "mine").absent == ["vgg-face"]
    run = "synthetic/random/seed0"
    scored = RunRecord(run, "random/seed0", "random", "floor", 0, [], [])
    folder = tmp_path / "mine" / run
    folder.mkdir(parents=True)
    write_json(folder / "cost.json", {"parameters": 1})
    replace(record, runs=[replace(scored, run=f"mine/{run}")]).write(tmp_path / "mine")
    cells = read_cells(tmp_path / "mine", "exact")
    assert {(cell["kind"], cell["variant"]) for cell in cells} == {("floor", "random"), ("pretrained", "vgg-face")}
    assert all(cell["mean"] is None for cell in cells if cell["variant"] == "vgg-face")
