"""Work that several threads ask for."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from ops.once import Once

THREADS = 4
PATIENCE = 60.0  # seconds


def test_threads_that_ask_at_once_get_one_result() -> None:
    once, together, never = Once[object](), Barrier(THREADS), Event()
    done: list[object] = []

    def work() -> object:
        never.wait(0.1)  # the others ask meanwhile
        done.append(object())
        return done[-1]

    def ask() -> object:
        together.wait(PATIENCE)
        return once.get(work)

    with ThreadPoolExecutor(THREADS) as threads:
        found = [each.result() for each in [threads.submit(ask) for _ in range(THREADS)]]
    assert found == done * THREADS


def test_nobody_waits_for_the_work_of_another() -> None:
    slow, quick, begun, release = Once[int](), Once[int](), Event(), Event()

    def work() -> int:
        begun.set()
        assert release.wait(PATIENCE)
        return 1

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(slow.get, work)
        assert begun.wait(PATIENCE)
        assert threads.submit(quick.get, lambda: 2).result(PATIENCE) == 2
        release.set()
        assert first.result() == 1


def test_work_that_failed_is_done_again() -> None:
    once = Once[float]()
    with pytest.raises(ZeroDivisionError):
        once.get(lambda: 1 / 0)
    assert once.get(lambda: 1.0) == 1.0
