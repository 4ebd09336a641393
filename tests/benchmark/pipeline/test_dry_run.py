"""A dry run of a benchmark."""

from pathlib import Path

import pytest

from tests.benchmark.tiny import FULL, Finished, call, refused, settings, times


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


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
@pytest.mark.parametrize(("key", "folder"), [("out", "/dev/null"), ("cache", "/dev/full/cache")])
def test_folders_that_cannot_be_written_to_are_refused_before_any_work(
    tmp_path: Path, key: str, folder: str, dry_run: list[str]
) -> None:
    line = refused(1, "run", *settings(tmp_path, f"{key}={folder}"), *dry_run)
    assert f"{key}={folder}: /dev/" in line
    assert line.endswith("is not a folder that can be written to; choose another")
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
