"""Settings of a benchmark on a real Slurm: dry run, unusual names, mistakes."""

from pathlib import Path

import pytest

from tests.benchmark.pipeline.on_slurm import SLURM
from tests.benchmark.tiny import call, settings
from tests.slurm.calls import empty, wait
from tests.slurm_lab.cluster import Lab


def test_a_dry_run_prints_the_graph_and_the_batch_scripts(lab: Lab, tmp_path: Path, cache: Path) -> None:
    words = settings(tmp_path, *SLURM, "launcher.pretrain.constraint=a100", "launcher.setup=[module load cuda]")
    call("run", *settings(tmp_path / "made", cache=cache))
    planned = call("run", *words, f"cache={cache}", "--dry-run")
    assert planned.code == 0, planned.err
    assert "array    ARRAY1: embed of 2 jobs  aftercorr:ARRAY0" in planned.out
    assert "#SBATCH --constraint=a100\n" in planned.out
    assert "\nmodule load cuda\n" in planned.out
    assert not (tmp_path / "runs").exists()
    assert empty()


def test_special_characters_in_names_and_jobs_that_fail_before_python(lab: Lab, tmp_path: Path, cache: Path) -> None:
    place = tmp_path / "blank |é/%A $x'q"
    words = settings(place, "methods=mean", "name=a|b c", "launcher.pretrain.pack=2", *SLURM, cache=cache)
    assert call("run", *words, "launcher.setup=[echo loaded, no_such_command]").code == 0
    wait(empty)
    failed = call("status", *words)
    assert failed.code == 1
    assert "no_such_command: command not found" in failed.out
    assert "loaded" in call("logs", "mean/seed0:pretrain", *words).out
    assert call("run", *words).code == 0
    wait(empty)
    assert call("status", *words).code == 0
    (tmp_path / "squeue").write_text("#!/bin/sh\necho 'cannot reach the controller' >&2\nexit 1\n")
    (tmp_path / "squeue").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path), prepend=":")
        unknown = call("status", *words)
    assert unknown.code == 1
    assert "Slurm does not answer: cannot reach the controller" in unknown.out
    assert "pretrain:  1 done" in unknown.out


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("launcher.job.partition=nosuch", "invalid partition specified: nosuch"),
        ("launcher.probe.memory=900G", "Memory specification can not be satisfied"),
        ("launcher.job.minutes=lots", "launcher.job.minutes=lots must be a valid integer"),
        ("launcher.job.minuts=3", "did you mean 'launcher.job.minutes'?"),
        ("launcher.logs=/dev/null/logs", "/dev/null/logs: Not a directory"),
        ("launcher.logs=/tmp/a:b", "a colon, a backslash or a line break"),
        ("launcher.job.options=['--array=0-9']", "--array=0-9 cannot be set"),
        ("launcher.job.options=['exclude=n3']", "'exclude=n3' is not an option of sbatch"),
        ("launcher.job.minutes=3", "leaves no time before launcher.notice_seconds=180"),
        ("launcher.pretrain.processes=3", "cannot be shared out among 3 processes"),
    ],
)
def test_bad_settings_are_one_line(lab: Lab, tmp_path: Path, cache: Path, setting: str, words: str) -> None:
    refused = call("run", *settings(tmp_path, *SLURM, setting, cache=cache))
    assert refused.code in (1, 2)
    line = refused.err.strip().splitlines()[-1]
    assert line.startswith("fabbench: ")
    assert words in line
    assert "Traceback" not in refused.err
    wait(empty)
