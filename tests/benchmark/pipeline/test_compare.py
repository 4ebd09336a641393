"""Two benchmarks side by side, from runs on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchmark.cli import main
from benchmark.errors import UsageError
from benchmark.files import write_json
from benchmark.layout import per_image_file, scores_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord, SetRecord
from benchmark.pipeline.compare import Verdict, compare
from probes.probe import probe
from probes.target import Labels

N = 180
PEOPLE = np.array([f"person{row // 3}" for row in range(N)])
SPLIT = np.repeat(["train", "val", "test"], N // 3)
TRUTH = np.random.default_rng(0).normal(0, 20, (N, 3)).astype(np.float32)


def launched(
    out: Path,
    name: str,
    noise: Mapping[str, float],
    seeds: Sequence[int] = (0, 1, 2),
    set_hash: str = "1",
    steps: int = 10,
) -> Path:
    """A benchmark whose rows read the pose with errors of these sizes; its folder."""
    runs = []
    for variant, size in noise.items():
        for seed in seeds:
            run = f"{name}/{variant}-{seed}"
            random = np.random.default_rng([seed, int(10 * size)])
            features = TRUTH + random.normal(0, size, TRUTH.shape).astype(np.float32)
            target = Labels("pose", TRUTH, np.ones(N, bool), ("roll", "pitch", "yaw"))
            probed = probe(target, SPLIT, features, heads=("exact",), people=PEOPLE)
            owner = {"benchmark": name, "variant": variant, "kind": "method", "seed": seed, "task": "turn"}
            write_json(scores_file(out / run, "turn"), {"schema": 1, **owner, "run": run, **probed.record})
            arrays = {key: np.ascontiguousarray(each) for key, each in probed.arrays.items()}
            save_file(arrays, per_image_file(out / run, "turn"))
            runs.append(RunRecord(run, f"{variant}/seed{seed}", variant, "method", seed, ["faces"], ["turn"]))
    config = {"task": {"turn": {"set": "faces"}}, "train": {"steps": steps}, "name": name, "out": str(out)}
    BenchmarkRecord(name, runs, tasks=["turn"], sets={"faces": SetRecord(set_hash, "", "")}, config=config).write(
        out / name
    )
    return out / name


def verdicts(before: Path, after: Path) -> dict[str, Verdict]:
    return {change.row[1]: change.verdict for change in compare(before, after, "exact").changes}


def test_each_row_gets_the_verdict_of_its_test(tmp_path: Path) -> None:
    before = launched(tmp_path, "before", {"alike": 5, "improved": 9, "worsened": 4, "equal": 6})
    after = launched(tmp_path, "after", {"alike": 5.1, "improved": 3, "worsened": 9, "equal": 6})
    assert verdicts(before, after) == {
        "alike": Verdict.NOT_SHOWN,
        "improved": Verdict.BETTER,
        "worsened": Verdict.WORSE,
        "equal": Verdict.SAME,
    }


def test_a_regression_can_fail_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launched(tmp_path, "before", {"own": 4})
    launched(tmp_path, "worse", {"own": 9})
    launched(tmp_path, "without", {"other": 4})
    words = [f"out={tmp_path}", "probe.table_head=exact"]
    assert main(["compare", "before", "worse", *words]) == 0
    assert "worse" in capsys.readouterr().out
    assert main(["compare", "before", "worse", "--fail-on-regression", *words]) == 1
    assert main(["compare", "worse", "before", "--fail-on-regression", *words]) == 0
    assert main(["compare", "before", "without", "--fail-on-regression", *words]) == 1
    out = capsys.readouterr().out
    assert "Missing after:\n  own on turn" in out
    assert "New after:\n  other on turn" in out


def test_only_common_seeds_are_compared(tmp_path: Path) -> None:
    before = launched(tmp_path, "before", {"own": 4}, seeds=[0, 1, 2])
    after = launched(tmp_path, "after", {"own": 4}, seeds=[1, 2, 3])
    (change,) = compare(before, after, "exact").changes
    assert change.verdict == Verdict.SAME
    assert change.before == change.after


def test_other_labelled_sets_are_not_compared(tmp_path: Path) -> None:
    before = launched(tmp_path, "before", {"own": 4})
    after = launched(tmp_path, "after", {"own": 9}, set_hash="2")
    difference = compare(before, after, "exact")
    assert difference.changes == []
    assert difference.refused == ["own on turn: its labelled sets differ"]
    assert not difference.regressed


def test_settings_that_decide_results_are_named(tmp_path: Path) -> None:
    before, after = launched(tmp_path, "before", {"own": 4}), launched(tmp_path, "after", {"own": 4}, steps=20)
    assert compare(before, after, "exact").settings == ["train.steps: 10 before, 20 after"]


def test_what_cannot_be_compared_at_all_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = launched(tmp_path, "before", {"own": 4})
    with pytest.raises(UsageError, match="no scores by head linear"):
        compare(folder, folder, "linear")
    assert main(["compare", "before", f"out={tmp_path}"]) == 2
    assert "two benchmarks" in capsys.readouterr().err
    assert main(["compare", "before", "befor", f"out={tmp_path}"]) == 2
    assert "no benchmark 'befor'" in capsys.readouterr().err
