"""A dry run of a benchmark."""

from pathlib import Path

from tests.benchmark.tiny import FULL, Finished, call, settings, times


def test_a_dry_run_describes_the_plan_and_writes_nothing(tmp_path: Path, cache: Path) -> None:
    planned = call("run", *settings(tmp_path, *FULL), "--dry-run")
    assert planned.code == 0
    assert "to be prepared" in planned.out
    planned = call(
        "run",
        *settings(tmp_path, "methods=fabnet-3source", "train.batch_size=10", "data.frames_per_track=4"),
        "--dry-run",
    )
    assert "start    fabnet-3source: from fabnet-curriculum of the same seed" in planned.out
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_names_what_is_missing(launched: tuple[Path, Finished], cache: Path) -> None:
    place = launched[0]
    before = times(place, "**/*") | times(cache, "**/*")
    planned = call("run", *settings(place, *FULL, "train.steps=6", cache=cache), "--dry-run").out
    assert "fabnet/seed0: pretrain, embed-synthetic, probe-synthetic-pose, probe-synthetic-aus" in planned
    planned = call("run", *settings(place, *FULL, "seeds=[0,3,4]", cache=cache), "--dry-run").out
    assert "fabnet/seed3: done" in planned
    assert "fabnet/seed4: pretrain" in planned
    assert times(place, "**/*") | times(cache, "**/*") == before
