"""One writer per project: a second one is refused and told who the first is."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from atomotion.data import AtomotionError


@contextmanager
def only_writer(root: Path) -> Iterator[None]:
    """Hold the project's lock; it is let go when the process ends, however it ends.

    Raises
    ------
    AtomotionError
        Where another process holds it.
    """
    note = root / ".running.json"
    lock = FileLock(root / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AtomotionError(
            f"{root} is in use by {_holder(note)}; wait for it or run: atomotion stop {root}"
        ) from error
    try:
        note.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}))
        (root / ".stop").unlink(missing_ok=True)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(note: Path) -> str:
    try:
        values = json.loads(note.read_text())
    except (OSError, ValueError):
        return "another process"
    return f"process {values['pid']} on {values['host']}"


def ask_to_stop(root: Path) -> bool:
    """Ask whoever works in the project to stop; False where nobody does."""
    lock = FileLock(root / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        (root / ".stop").touch()
        return True
    lock.release()
    return False


def stop_was_asked(root: Path) -> bool:
    """Whether `ask_to_stop` was called since the lock was taken."""
    return (root / ".stop").exists()
