"""How long work waits for its turn at the database, and how much of it.

A queue that moves is waited in: what a crowd needs is read in moments, each for itself. One that
does not move, because whoever is before holds on, is left within two seconds.
"""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

STUCK = 1.5  # seconds in which nobody got a turn
LONGEST = 8.0  # seconds, in a queue that moves
PATIENT = 20.0
MOST = 500  # that wait at once

_patient: ContextVar[bool] = ContextVar("patient", default=False)


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """Let the database work inside wait long, and behind however many: for a change that began."""
    token = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(token)


def is_too_long(queue: int) -> bool:
    """Whether one more does not even begin to wait behind so many."""
    return queue >= MOST and not _patient.get()


def seconds_left(began: float, moved: float) -> float:
    """Return how long one may still wait who began then, in a queue that moved last at `moved`."""
    until = began + PATIENT if _patient.get() else min(max(began, moved) + STUCK, began + LONGEST)
    return until - time.monotonic()
