"""Parallel calls in worker processes that end with their parent process, even if it is killed."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from benchmark.errors import DataError
from slurm.signals import NOTICE

T = TypeVar("T")


def run_parallel(
    function: Callable[..., T], arguments: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[tuple[int, T]]:
    """Call a function once per tuple of arguments.

    Args:
        function: picklable. Exceptions it raises are raised here.
        arguments: positional arguments of each call.
        workers: processes; with 1, the calls are made in this process.

    Yields:
        (position in ``arguments``, result), in the order in which calls finish.

    Raises:
        DataError: a worker process was killed.
    """
    workers = min(workers, len(arguments))
    if workers <= 1:
        for i, call_arguments in enumerate(arguments):
            yield i, function(*call_arguments)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of torch's threads
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        positions = {pool.submit(function, *call_arguments): i for i, call_arguments in enumerate(arguments)}
        for future in as_completed(positions):
            yield positions[future], future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "a worker process was killed (out of memory, or a file that crashes its decoder?); "
            "run the same command again to go on from here, with workers=1 to see which file it is"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # there is one process per core already
    signal.signal(NOTICE, signal.SIG_IGN)  # sent to all processes of a job; the parent decides when to stop
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
