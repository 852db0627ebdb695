"""What every backend call goes through, with a clock that the tests turn."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from ops.backends.breaker import FAILURES
from ops.backends.calls import Calls
from ops.caching import MOST_YOUNG, YOUNG
from ops.errors import BackendTimeout, Busy, NotFound
from ops.vocabulary import timerange
from tests.backends.calling import PLACE, Clock, Upstream, answer, down, fail, make_calls, raising


async def test_it_makes_one_upstream_call_of_identical_reads(
    calls: Calls, upstream: Upstream
) -> None:
    readers = [asyncio.create_task(calls.read("key", upstream)) for _ in range(50)]
    await upstream.arrived.wait()
    upstream.may_answer.set()
    assert await asyncio.gather(*readers) == ["answer 1"] * 50
    assert upstream.calls == 1


async def test_it_keeps_different_reads_apart(calls: Calls, upstream: Upstream) -> None:
    upstream.may_answer.set()
    await asyncio.gather(calls.read("one", upstream), calls.read("two", upstream))
    assert upstream.calls == 2


async def test_it_gives_a_young_answer_again_and_an_old_one_not(
    calls: Calls, upstream: Upstream, clock: Clock
) -> None:
    upstream.may_answer.set()
    first = await calls.read("key", upstream)
    clock.now += YOUNG * 0.9
    assert await calls.read("key", upstream) == first
    clock.now += YOUNG * 0.2
    assert await calls.read("key", upstream) == "answer 2"


async def test_it_bounds_how_many_answers_it_keeps(calls: Calls, upstream: Upstream) -> None:
    upstream.may_answer.set()
    for key in range(MOST_YOUNG + 1):
        await calls.read(key, upstream)
    await calls.read(0, upstream)
    assert upstream.calls == MOST_YOUNG + 2


async def test_it_does_not_share_failures_with_later_readers(calls: Calls) -> None:
    with pytest.raises(NotFound):
        await calls.read("key", raising(NotFound("no such trace")))
    assert await calls.read("key", answer) == "fine"


async def test_it_gives_one_failure_to_all_who_wait_for_it(
    calls: Calls, upstream: Upstream
) -> None:
    readers = [asyncio.create_task(calls.read("key", upstream)) for _ in range(5)]
    await upstream.arrived.wait()
    upstream.error = down()
    upstream.may_answer.set()
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == [str(down())] * 5
    assert upstream.calls == 1


async def test_it_goes_on_when_one_of_two_waiters_leaves(calls: Calls, upstream: Upstream) -> None:
    leaver = asyncio.create_task(calls.read("key", upstream))
    stayer = asyncio.create_task(calls.read("key", upstream))
    await upstream.arrived.wait()
    leaver.cancel()
    await asyncio.wait([leaver])
    assert leaver.cancelled()
    upstream.may_answer.set()
    assert await stayer == "answer 1"
    assert upstream.cancelled == 0


async def test_it_ends_the_upstream_call_when_the_last_waiter_leaves(
    calls: Calls, upstream: Upstream
) -> None:
    waiters = [asyncio.create_task(calls.read("key", upstream)) for _ in range(2)]
    await upstream.arrived.wait()
    for waiter in waiters:
        waiter.cancel()
    await asyncio.wait(waiters)
    upstream.may_answer.set()
    # Somebody who comes then does not join the call that is ending.
    assert await calls.read("key", upstream) == "answer 2"
    assert upstream.cancelled == 1


async def test_it_gives_the_upstream_call_a_deadline_of_its_own(
    clock: Clock, upstream: Upstream
) -> None:
    calls = make_calls(clock, timeout=20 * timerange.MILLISECOND)
    with pytest.raises(BackendTimeout) as caught:
        await calls.read("key", upstream)
    assert str(caught.value).startswith(f"{PLACE} did not answer within 20 ms; check that")
    assert upstream.cancelled == 1


async def test_it_leaves_a_timeout_inside_the_call_alone(calls: Calls) -> None:
    with pytest.raises(TimeoutError, match="of its own"):
        await calls.once(raising(TimeoutError("of its own")))


async def test_it_makes_some_calls_at_once_and_the_others_in_their_turn(
    clock: Clock, upstream: Upstream
) -> None:
    calls = Calls("jaeger", "Jaeger of production", PLACE, timerange.MINUTE, clock, at_once=2)
    readers = [asyncio.create_task(calls.read(key, upstream)) for key in range(5)]
    await upstream.arrived.wait()
    await asyncio.sleep(0)
    assert upstream.calls == 2
    readers[0].cancel()  # one under way
    readers[4].cancel()  # one that waits
    await asyncio.wait([readers[0], readers[4]])
    upstream.may_answer.set()
    await asyncio.gather(*readers[1:4])
    assert upstream.calls == 4


async def test_it_does_not_hold_the_wait_for_a_turn_against_the_backend(
    clock: Clock, upstream: Upstream
) -> None:
    calls = Calls(
        "jaeger", "Jaeger of production", PLACE, timerange.MINUTE, clock,
        at_once=1, patience=20 * timerange.MILLISECOND,
    )  # fmt: skip
    first = asyncio.create_task(calls.read("first", upstream))
    await upstream.arrived.wait()
    for key in range(FAILURES + 1):
        with pytest.raises(Busy) as caught:
            await calls.read(key, answer)
        assert str(caught.value) == (
            f"too many calls to {PLACE} are already waiting; try again in a moment"
        )
    upstream.may_answer.set()
    assert await first == "answer 1"
    assert await calls.read("another", answer) == "fine"


async def test_what_waits_for_its_turn_is_refused_when_the_backend_fails(
    clock: Clock, upstream: Upstream
) -> None:
    calls = Calls("jaeger", "Jaeger of production", PLACE, timerange.MINUTE, clock, at_once=1)
    upstream.error = down()
    readers = [asyncio.create_task(calls.read(key, upstream)) for key in range(50)]
    await upstream.arrived.wait()
    upstream.may_answer.set()
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert upstream.calls == FAILURES
    assert all("refuses connections" in str(outcome) for outcome in outcomes)


async def test_it_keeps_backends_apart(clock: Clock) -> None:
    broken, sound = make_calls(clock), make_calls(clock)
    await fail(broken, FAILURES)
    assert await sound.read("key", answer) == "fine"


async def test_it_never_shares_a_change(calls: Calls, upstream: Upstream) -> None:
    upstream.may_answer.set()
    await asyncio.gather(calls.once(upstream), calls.once(upstream))
    assert upstream.calls == 2


async def test_it_counts_calls_by_outcome(calls: Calls) -> None:
    def counted(outcome: str) -> float:
        labels = {"backend": "jaeger", "outcome": outcome}
        return REGISTRY.get_sample_value("opsportal_backend_calls_total", labels) or 0.0

    before = counted("ok"), counted("NotFound")
    await calls.once(answer)
    with pytest.raises(NotFound):
        await calls.once(raising(NotFound("nothing there")))
    assert (counted("ok"), counted("NotFound")) == (before[0] + 1, before[1] + 1)
