"""Runs as a graph of jobs."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.config.probing import ProbeParts
from benchmark.config.schema import AugmentConfig, EncoderConfig, ProbeConfig, TaskConfig, TrainConfig
from benchmark.config.variants import Variant
from benchmark.pipeline.jobs import failures, run_jobs, tables_job
from benchmark.pipeline.run_folder import Run
from benchmark.pipeline.run_spec import RunSpec, SetFile
from slurm.graph import Job, Outcome

PARTS = ("pretrain", "embed", "probe")


def variant(name: str, steps: int, parent: str | None = None, kind: str = "method") -> Variant:
    return Variant(
        name=name,
        method="fabnet",
        kind=kind,
        options={},
        encoder=EncoderConfig(),
        size=64,
        train=TrainConfig(steps=steps),
        augment=AugmentConfig(),
        parent=parent,
        init_folder=None,
        weights=None,
        frames=2,
        shapes={},
    )


def spec(folder: Path, variant: Variant, parent: RunSpec | None = None) -> RunSpec:
    run = Run(
        out=str(folder),
        benchmark="mine",
        data="synthetic",
        variant=variant.name,
        method=variant.method,
        version=1,
        kind=variant.kind,
        seed=0,
        options={},
        encoder=variant.encoder,
        size=variant.size,
        augment=AugmentConfig(),
        train=variant.train,
        data_hash="0" * 64,
    )
    return RunSpec(
        run=run,
        store=folder / "store",
        sets={"faces": SetFile(folder / "faces.arrow", "1" * 64)},
        tasks={"pose": TaskConfig("faces", "pose")},
        probe=ProbeConfig(),
        parts=ProbeParts([], [], {}),
        threads=1,
        command=["fabbench"],
        tracker="none",
        parent=parent.run if parent else None,
    )


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Of a floor, a long run, and two shorter ones of which one starts from the other."""
    variants = {
        "mean": variant("mean", 900, kind="floor"),
        "first": variant("first", 600),
        "next": variant("next", 600, parent="first"),
        "long": variant("long", 1000),
    }
    first = spec(tmp_path, variants["first"])
    specs = [spec(tmp_path, variants["mean"]), first, spec(tmp_path, variants["next"], first)]
    return run_jobs([*specs, spec(tmp_path, variants["long"])], variants)


def test_the_longest_chain_of_runs_comes_first(jobs: list[Job]) -> None:
    runs = [job.name.split("/")[0] for job in jobs]
    assert list(dict.fromkeys(runs)) == ["first", "long", "next", "mean"]
    assert [job.stage for job in jobs] == [*PARTS] * 4


def test_a_part_comes_after_the_part_before_and_training_after_that_of_the_parent(jobs: list[Job]) -> None:
    depends_on = {job.name: job.depends_on for job in jobs}
    assert depends_on["first/seed0 pretrain"] == ()
    assert depends_on["first/seed0 embed"] == ("first/seed0 pretrain",)
    assert depends_on["first/seed0 probe"] == ("first/seed0 embed",)
    assert depends_on["next/seed0 pretrain"] == ("first/seed0 pretrain",)
    assert depends_on["next/seed0 embed"] == ("next/seed0 pretrain",)


def test_a_finished_parent_is_not_waited_for(tmp_path: Path) -> None:
    first = spec(tmp_path, variant("first", 600))
    following = variant("next", 600, parent="first")
    (pretrain, *_) = run_jobs([spec(tmp_path, following, first)], {"next": following})
    assert pretrain.depends_on == ()


def test_tables_come_last_whatever_has_failed(jobs: list[Job]) -> None:
    tables = tables_job(jobs, Path("mine"), "exact")
    assert tables.afterany
    assert tables.depends_on == tuple(job.name for job in jobs)


def test_the_first_failure_of_each_run_is_reported() -> None:
    log = Path("log")
    outcomes = [
        Outcome("a/seed0 pretrain", "broken", log),
        Outcome("a/seed0 embed", "not started", log, cause="a/seed0 pretrain"),
        Outcome("b/seed0 pretrain", "not started", log, cause="a/seed0 pretrain"),
        Outcome("c/seed0 pretrain", None, log),
    ]
    assert [(outcome.name, outcome.error) for outcome in failures(outcomes)] == [
        ("a/seed0", "broken"),
        ("b/seed0", "not started, since a/seed0 failed"),
    ]


def test_every_row_has_its_first_seed_before_any_has_its_second(tmp_path: Path) -> None:
    variants = {"short": variant("short", 10), "long": variant("long", 900)}
    first = [spec(tmp_path, each) for each in variants.values()]
    second = [replace(each, run=replace(each.run, seed=1)) for each in first]
    specs = [first[0], second[0], first[1], second[1]]
    trained = [job.name for job in run_jobs(specs, variants) if job.stage == "pretrain"]
    assert trained == [f"{name} pretrain" for name in ("long/seed0", "short/seed0", "long/seed1", "short/seed1")]
