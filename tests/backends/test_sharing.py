"""What is kept because it no longer changes."""

import pytest

from ops.sharing import Kept


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_it_keeps_an_answer_for_a_while(clock: Clock) -> None:
    kept = Kept(100, 60.0, clock)
    kept.keep("a", "answer", 10)

    clock.now = 59
    assert kept.get("a") == "answer"
    clock.now = 61
    assert kept.get("a") is None


async def test_it_keeps_no_more_bytes_than_it_may(clock: Clock) -> None:
    kept = Kept(100, 60.0, clock)
    kept.keep("first", 1, 60)
    kept.keep("second", 2, 60)
    kept.keep("too large", 3, 101)

    assert [kept.get(key) for key in ("first", "second", "too large")] == [None, 2, None]
