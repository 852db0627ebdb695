"""How a second terminal reaches the running demo: a lock and a file in the demo's folder.

The running demo holds the lock, and takes the file about every second.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError

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


def give(folder: Path, release: str) -> None:
    """Leave an order for the good or the bad release."""
    written = folder / f"release.{os.getpid()}"
    written.write_text(release)
    written.replace(folder / "release")


def take(folder: Path) -> str:
    """Return and remove the order, or return ""."""
    path = folder / "release"
    try:
        release = path.read_text()
        path.unlink()
    except FileNotFoundError:
        return ""
    return release
