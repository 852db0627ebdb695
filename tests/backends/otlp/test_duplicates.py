"""Spans that were delivered twice."""

from typing import Any

import pytest

from tests.backends.otlp.conftest import NOON, read
from tests.fakes.jaeger import span, trace


def test_a_span_that_was_delivered_again_is_there_once() -> None:
    full = span("shop", "a", start=NOON, span_id="01", tags={"b": 1, "a": 2}, events=[("e", {})])
    less = span("shop", "a", start=NOON, span_id="01", tags={"a": 2}, resource={"via": "other"},
                events=[("e", {})])  # fmt: skip
    order = span("shop", "a", start=NOON, span_id="01", tags={"a": 2, "b": 1},
                 events=[("e", {})])  # fmt: skip
    once = trace(span("shop", "b", start=NOON + 1, span_id="02"), full, trace_id="ab")

    spans = read(trace(less, trace_id="ab"), once, once, trace(order, trace_id="ab"))

    assert list(spans.ids) == ["01".zfill(16), "02".zfill(16)]
    assert spans.copies == 4
    assert spans.store[0].attributes == {"a": 2, "b": 1}
    assert list(spans.store.events.spans) == [0]
    assert list(spans.store.find("b=1")) == [0]


@pytest.mark.parametrize(
    "other",
    [{"tags": {"a": 3}}, {"duration": 5}, {"error": "x"}, {"kind": "server"}, {"start": NOON + 1}],
)
def test_a_span_that_says_something_else_is_not_taken_for_a_copy(other: dict[str, Any]) -> None:
    one = span("shop", "a", span_id="01", tags={"a": 2}, start=NOON)
    two = span("shop", "a", span_id="01", **{"tags": {"a": 2}, "start": NOON, **other})

    spans = read(trace(one, trace_id="ab"), trace(two, trace_id="ab"))

    assert (len(spans), spans.copies) == (2, 0)
