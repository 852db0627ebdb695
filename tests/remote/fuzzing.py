"""How often the fuzz tests try: the same few in the quick suite, 10^5 inputs in `make chaos`."""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")
RUNS = int(os.environ.get("REMOTE_RUNS", "20"))


def runs(times: float) -> Callable[[T], T]:
    """Decorate a test that is to run so many times as often."""
    decorate: Callable[[T], T] = settings(max_examples=int(times * RUNS))
    return decorate
