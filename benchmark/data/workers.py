"""Runs a function over many arguments in worker processes that end with their parent, however it ends."""

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
    """Yields (position, result) as calls finish, in any order; in this process if one worker is enough.

    Raises:
        DataError: a worker process was killed. Whatever ``function`` raises is raised as it is.
    """
    workers = min(workers, len(arguments))
    if workers <= 1:
        for i, one in enumerate(arguments):
            yield i, function(*one)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of torch's threads
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        position = {pool.submit(function, *one): i for i, one in enumerate(arguments)}
        for future in as_completed(position):
            yield position[future], future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "a worker process was killed (out of memory, or a file that crashes its decoder?); "
            "run the same command again to go on from here, with workers=1 to see which file it is"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # one process a core, not one thread a core in each of them
    signal.signal(NOTICE, signal.SIG_IGN)  # it comes to all processes of a job; the parent decides when to leave
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        parent.join()  # type: ignore[union-attr]  # a worker has one
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
