"""What is kept because it no longer changes, and what is asked on while nobody waits."""

import asyncio

import pytest

from ops.caching import KNOWN, Kept, Known, Lasting, Shared
from ops.errors import NotFound


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


class Reading:
    """A read that answers when it may, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.may_answer = asyncio.Event()
        self.cancelled = 0

    async def __call__(self) -> int:
        self.calls += 1
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.calls


class TestLasting:
    async def test_it_goes_on_for_those_who_ask_again(self) -> None:
        lasting, read = Lasting(Shared()), Reading()
        assert await lasting.answer("key", read, 0) == Known(fresh=False)
        asked_again = asyncio.create_task(lasting.answer("key", read, 60))
        await asyncio.sleep(0)
        read.may_answer.set()
        assert await asked_again == Known(1)
        assert read.calls == 1

    async def test_it_outlives_who_asked(self) -> None:
        lasting, read = Lasting(Shared()), Reading()
        asking = asyncio.create_task(lasting.answer("key", read, 60))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        read.may_answer.set()
        assert await lasting.answer("key", read, 60) == Known(1)
        assert (read.calls, read.cancelled) == (1, 0)

    async def test_the_last_answer_stands_in_for_a_while(self, clock: Clock) -> None:
        lasting, read = Lasting(Shared(clock), clock), Reading()
        read.may_answer.set()
        assert await lasting.answer("key", read, 60) == Known(1)
        read.may_answer.clear()
        clock.now = KNOWN - 1
        assert await lasting.answer("key", read, 0) == Known(1, fresh=False)
        clock.now = KNOWN + 1
        assert await lasting.answer("key", read, 0) == Known(fresh=False)
        await lasting.close()
        assert read.cancelled == 1

    async def test_an_error_is_an_answer_that_nothing_stands_in_for(self) -> None:
        async def fail() -> int:
            raise error

        error = NotFound("no such thing")
        lasting = Lasting(Shared())
        assert await lasting.answer("key", fail, 60) == Known(error=error)
