"""Locks between processes of one machine (`flock`); the kernel frees them when their holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; waits for as long as another process or thread holds it."""
    descriptor = _acquire(path, wait=True)
    assert descriptor is not None
    try:
        yield
    finally:
        _release(path, descriptor)


@contextmanager
def exclusive_now(path: Path) -> Iterator[bool]:
    """Try to hold the lock file `path` without waiting; yields whether it is held."""
    descriptor = _acquire(path, wait=False)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _release(path, descriptor)


def _acquire(path: Path, wait: bool) -> int | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if _is_current(path, descriptor):
            return descriptor
        os.close(descriptor)  # the last holder removed the file while we waited: take the new one


def _is_current(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _release(path: Path, descriptor: int) -> None:
    # Removed while still held, so that lock files do not pile up; `_is_current` makes that safe.
    path.unlink(missing_ok=True)
    os.close(descriptor)
