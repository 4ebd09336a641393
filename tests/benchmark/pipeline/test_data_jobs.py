"""What a launch on a cluster does before the data are prepared; needs no Slurm."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.config.load import load
from benchmark.pipeline import cluster, cluster_launch
from benchmark.pipeline.benchmark_record import DataJobRecord
from benchmark.pipeline.data_jobs import (
    data_groups,
    data_job_records,
    is_done,
    list_tracks,
    make_set,
    pack_part,
    track_jobs,
)
from benchmark.pipeline.preparation import n_training_tracks, prepare_tracks, sets_to_make
from slurm.submission import Submission
from tests.benchmark.tiny import call, refused, settings


def done(jobs: list[DataJobRecord]) -> list[str]:
    return [job.shown for job in jobs if is_done(job)]


def test_each_job_tells_from_the_disk_whether_it_is_done(tmp_path: Path) -> None:
    config = load(settings(tmp_path, "data.identities=16", "launcher=slurm", "launcher.parts=4"))
    groups = data_groups(config)
    assert [[job.name for job in group.jobs] for group in groups[:1]] == [
        ["list", "prepare 0/4", "prepare 1/4", "prepare 2/4", "prepare 3/4", "index"]
    ]
    jobs = data_job_records(config, groups)
    assert done(jobs) == []
    list_tracks(config)
    assert done(jobs) == ["list of tracks", "tracks 2/4", "tracks 3/4"], "two slices leave nothing to the others"
    pack_part(config, 1, 4)
    assert [job.name for job in track_jobs(config)] == ["prepare 0/4", "index"]
    make_set(config, "synthetic")
    assert sets_to_make(config) == []
    assert done(jobs) == ["list of tracks", "tracks 1/4", "tracks 2/4", "tracks 3/4", "faces synthetic"]
    prepare_tracks(config)
    assert done(jobs) == [job.shown for job in jobs]
    assert data_groups(config) == []
    next(tmp_path.glob("cache/faces/*.arrow")).unlink()
    assert "faces synthetic" not in done(jobs)


def test_a_set_made_of_the_tracks_waits_for_their_index(tmp_path: Path) -> None:
    words = settings(tmp_path, "data.frames_per_track=4", "tasks=heldout-identity", "methods=mean", "launcher=slurm")
    config = load(words)
    assert sets_to_make(config) == ["heldout"]
    of_sets = data_groups(config)[-1].jobs
    assert [job.depends_on for job in of_sets] == [("index",)]
    prepare_tracks(config)
    assert [job.depends_on for job in data_groups(config)[0].jobs] == [()]
    assert call("run", *words, "launcher=inline").code == 0
    assert sets_to_make(config) == []


def test_the_number_of_training_tracks_is_known_before_they_are_packed(tmp_path: Path) -> None:
    config = load(settings(tmp_path))
    expected = n_training_tracks(config)
    list_tracks(config)
    assert n_training_tracks(config) == expected
    prepare_tracks(config)
    assert n_training_tracks(config) == expected
    assert expected is not None
    assert 0 < expected < 12
    raw = load(["data=videos", f"data.root={tmp_path}", f"cache={tmp_path}"])
    assert n_training_tracks(raw) is None, "nobody has listed them"


def test_a_laptops_budget_is_told_by_the_command_that_submits_the_preparation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_launch, "check_parts", lambda config: None)
    monkeypatch.setattr(cluster, "submit", lambda *_: Submission([], {}))
    launched = call("run", *settings(tmp_path, "launcher=slurm", "train.steps=2", "train.batch_size=1"))
    assert launched.code == 0, launched.err
    assert "warning: 2 steps of 1 samples (fabnet) draw 2 times from 9 training tracks" in launched.err


def test_a_dry_run_shows_the_whole_graph_before_there_are_data(tmp_path: Path) -> None:
    planned = call("run", *settings(tmp_path, "launcher=slurm", "launcher.parts=4", "seeds=2"), "--dry-run")
    assert planned.code == 0, planned.err
    arrays = [line.partition(": ")[2] for line in planned.out.splitlines() if line.startswith("array ")]
    assert arrays == [
        "prepare of 1 job  at once",
        "prepare of 4 jobs  afterok:ARRAY0_0",
        "prepare of 1 job  afterok:ARRAY1_0:ARRAY1_1:ARRAY1_2:ARRAY1_3",
        "prepare of 1 job  at once",
        "submit of 1 job  aftercorr:ARRAY2:ARRAY3",
        "pretrain of 3 jobs  submitted by the job submit, as far as not done",
        "embed of 3 jobs  aftercorr:ARRAY5",
        "probe of 3 jobs  aftercorr:ARRAY6",
        "tables of 1 job  afterany:ARRAY5:ARRAY6:ARRAY7",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Nine folders of frames that cannot be read, of nine people."""
    for number in range(9):
        (tmp_path / "raw" / f"id{number}" / "video").mkdir(parents=True)
        (tmp_path / "raw" / f"id{number}" / "video" / "1.jpg").touch()
    return tmp_path / "raw"


def test_raw_data_are_not_listed_on_the_login_node(tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    walk = os.walk

    def counted(base: Path, **options: Any) -> Iterator[tuple[str, list[str], list[str]]]:
        for found in walk(str(base), **options):
            seen.append(found[0])
            yield found

    monkeypatch.setattr(os, "walk", counted)
    others = [word for word in settings(tmp_path, "launcher=slurm") if not word.startswith("data.")]
    words = [*others, "data=frames", f"data.root={raw}", "data.size=32"]
    assert call("run", *words, "--dry-run").code == 0
    assert 0 < len(seen) < 9
    (raw / "id0").rename(tmp_path / "id0")
    for folder in raw.iterdir():
        (folder / "video" / "1.jpg").unlink()
    assert f"{raw}: no image in it" in refused(1, "run", *words)


def test_sets_are_prepared_by_name(tmp_path: Path) -> None:
    words = settings(tmp_path, "data.size=32", only=("sets", "cache"))
    assert call("prepare", "synthetic", *words, "--dry-run").out == "faces    synthetic: to be made\n"
    made = call("prepare", "synthetic", *words)
    assert made.code == 0, made.err
    (path,) = tmp_path.glob("cache/faces/*.arrow")
    assert made.out == f"synthetic: 64 train, 16 val, 32 test, 32 px: {path}\n"
    assert call("prepare", "synthetic", *words, "--dry-run").out == "faces    synthetic: ready\n"
    assert "unknown set 'synthetik'; did you mean 'synthetic'?" in refused(2, "prepare", "synthetik", *words)
    assert "each labelled set is one job" in refused(2, "prepare", "synthetic", *words, "--part", "0/2")
    assert "data.store has no effect" in refused(2, "prepare", "synthetic", *words, "data.store=/data")
    assert "sets.w300.root=DIR is missing" in refused(2, "prepare", "w300", *words)


def test_verify_keeps_no_copy(tmp_path: Path) -> None:
    words = settings(tmp_path, "data.size=32", only=("sets", "cache"))
    checked = call("verify", "synthetic", *words)
    assert checked.code == 0, checked.err
    assert f"not in {tmp_path}/cache at 32 px; `fabbench prepare synthetic` makes it" in checked.out
    assert list(tmp_path.glob("cache/faces/*.arrow")) == []
    call("prepare", "synthetic", *words)
    assert "not in" not in call("verify", "synthetic", *words).out
