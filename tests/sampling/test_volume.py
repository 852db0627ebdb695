"""What a policy lets through, from the request rate and the latest traces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.sampling.effect import described
from ops.sampling.volume import Seen, forecast_of, look_at
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from ops.vocabulary.summaries import TraceSummary


def one(service: str, spans: int, *services: str) -> TraceSummary:
    return TraceSummary("1", 1, 1, service, "Op", spans, 0, (service, *services))


OWN = look_at("petstore", [one("petstore", spans, "store") for spans in (2, 4)], 1200)
INNER = look_at("store", [one("petstore", 3, "store"), one("cron", 3, "store")], 1200)


def said(requests: float | None, seen: Seen, before: Policy | None, after: Policy) -> str:
    return " ".join(described("", forecast_of("petstore", requests, seen, before, after)))


def test_traces_spans_and_bytes_are_compared() -> None:
    assert said(100, OWN, rate(0.01), rate(0.1)) == (
        "At 100 requests/s: 1 → 10 traces/s, 3 → 30 spans/s, 52 → 518 MB a day, ±70%. "
        "petstore starts these traces; store follows its decision."
    )


def test_without_a_known_policy_only_the_new_volume_is_said() -> None:
    assert "At 100 requests/s: 10 traces/s, 30 spans/s, 518 MB a day" in said(
        100, OWN, None, rate(0.1)
    )


def test_traces_per_second_are_of_each_instance_and_no_more_than_there_are() -> None:
    for requests, traces in ((100, "10 → 15"), (12, "1.2 → 12")):
        found = forecast_of("petstore", requests, OWN, rate(0.1), per_second(5), instances=3)
        assert f": {traces} traces/s, " in described("", found)[0]


def test_rates_of_operations_are_counted_at_the_highest() -> None:
    policy = rate(0.1).by_operation({"GET /": 0.5})
    found = forecast_of("petstore", 40, OWN, None, policy)
    assert found.after and found.after.traces == 20
    first, *_ = described("", found, by_operation=True)
    assert first.endswith(". That counts all operations at the highest of their rates.")
    unknown = forecast_of("petstore", None, OWN, None, policy)
    assert "highest" not in described("", unknown, by_operation=True)[0]


def test_the_same_before_and_after_is_said_once() -> None:
    assert "/s: 0 traces/s, 0 spans/s, 0 B a day" in said(5, OWN, NEVER, NEVER)


def test_a_service_that_starts_nothing_is_told_who_decides() -> None:
    assert said(100, INNER, rate(0.1), ALWAYS) == (
        "petstore started none of its last 2 traces: petstore and cron did, and whoever starts a "
        "trace decides. This change has no effect on those."
    )
    found = forecast_of("petstore", 100, INNER, rate(0.1), ALWAYS)
    assert described("Keeps all traces.", found)[-1] == "Keeps all traces.", "that comes after it"


def test_a_service_that_starts_some_decides_on_those() -> None:
    seen = look_at("a", [one("a", 2), one("a", 2), one("a", 2), one("b", 2, "a")], 800)
    words = " ".join(described("", forecast_of("a", 40, seen, None, ALWAYS)))
    assert "At 40 requests/s: 30 traces/s, 60 spans/s" in words
    assert "a starts 75% of its traces; b decides on the rest." in words


@pytest.mark.parametrize(
    ("requests", "seen", "words"),
    [
        (None, OWN, "The volume is unknown, because the site file has no query for the requests."),
        (5.0, Seen(), "At 5 requests/s: up to 5 traces/s. Jaeger has none of the last hour to"),
        (5.0, look_at("petstore", [one("petstore", 2)], 90), "roughly: only one trace"),
        (5.0, look_at("petstore", [one("", 2)], 90), "up to 5 traces/s"),
    ],
)
def test_what_is_unknown_is_said(requests: float | None, seen: Seen, words: str) -> None:
    assert words in said(requests, seen, rate(0.5), ALWAYS)


@given(
    st.lists(st.tuples(st.sampled_from(["petstore", "store", ""]), st.integers(1, 10**6))),
    st.integers(0, 10**9),
    st.floats(0, 1e9),
    st.integers(1, 1000),
)
def test_a_volume_is_finite_and_grows_with_the_rate(
    traces: list[tuple[str, int]], size: int, requests: float, per_mille: int
) -> None:
    seen = look_at("petstore", [one(*each) for each in traces], size)
    found = forecast_of("petstore", requests, seen, rate(per_mille / 1000), ALWAYS)
    assert found.before is not None and found.after is not None
    assert 0 <= found.before.traces <= found.after.traces <= requests
    assert (found.before.bytes or 0) <= (found.after.bytes or 0) < float("inf")
    assert all(sentence.endswith(".") for sentence in described("", found))
