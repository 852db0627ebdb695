"""Which changes need somebody else's approval: a pure rule, then at the one place that changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.sampling.ceiling import over
from ops.sampling.volume import Seen
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate

ALL_OWN = Seen(traces=10, started=1.0, spans=3, size=300, margin=0.1)
HALF_OWN = Seen(traces=10, started=0.5, spans=3, size=300, margin=0.1)


def said(
    *policies: Policy,
    requests: float | None = 200.0,
    ceiling: float | None = 50.0,
    seen: Seen = ALL_OWN,
    instances: int = 3,
) -> str:
    return str(over("petstore", ceiling, policies, requests, seen, instances) or "")


@pytest.mark.parametrize("policy", [NEVER, rate(0.01), rate(0.25), per_second(16)])
def test_what_stays_at_or_below_the_ceiling_needs_nobody_else(policy: Policy) -> None:
    assert said(policy) == ""


@pytest.mark.parametrize(
    ("policy", "traces"),
    [(ALWAYS, "200"), (rate(0.3), "60"), (per_second(20), "60"), (rate(0.2501), "50.02")],
)
def test_what_is_above_it_needs_somebody_else(policy: Policy, traces: str) -> None:
    assert said(policy) == f"Over petstore's ceiling of 50 traces/s: about {traces} traces/s"


def test_the_highest_rate_of_an_operation_counts_for_all() -> None:
    """How many of the requests are of which operation is not known."""
    assert said(rate(0.1).by_operation({"GET /": 0.2, "GET /health": 0})) == ""
    assert "about 60 traces/s" in said(NEVER.by_operation({"GET /": 0.3}))
    assert "are unknown" in said(NEVER.by_operation({"GET /": 0.3}), requests=None)


def test_without_a_ceiling_nothing_needs_approval() -> None:
    assert said(ALWAYS, ceiling=None) == said(ALWAYS, ceiling=None, requests=None) == ""


def test_an_unknown_rate_of_requests_needs_approval_unless_no_trace_is_kept() -> None:
    unknown = "Maybe over petstore's ceiling of 50 traces/s: its requests/s are unknown"
    assert said(rate(0.001), requests=None) == unknown
    assert said(NEVER, requests=None) == ""


def test_only_traces_that_start_in_the_service_count() -> None:
    assert said(rate(0.5), requests=120, seen=HALF_OWN) == ""
    assert "about 60 traces/s" in said(rate(0.5), requests=120, seen=ALL_OWN)
    assert "about 60 traces/s" in said(rate(0.5), requests=120, seen=Seen()), "none was seen"


def test_what_follows_counts_as_well() -> None:
    assert "about 200 traces/s" in said(NEVER, ALWAYS)
    assert "are unknown" in said(NEVER, rate(0.01), requests=None)


def test_a_ceiling_of_zero_means_that_every_trace_needs_two_people() -> None:
    assert said(rate(0.001), ceiling=0) == (
        "Over petstore's ceiling of 0 traces/s: about 0.2 traces/s"
    )
    assert said(NEVER, ceiling=0) == ""


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.integers(1, 1000), st.integers(1, 1000))
def test_more_traces_never_need_less(requests: float, ceiling: float, one: int, other: int) -> None:
    less, more = sorted((one, other))
    if said(rate(less / 1000), requests=requests, ceiling=ceiling):
        assert said(rate(more / 1000), requests=requests, ceiling=ceiling)
