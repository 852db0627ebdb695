"""How a second terminal reaches the running demo: a lock and files in the demo's folder.

The running demo holds the lock, and takes the files about every second.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError

RELEASE, RESTART = "release", "restart"  # the kinds of orders
GOOD, BAD = "good", "bad"


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Hold the folder's lock while inside; raises CommandError if another demo holds it."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError("the demo is already running; stop it first") from None
        yield


def is_running(folder: Path) -> bool:
    """Return whether a demo runs in this folder."""
    try:
        with running(folder):
            return False
    except FileNotFoundError:
        return False
    except CommandError:
        return True


def give(folder: Path, kind: str, order: str) -> None:
    """Leave an order; it replaces one of the same kind that has not been taken."""
    written = folder / f"{kind}.{os.getpid()}"
    written.write_text(order)
    written.replace(folder / kind)


def take(folder: Path, kind: str) -> str:
    """Return and remove the order of a kind, or return ""."""
    path = folder / kind
    try:
        order = path.read_text()
        path.unlink()
    except FileNotFoundError:
        return ""
    return order
