"""Matlab's .mat files, versions 5 to 7, read by SciPy in a worker process.

A few wrong bytes make `scipy.io.loadmat` crash or allocate all memory. In a process of its own, with limits, this ends
the worker, and the file is refused like any other broken one.
"""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmark.errors import DataError
from slurm.signals import NOTICE

SECONDS = 10  # for one file; reading one takes milliseconds
MEMORY = 1 << 30  # bytes that SciPy may allocate
WORKER = Path(__file__).with_name("mat_worker.py")


class MatReader:
    """Context manager that reads .mat files in one worker process, restarted after a file that ends it."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._worker is not None:
            _end(self._worker)

    def read(self, path: Path) -> dict[str, Any]:
        """The variables of a file, as `scipy.io.loadmat` returns them with ``simplify_cells``.

        Structures are dictionaries, cell arrays lists or arrays, text is str; dimensions of length 1 are removed.

        Raises:
            DataError: the file cannot be read; also one of version 7.3, which is HDF5.
        """
        worker = self._worker = self._worker or _start()
        try:
            result = _ask(worker, path)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            self._worker = None
            raise DataError(f"{path}: not a readable .mat file (SciPy {_reason(_end(worker))})") from error
        if isinstance(result, str):
            raise DataError(f"{path}: not a readable .mat file ({result})")
        variables: dict[str, Any] = result
        return variables


def _start() -> "subprocess.Popen[bytes]":
    """A worker that has imported SciPy.

    Raises:
        RuntimeError: it did not start.
    """
    worker = subprocess.Popen(
        [sys.executable, "-P", str(WORKER), str(SECONDS), str(MEMORY), str(int(NOTICE))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert worker.stdout is not None
    try:
        pickle.load(worker.stdout)
    except EOFError as error:
        raise RuntimeError(f"the process that reads .mat files {_reason(_end(worker))}") from error
    return worker


def _ask(worker: "subprocess.Popen[bytes]", path: Path) -> Any:
    assert worker.stdin is not None
    assert worker.stdout is not None
    pickle.dump(str(path), worker.stdin)
    worker.stdin.flush()
    return pickle.load(worker.stdout)


def _end(worker: "subprocess.Popen[bytes]") -> int:
    """Close the worker's input, which ends it, and return its exit code."""
    worker.communicate()
    return worker.returncode


def _reason(exit_code: int) -> str:
    """How a worker ended, as the end of a sentence."""
    if exit_code == -signal.SIGALRM:
        return f"took more than {SECONDS} s"
    if exit_code < 0:
        return f"crashed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
