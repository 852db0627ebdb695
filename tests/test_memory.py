"""Memory goes back to the system."""

import gc
import platform
import weakref
from collections.abc import Iterator
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


@pytest.fixture
def settled() -> Iterator[None]:
    thresholds = gc.get_threshold()
    settle()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


LOADED = [object() for _ in range(3)], Page


def test_what_a_process_has_loaded_is_not_searched_again(settled: None) -> None:
    assert all(each is not LOADED for each in gc.get_objects())


def test_a_large_answer_is_not_searched_again_and_again_while_it_is_read(settled: None) -> None:
    searched = []

    def note(phase: str, info: dict[str, int]) -> None:
        searched.append(info["generation"])

    gc.callbacks.append(note)
    try:
        answer = [{"labels": [number]} for number in range(200_000)]
    finally:
        gc.callbacks.remove(note)
    assert len(answer) == 200_000
    assert searched.count(0) and not searched.count(2)


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
