"""How long work waits for its turn at the database, and how much of it.

Work that has not begun is refused within two seconds, so that people are told to try again while
they still look; a change that has begun waits long.
"""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

LONGEST = 1.8  # seconds: what waited so long is answered within two
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


def seconds_left(began: float) -> float:
    """Return how long one may still wait who began to wait then (time.monotonic)."""
    return began + (PATIENT if _patient.get() else LONGEST) - time.monotonic()
