"""How long work waits for the database, and how much work may wait.

Work that has not started is refused within two seconds, so that people learn to retry while they
are still looking; a change that has started waits longer.
"""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

from ops.patience import patient

LONGEST = 1.8  # seconds, so that the answer comes within two
PATIENT = 20.0
MOST = 500  # waiting at the same time

_patient: ContextVar[bool] = ContextVar("patient", default=False)


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """Let the database work inside wait longer, in any queue: for a change that has started."""
    token = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(token)


def is_too_long(queue: int) -> bool:
    """Return whether a queue is too long to join."""
    return queue >= MOST and not _patient.get()


def seconds_left(began: float) -> float:
    """Return how long work may still wait that has waited since `began` (time.monotonic)."""
    longest = PATIENT if _patient.get() else LONGEST
    return began + patient(longest) - time.monotonic()
