"""Memory goes back to the system."""

import gc
import platform
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ops.memory import give_back, settle

BLOCK = 64 * 1024
MANY = 64 * 1024 * 1024


class Page:
    """Something large that refers to itself, as a template's context does."""

    def __init__(self) -> None:
        self.blocks = [bytes([1]) * BLOCK for _ in range(MANY // BLOCK)]
        self.itself = self


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_what_a_thread_left_behind_is_given_back() -> None:
    with ThreadPoolExecutor(1) as threads:
        page = threads.submit(Page).result()
    gone = weakref.ref(page)
    large = resident()
    del page
    give_back()
    assert gone() is None
    assert large - resident() > MANY / 2


def test_what_a_process_has_loaded_is_not_searched_again() -> None:
    loaded = [object() for _ in range(3)], Page
    settle()
    try:
        assert all(each is not loaded for each in gc.get_objects())
    finally:
        gc.unfreeze()


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
