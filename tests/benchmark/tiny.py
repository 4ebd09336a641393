"""A benchmark of a few seconds: every stage, a few faces, a few steps."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import main

ROOT = Path(__file__).parents[2]

SETTINGS = (
    "preset=quick",
    "launcher=inline",
    "data.identities=12",
    "data.tracks_per_identity=1",
    "data.frames_per_track=3",
    "data.size=32",
    "sets.synthetic.train=64",
    "sets.synthetic.val=16",
    "sets.synthetic.test=32",
    "train.steps=4",
    "train.batch_size=4",
    "train.val_samples=4",
    "train.threads=1",
    "encoder.width=4",
    "encoder.dim=16",
    "methods=mean,fabnet",
    "tasks=synthetic-pose",
)

# A small benchmark with a row of every kind, two tasks and two seeds.
TASKS = ("synthetic-pose", "synthetic-aus")
ROWS = {"mean": "floor", "random": "floor", "fabnet": "method", "supervised": "ceiling"}
FULL = (f"methods={','.join(ROWS)}", f"tasks={','.join(TASKS)}", "seeds=[0,3]")

METHOD = '''
"""A method in one file: an encoder whose mean output is to be small."""

from pathlib import Path

from methods.base import Method, MethodOutput
from methods.registry import register


@register("{name}", version=1)
class Own(Method):
    summary = "written by a test"

    def __init__(self, encoder, options=None):
        super().__init__(encoder, options)
        self.encoder = encoder.build()

    def forward(self, frames):
        if Path(__file__).with_name("broken").exists():
            raise RuntimeError("this method is broken")
        return MethodOutput(self.encoder(frames[:, 0]).square().mean(1))
'''


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str


def settings(place: Path, *more: str, cache: Path | None = None, only: Sequence[str] = ()) -> list[str]:
    """Settings of the tiny benchmark.

    Args:
        place: folder of its runs and cache.
        more: settings that replace or are added to its own.
        cache: where data are made, if not in ``place``.
        only: groups such as "data" to which its own settings are limited, for commands that use no others.
    """
    own = [*SETTINGS, f"out={place / 'runs'}", f"cache={cache or place / 'cache'}"]
    if only:
        own = [word for word in own if word.partition("=")[0].partition(".")[0] in ("preset", *only)]
    return [*own, *more]


def call(*words: str) -> Finished:
    """The command line in this process, on one core so that no worker has to start."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setenv("SLURM_CPUS_PER_TASK", "1")
        code = main(list(words))
    return Finished(code, out.getvalue(), err.getvalue())


def refused(code: int, *words: str) -> str:
    """The one line to standard error that a command ends with, after checking its exit code."""
    finished = call(*words)
    assert finished.code == code, finished
    assert finished.out == ""
    lines = finished.err.splitlines()
    assert len(lines) == 1, finished.err
    assert lines[0].startswith("fabbench: ")
    return lines[0]


def start(*words: str, **options: Any) -> "subprocess.Popen[str]":
    """The command line in a process group of its own, on one core."""
    core = min(os.sched_getaffinity(0))

    def prepare_child() -> None:
        os.sched_setaffinity(0, {core})
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # it is ignored, and inherited so, under nohup or in `make test &`

    return subprocess.Popen(
        [sys.executable, "-m", "benchmark", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=prepare_child,
        **options,
    )


def end(process: "subprocess.Popen[str]", seconds: float = 300) -> Finished:
    """Waits for a process that `start` began, for so long at most."""
    out, err = process.communicate(timeout=seconds)
    return Finished(process.returncode, out, err)


def cells(folder: Path) -> list[dict[str, Any]]:
    """The cells written of a benchmark, without its costs, which time decides."""
    found = json.loads((folder / "tables" / "cells.json").read_text())
    return [cell for cell in found if cell["task"] != "cost"]


def run_folder(place: Path, row: str, data: str = "synthetic") -> Path:
    """The folder of a row's run with seed 0, of the tiny benchmark below ``place``."""
    return next(place.glob(f"runs/quick/{data}/{row}/seed0-*"))


def times(folder: Path, pattern: str) -> dict[str, int]:
    """When each file below a folder was written, by relative path."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.glob(pattern) if path.is_file()}
