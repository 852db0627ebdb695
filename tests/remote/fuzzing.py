"""How often the fuzz tests try: the same few in the quick suite, 10^5 inputs in `make chaos`."""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")
QUICK = 20
RUNS = int(os.environ.get("REMOTE_RUNS", QUICK))


def runs(times: float) -> Callable[[T], T]:
    """Decorate a test that is to run so many times as often; those of `make chaos` are random."""
    decorate: Callable[[T], T] = settings(
        max_examples=int(times * RUNS), deadline=None, derandomize=RUNS == QUICK
    )
    return decorate
