"""How long the caller of the current RPC waits for its answer."""

import math
from collections.abc import Callable
from contextvars import ContextVar

_remaining: ContextVar[Callable[[], float | None]] = ContextVar("remaining", default=lambda: None)


def note(remaining: Callable[[], float | None]) -> None:
    """Remember the call's `time_remaining`, for the current context."""
    _remaining.set(remaining)


def seconds_left() -> float:
    """Return after how many seconds the caller gives up; infinite if it never does."""
    left = _remaining.get()()
    return math.inf if left is None else left
