"""A backend that does not answer, with a clock that the tests turn."""

import asyncio

import pytest

from ops.backends.breaker import FAILURES, PAUSE
from ops.backends.calls import Calls
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, NotFound
from ops.vocabulary import timerange
from tests.backends.calling import PLACE, Clock, Upstream, answer, fail, make_calls, raising


async def test_it_refuses_at_once_after_some_failures_with_the_reason_and_when(
    calls: Calls, clock: Clock, upstream: Upstream
) -> None:
    await fail(calls, FAILURES)
    clock.now += 1.5
    with pytest.raises(BackendUnavailable) as caught:
        await calls.read("key", upstream)
    assert upstream.calls == 0
    assert str(caught.value) == (
        f"{PLACE} refuses connections (failed 3 times in a row; next try in 4 s)"
    )


async def test_it_probes_with_one_call_after_the_pause(
    calls: Calls, clock: Clock, upstream: Upstream
) -> None:
    await fail(calls, FAILURES)
    clock.now += PAUSE
    probe = asyncio.create_task(calls.read("probe", upstream))
    await upstream.arrived.wait()
    with pytest.raises(BackendUnavailable, match="trying again now"):
        await calls.read("other", answer)
    upstream.may_answer.set()
    assert await probe == "answer 1"
    assert await calls.read("other", answer) == "fine"


async def test_it_pauses_again_when_the_probe_fails(calls: Calls, clock: Clock) -> None:
    await fail(calls, FAILURES)
    clock.now += PAUSE
    await fail(calls, 1)
    with pytest.raises(BackendUnavailable, match="failed 4 times in a row; next try in 5 s"):
        await calls.read("key", answer)


async def test_it_probes_again_when_a_probe_was_cancelled(
    calls: Calls, clock: Clock, upstream: Upstream
) -> None:
    await fail(calls, FAILURES)
    clock.now += PAUSE
    probe = asyncio.create_task(calls.read("probe", upstream))
    await upstream.arrived.wait()
    probe.cancel()
    await asyncio.wait([probe])
    upstream.may_answer.set()
    assert await calls.read("probe", upstream) == "answer 2"


async def test_it_begins_to_count_anew_after_a_success(calls: Calls) -> None:
    await fail(calls, FAILURES - 1)
    await calls.read("good", answer)
    await fail(calls, FAILURES - 1)
    assert await calls.read("another", answer) == "fine"


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("no such thing as a limit of 0"),
        NotFound("no such trace"),
        BackendUnavailable("wants credentials", backend="Jaeger", answered=True),
    ],
)
async def test_it_does_not_count_an_answer_as_a_failure(calls: Calls, error: Exception) -> None:
    for _ in range(FAILURES + 1):
        with pytest.raises(type(error)):
            await calls.read("key", raising(error))
    assert await calls.read("key", answer) == "fine"


async def test_it_counts_slowness_as_a_failure(clock: Clock, upstream: Upstream) -> None:
    calls = make_calls(clock, timeout=timerange.MILLISECOND)
    for _ in range(FAILURES):
        with pytest.raises(BackendTimeout):
            await calls.read("key", upstream)
    with pytest.raises(BackendUnavailable, match=r"did not answer within 1 ms.*next try in 5 s"):
        await calls.read("key", upstream)
