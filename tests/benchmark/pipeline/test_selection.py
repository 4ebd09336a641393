"""The part of a benchmark that rows, tasks and seeds select."""

import pytest

from benchmark.errors import UsageError
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord
from benchmark.pipeline.selection import select_runs


def run(variant: str, seed: int, tasks: tuple[str, ...] = ("pose", "age")) -> RunRecord:
    sets = ["faces", "adults"] if len(tasks) == 2 else ["faces"] if "pose" in tasks else []
    return RunRecord(f"mine/{variant}/{seed}", f"{variant}/seed{seed}", variant, "method", seed, sets, list(tasks))


RECORD = BenchmarkRecord(
    benchmark="mine",
    runs=[
        run("pixels", 0),
        *(run("fabnet", seed) for seed in (0, 3)),
        *(run("tuned", seed) for seed in (0, 3)),
        *(run("ceiling", seed, (task,)) for seed in (0, 3) for task in ("pose", "age")),
    ],
    starts=[run("curriculum", seed, ()) for seed in (0, 3)],
    tasks=["pose", "age"],
    config={"task": {"pose": {"set": "faces"}, "age": {"set": "adults"}}},
)


def names(record: BenchmarkRecord) -> list[str]:
    return list(dict.fromkeys(run.name for run in record.all_runs))


def test_without_a_selection_it_is_the_whole_benchmark() -> None:
    assert select_runs(RECORD) == RECORD
    assert select_runs(RECORD, rows=["tuned", "fabnet", "ceiling", "pixels"], seeds=[0, 3]) == RECORD


def test_rows_leave_out_runs_that_only_others_start_from() -> None:
    assert names(select_runs(RECORD, rows=["tuned"])) == ["tuned/seed0", "tuned/seed3"]
    assert names(select_runs(RECORD, rows=["pixels", "curriculum"])) == [
        "pixels/seed0",
        "curriculum/seed0",
        "curriculum/seed3",
    ]


def test_a_row_without_randomness_belongs_to_every_seed() -> None:
    selected = select_runs(RECORD, seeds=[3])
    assert names(selected) == ["pixels/seed0", "fabnet/seed3", "tuned/seed3", "ceiling/seed3", "curriculum/seed3"]


def test_tasks_select_their_sets_and_ceilings() -> None:
    selected = select_runs(RECORD, tasks=["pose"])
    assert selected.tasks == ["pose"]
    assert {tuple(run.tasks) for run in selected.runs} == {("pose",)}
    assert {tuple(run.sets) for run in selected.runs} == {("faces",)}
    assert len(selected.runs) == 1 + 2 + 2 + 2


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"rows": ["tund"]}, "methods: 'tund' is not in benchmark 'mine'; did you mean 'tuned'"),
        ({"tasks": ["poze"]}, "tasks: 'poze' is not in benchmark 'mine'; did you mean 'pose'"),
        ({"seeds": [0, 1]}, "seeds: '1' is not in benchmark 'mine'; available: 0, 3"),
    ],
)
def test_what_was_not_launched_is_refused(selection: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        select_runs(RECORD, **selection)  # type: ignore[arg-type]
