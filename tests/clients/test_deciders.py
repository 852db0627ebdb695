"""Which traces are kept by a strategy."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opsportal_sampler.deciders import MOST_OPERATIONS, TokenBucket, decider
from opsportal_sampler.strategies import PerOperation, Probabilistic, RateLimiting, Strategy

from tests.clients.conftest import Clock

LOW, HIGH = 0, 2**64 - 1  # trace IDs that a rate keeps first and last


def kept(strategy: Strategy, clock: Clock, ids: list[int], operation: str = "GET /") -> list[str]:
    decides = decider(strategy, clock)
    reasons = [decides.decide(trace_id, operation) for trace_id in ids]
    return [reason.kind for reason in reasons if reason]


@pytest.mark.parametrize(("rate", "count"), [(0, 0), (1e-300, 0), (0.25, 2500), (1, 10_000)])
def test_it_keeps_a_part_of_all_traces(clock: Clock, rate: float, count: int) -> None:
    numbers = random.Random(7)
    ids = [numbers.getrandbits(128) for _ in range(10_000)]
    assert len(kept(Probabilistic(rate), clock, ids)) == pytest.approx(count, rel=0.1)


@pytest.mark.parametrize(
    ("limit", "at_once", "after_a_second"), [(0, 0, 0), (0.5, 1, 0), (3, 3, 3)]
)
def test_it_keeps_so_many_traces_a_second(
    clock: Clock, limit: float, at_once: int, after_a_second: int
) -> None:
    decides = decider(RateLimiting(limit), clock)
    assert sum(bool(decides.decide(LOW, "")) for _ in range(100)) == at_once
    clock.now += 1
    assert sum(bool(decides.decide(LOW, "")) for _ in range(100)) == after_a_second
    clock.now += 3600  # an idle hour is not saved up
    assert sum(bool(decides.decide(LOW, "")) for _ in range(100)) == at_once


@given(
    st.floats(0.01, 1000),
    st.lists(st.floats(0, 5), min_size=1, max_size=50),
)
def test_a_bucket_never_lets_through_more_than_its_rate(rate: float, gaps: list[float]) -> None:
    clock = Clock()
    bucket, taken = TokenBucket(rate, clock), 0
    for gap in gaps:
        clock.now += gap
        while bucket.take():
            taken += 1
    assert taken <= max(rate, 1) + rate * sum(gaps) + 1e-6


def test_each_operation_has_its_rate_and_others_the_default(clock: Clock) -> None:
    strategy = PerOperation(0.0, rates={"GET /": 1.0})
    assert kept(strategy, clock, [HIGH, LOW]) == ["probabilistic"] * 2
    assert kept(strategy, clock, [HIGH, LOW], "POST /") == []


def test_each_operation_has_its_own_lower_bound(clock: Clock) -> None:
    decides = decider(PerOperation(0.5, lower_bound=2), clock)
    for operation in "first", "second":
        kinds = [reason.kind for _ in range(5) if (reason := decides.decide(HIGH, operation))]
        assert kinds == ["lowerbound", "lowerbound"]
    clock.now += 1
    for _ in range(2):  # what the rate keeps counts
        reason = decides.decide(LOW, "first")
        assert reason
        assert reason.kind == "probabilistic"
    assert decides.decide(HIGH, "first") is None


def test_each_operation_has_its_upper_bound(clock: Clock) -> None:
    assert len(kept(PerOperation(1, upper_bound=3), clock, [LOW] * 10)) == 3


def test_beyond_so_many_operations_all_share_one_bound(clock: Clock) -> None:
    decides = decider(PerOperation(0.0, lower_bound=1), clock)
    names = [f"GET /{number}" for number in range(MOST_OPERATIONS + 100)]
    assert sum(bool(decides.decide(HIGH, name)) for name in names) == MOST_OPERATIONS + 1
