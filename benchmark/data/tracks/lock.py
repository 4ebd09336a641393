"""Locks that let several processes pack parts of one store, and one process at a time list its tracks or finish it.

The first lock is the file ``.lock`` in the folder of the store. A process that packs the whole store or finishes it
holds it to its end, a process that lists the tracks while it does so, and a process that packs a part only for the
moment in which it takes a lock of its own, ``unfinished/part-*.lock``. The whole store is free when ``.lock`` and all
of these can be taken. A lock file holds the name of its last owner, for messages.

All locks are ``flock(2)`` locks, taken through filelock, which the system releases when their process ends, even by
SIGKILL. They hold between machines where the network file system forwards them: NFS does so on Linux (with its lock
daemon), Lustre where it is mounted with ``flock``. On a file system without such locks, packing goes on unlocked:
slices are written atomically and have the same bytes whoever writes them, so the only harm is to a process that still
packs a part while another one finishes the store; it fails and can be repeated.
"""

import errno
import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from benchmark.data.tracks.format import UNFINISHED
from benchmark.data.tracks.manifest import MANIFEST
from benchmark.errors import DataError
from benchmark.progress import say

LOCK = ".lock"
POLL_SECONDS = 0.2
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # of a file system that has no locks


@contextmanager
def whole_store(root: Path) -> Iterator[None]:
    """Hold the whole store, to pack what is missing of it and finish it.

    Raises:
        DataError: another process holds the store or packs a part of it, or the folder cannot be written.
    """
    with _write_errors(root), _held(root, root / LOCK):
        for path in sorted((root / UNFINISHED).glob("part-*.lock")):
            with _held(root, path):  # free, and no new part can begin while .lock is held
                path.unlink()
        yield


@contextmanager
def track_listing(root: Path) -> Iterator[None]:
    """Hold the right to list the tracks, waiting for it where another process has it.

    Raises:
        DataError: the folder cannot be written.
    """
    with _write_errors(root), _held(root, root / LOCK, wait=True):
        yield


@contextmanager
def one_part(root: Path) -> Iterator[bool]:
    """Hold the right to pack slices, together with other processes, waiting while one holds the whole store.

    Yields:
        True, or False where the store has been finished in the meantime.

    Raises:
        DataError: the folder cannot be written.
    """
    name = f"part-{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.lock"
    with _write_errors(root):
        with _held(root, root / LOCK, wait=True):
            if (root / MANIFEST).is_file():
                yield False
                return
            part = _acquire(root, root / UNFINISHED / name)
        try:
            yield True
        finally:
            part.release()


@contextmanager
def _write_errors(root: Path) -> Iterator[None]:
    """Create the folder of the store, and raise any OSError in the block as a DataError."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or root}: cannot be written ({error.strerror}); "
            "make room or choose another folder, then run the same again"
        ) from error


@contextmanager
def _held(root: Path, path: Path, *, wait: bool = False) -> Iterator[None]:
    lock = _acquire(root, path, wait=wait)
    try:
        yield
    finally:
        lock.release()


def _acquire(root: Path, path: Path, *, wait: bool = False) -> FileLock:
    lock = FileLock(path, poll_interval=POLL_SECONDS, fallback_to_soft=False)
    try:
        _take(lock, root, path, wait)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    path.write_text(f"process {os.getpid()} on {platform.node()}")
    return lock


def _take(lock: FileLock, root: Path, path: Path, wait: bool) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        owner = path.read_text() or "another process"
        if not wait:
            raise DataError(f"{root}: {owner} is preparing it; wait for it") from error
        say(f"{root}: waiting for {owner}, which is preparing it")
        lock.acquire(timeout=-1)
