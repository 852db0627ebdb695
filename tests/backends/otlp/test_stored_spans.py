"""What is parsed when it is looked at: spans, events, texts."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.backends.otlp.conftest import NOON, planned, read
from tests.fakes.jaeger import Planned, span, trace


@given(st.lists(planned, min_size=1, max_size=6), st.data())
def test_it_finds_exactly_the_spans_with_an_attribute(
    roots: list[Planned], data: st.DataObject
) -> None:
    spans = read(trace(*roots, trace_id="ab"))
    tags = [(key, value) for root in roots for key, value in root.tags.items()]
    if not tags:
        return
    key, value = data.draw(st.sampled_from(tags))
    if not key or "=" in key:
        return
    word = str(value).lower() if isinstance(value, bool) else str(value)

    found = spans.store.find(f"{key}={word}")

    holding = [
        number
        for number, each in enumerate(spans)
        if key in each.attributes and _word(each.attributes[key]) == word
    ]
    assert found == holding


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_it_finds_a_text_wherever_a_span_has_it() -> None:
    spans = read(
        trace(
            span("shop", "one", start=NOON, error="Out of memory"),
            span("shop", "two", start=NOON + 1, tags={"db.statement": "select MEMORY"}),
            span("shop", "three", start=NOON + 2, events=[("log", {"message": "memory is low"})]),
            span("memory-cache", "four", start=NOON + 3),
            span("shop", "GetMemory", start=NOON + 4),
            span("shop", "six", start=NOON + 5, tags={"http.status_code": 500, "ratio": 0.5}),
            trace_id="ab",
        )
    )

    assert spans.store.find("Memory") == [0, 1, 2, 3, 4]
    assert spans.store.find("http.status_code=500") == [5]
    assert spans.store.find("ratio=0.5") == [5]
    assert spans.store.find("service.name=memory-cache") == [3]
    assert spans.store.find("service.name=memory") == []
    assert spans.store.find("nothing like it") == []


def test_it_gives_events_in_time_order_each_by_itself() -> None:
    events: list[tuple[str, dict[str, Any]]] = [
        ("a", {"n": 1}),
        ("b", {"text": "x", "raw": b"1"}),
        ("c", {}),
    ]
    messages = [
        trace(span("shop", "late", start=NOON + 1, events=events), trace_id="ab"),
        trace(
            span("shop", "none", start=NOON + 3),
            span("store", "early", start=NOON, events=events[::-1]),
            trace_id="ab",
        ),
    ]
    spans = read(*messages)

    found = spans.store.events

    expected = sorted(
        ((event.time, number, event) for number, each in enumerate(spans) for event in each.events),
        key=lambda item: item[:2],
    )
    assert list(zip(found.times, found.spans, map(found.__getitem__, range(6)), strict=True)) == (
        expected
    )
    assert len(expected) == 6
