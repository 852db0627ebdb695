"""A result that is computed on first use, by whichever thread needs it.

functools.cached_property is not enough: in Python 3.11 its lock is the class's, so that a small
trace waits for a large one; from 3.12 on it has none, and threads that ask at the same time all
do the work.
"""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """One result. Threads that ask while it is computed wait for it; others never wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: list[T] = []

    def get(self, work: Callable[[], T]) -> T:
        """Return the result of the first `work` that succeeded."""
        if not self._found:
            with self._lock:
                if not self._found:
                    self._found.append(work())
        return self._found[0]
