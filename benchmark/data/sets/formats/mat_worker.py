"""Worker process of `mat.MatReader`: reads .mat files with SciPy.

    python mat_worker.py SECONDS BYTES SIGNAL

Takes pickled paths from standard input, and answers each on standard output with a pickle of its variables, or of an
error message. Ends with its input, when a file takes more than SECONDS, and when SciPy crashes. SciPy may allocate
BYTES. SIGNAL is ignored, as it is for the parent process to handle. Imports nothing of this project.
"""

import os
import pickle
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

from scipy.io import loadmat
from scipy.io.matlab import MatReadWarning


def main(seconds: int, memory: int, ignored_signal: int) -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(ignored_signal, signal.SIG_IGN)
    limit_memory(memory)
    warnings.simplefilter("error", MatReadWarning)  # a variable that cannot be read, or that occurs twice
    with os.fdopen(os.dup(1), "wb") as answers:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)  # nothing but answers goes to the parent
        os.dup2(nowhere, 2)  # last words of a crash
        pickle.dump("ready", answers)
        answers.flush()
        while True:
            try:
                path = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            signal.alarm(seconds)  # without a handler, the signal ends the process within compiled code, too
            pickle.dump(read(path), answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()
            signal.alarm(0)


def limit_memory(memory: int) -> None:
    """Limit the address space to its present size plus ``memory`` bytes; only Linux tells the former."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        pages = int(statm.read_text().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, hard))


def read(path: str) -> dict[str, Any] | str:
    """The variables of a file, or why it cannot be read."""
    try:
        return dict(loadmat(path, simplify_cells=True, appendmat=False))
    except OSError as error:
        return error.strerror or str(error)
    except Exception as error:  # broken files raise many kinds of errors
        return f"{type(error).__name__}: {error}".removesuffix(": ")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
