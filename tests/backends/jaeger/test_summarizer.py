"""Traces folded into summaries, whatever way they come in pieces."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.backends.jaeger.span_match import SpanMatch
from ops.backends.jaeger.summarizer import Summarizer
from ops.backends.otlp.convert import as_text, attributes
from ops.backends.trace_search import FoundTrace, TraceSearch, Window
from ops.vocabulary import timerange
from ops.vocabulary.spans import NO_SERVICE
from ops.vocabulary.summaries import TraceSummary
from tests.fakes.jaeger import MILLISECOND, Planned, span, trace

NOON = 1_732_449_600_000_000_000


HOUR = TraceSearch(start=NOON - timerange.HOUR, end=NOON, limit=20)


def folded(*messages: TracesData) -> list[TraceSummary]:
    return [each.trace for each in found_in(*messages)]


def found_in(
    *messages: TracesData,
    search: TraceSearch = HOUR,
    window: Window | None = None,
    tested_here: bool = False,
) -> Sequence[FoundTrace]:
    match = SpanMatch(
        search.service, search.operation, search.span_tags, search.span_min, search.span_max
    )
    asked = window or Window(search.start, search.end - 1, 20)
    summarizer = Summarizer(search, asked, match, tested_here)
    for message in messages:
        summarizer.add(message.SerializeToString())
    return summarizer.matches().traces


def merged(*traces: TracesData) -> TracesData:
    whole = TracesData()
    for each in traces:
        whole.MergeFrom(each)
    return whole


def test_it_takes_several_traces_in_one_message() -> None:
    one = trace(span("a", "one", start=NOON), trace_id="1")
    two = trace(span("b", "two", start=NOON, error="no"), trace_id="2")
    more = trace(span("a", "more", start=NOON), trace_id="1")
    found = {summary.trace_id[-1]: summary for summary in folded(merged(one, two, more))}
    assert (found["1"].span_count, found["1"].error) == (2, "")
    assert (found["2"].span_count, found["2"].error) == (1, "two: no")


def test_it_takes_one_trace_in_several_messages() -> None:
    root = trace(span("a", "root", start=NOON, duration=5 * MILLISECOND), trace_id="1")
    late = span("b", "late", start=NOON + MILLISECOND, duration=9 * MILLISECOND, error="no")
    rest = trace(span("b", "hidden", start=NOON, parent_id="00000000000000aa"), late, trace_id="1")
    (summary,) = folded(rest, root)
    assert (summary.start, summary.duration) == (NOON, 10 * MILLISECOND)
    assert (summary.service, summary.services) == ("a", ("a", "b"))
    assert (summary.span_count, summary.error_count) == (3, 1)


def test_it_leaves_the_error_of_a_trace_in_pieces_to_who_reads_it_whole() -> None:
    """Which is the deepest cannot be told without keeping every span."""
    high = trace(span("a", "root", error="failed"), trace_id="1")
    deep = trace(span("b", "deep", error="no", parent_id="00000000000000aa"), trace_id="1")
    (summary,) = folded(high, deep)
    assert (summary.error_count, summary.error) == (2, "")


def test_it_takes_the_earliest_root() -> None:
    early = span("a", "early", start=NOON)
    late = span("b", "late", start=NOON + 1)
    (summary,) = folded(trace(late, early))
    assert (summary.service, summary.operation) == ("a", "early")


LESS = span("s", "one", span_id="01", start=NOON, tags={"a": 1}, error="")
FULL = span("s", "one", span_id="01", start=NOON, tags={"b": 2, "a": 1}, error="")
SAID = span("s", "one", span_id="01", start=NOON, tags={"a": 1, "error": True})
CALM = replace(LESS, message=None)


@pytest.mark.parametrize(
    ("spans", "errors"),
    [
        ((LESS, LESS), 1),
        ((LESS, FULL, LESS, FULL), 1),
        ((FULL, LESS), 1),
        ((CALM, SAID), 1),
        ((SAID, CALM), 1),
        ((replace(LESS, service="again"), replace(LESS, service="again")), 1),
    ],
)
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_span_that_was_delivered_again_counts_once(
    spans: Sequence[Planned], errors: int, pieces: int
) -> None:
    messages = [trace(each, trace_id="1") for each in spans]
    (summary,) = folded(*messages) if pieces > 1 else folded(merged(*messages))
    assert (summary.span_count, summary.error_count) == (1, errors)
    assert summary.services == (spans[0].service,)


@pytest.mark.parametrize(
    "other",
    [
        {"tags": {"a": 3}},
        {"duration": 5},
        {"message": None},
        {"kind": "server"},
        {"parent_id": "a1"},
    ],
)
def test_a_span_that_shares_an_id_and_says_something_else_counts(other: dict[str, Any]) -> None:
    spans = LESS, replace(LESS, **other)
    (summary,) = folded(*(trace(each, trace_id="1") for each in (*spans, *spans)))
    assert summary.span_count == 2


def test_a_copy_is_looked_at_for_what_is_searched() -> None:
    """It was as a span of its own that the store found it."""
    both = merged(trace(LESS, trace_id="1"), trace(FULL, trace_id="1"))
    tagged = replace(HOUR, end=NOON + 1, tags=(("b", "2"),))
    (found,) = found_in(both, search=tagged, tested_here=True)
    assert found.wanted and found.trace.span_count == 1


def chain(depth: int) -> Planned:
    deepest = span("s", "deepest", error="the cause")
    for level in range(depth):
        deepest = span("s", f"level{level}", error="follows", children=[deepest])
    return deepest


@pytest.mark.parametrize("depth", [1, 30])
def test_it_explains_with_the_deepest_error(depth: int) -> None:
    (summary,) = folded(trace(span("s", "root", error="", children=[chain(depth)])))
    assert summary.error == "deepest: the cause"
    assert summary.error_count == depth + 2


def test_it_explains_with_the_exception_where_the_status_is_silent() -> None:
    raised = [("exception", {"exception.message": "too late"})]
    (summary,) = folded(trace(span("s", "one", error="", events=raised)))
    assert summary.error == "one: too late"


def test_it_comes_to_an_end_where_parents_form_a_circle() -> None:
    one = span("s", "one", error="no", span_id="0" * 15 + "1", parent_id="0" * 15 + "2")
    two = span("s", "two", span_id="0" * 15 + "2", parent_id="0" * 15 + "1")
    (summary,) = folded(trace(one, two))
    assert (summary.error, summary.service) == ("one: no", "")


def test_it_takes_a_span_that_ends_before_it_starts() -> None:
    (summary,) = folded(trace(span("s", "one", start=NOON, duration=-MILLISECOND)))
    assert summary.duration == 0


def matched(*starts: int, **search: Any) -> tuple[int, int, bool]:
    """When a trace of spans of "a" with these starts is listed in HOUR, and whether."""
    spans = [span("a", "x", start=start) for start in starts]
    (found,) = found_in(
        trace(span("b", "y", start=NOON - 9), *spans), search=replace(HOUR, **search)
    )
    return found.trace.matched, found.trace.matched_from, found.wanted


def test_a_trace_is_listed_at_its_newest_matching_span_within_the_window() -> None:
    times = NOON - 2 * timerange.HOUR, NOON - 30, NOON - 20, NOON, NOON + timerange.HOUR
    assert matched(*times, service="a") == (NOON - 20, NOON - 20, True)
    assert matched(*reversed(times), service="a") == (NOON - 20, NOON - 20, True)
    assert matched(*times) == (NOON - 9, NOON - 9, True)


def test_a_trace_that_matches_only_beside_the_window_is_not_wanted() -> None:
    """Some storages compare times less exactly than they keep them."""
    assert not matched(NOON - timerange.HOUR - 1, NOON, service="a")[2]


def test_a_match_that_only_the_store_sees_is_somewhere_within_the_trace() -> None:
    """It may compare values as expressions; what it found is never denied."""
    tags = (("http.status_code", "5.."),)
    window = Window(NOON - 100, NOON - 10, 20)
    long = trace(span("a", "x", start=NOON - timerange.HOUR, duration=2 * timerange.HOUR))
    (found,) = found_in(long, search=replace(HOUR, tags=tags), window=window)
    assert (found.trace.matched_from, found.trace.matched) == (NOON - 100, NOON - 10)
    assert (found.wanted, found.trace.is_exact) == (True, False)
    (ours,) = found_in(long, search=replace(HOUR, tags=tags), window=window, tested_here=True)
    assert not ours.wanted


def test_a_span_without_a_time_does_not_say_when_its_trace_began() -> None:
    timed = span("a", "x", start=NOON - 50, duration=20)
    untimed = span("a", "y", start=NOON - 60)
    message = trace(timed, untimed)
    for each in message.resource_spans[0].scope_spans[0].spans:
        if each.name == "y":
            each.start_time_unix_nano = each.end_time_unix_nano = 0
    (found,) = folded(message)
    assert (found.start, found.duration, found.matched) == (NOON - 50, 20, NOON - 50)


VALUES = [
    (AnyValue(), "", None),
    (AnyValue(string_value="a"), "a", "a"),
    (AnyValue(bool_value=True), "true", True),
    (AnyValue(int_value=-7), "-7", -7),
    (AnyValue(double_value=1.0), "1", 1.0),
    (AnyValue(double_value=0.5), "0.5", 0.5),
    (AnyValue(double_value=1e21), "1e+21", 1e21),
    (AnyValue(double_value=1e20), "100000000000000000000", 1e20),
    (AnyValue(double_value=2e-7), "2e-7", 2e-7),
    (AnyValue(bytes_value=b"\x01"), "AQ==", b"\x01"),
    (
        AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue()])),
        "[1,null]",
        [1, None],
    ),
    (
        AnyValue(
            kvlist_value=KeyValueList(values=[KeyValue(key="k", value=AnyValue(string_value="v"))])
        ),
        '{"k":"v"}',
        {"k": "v"},
    ),
]


@pytest.mark.parametrize(("value", "text", "plain"), VALUES, ids=lambda value: str(value)[:20])
def test_it_reads_every_kind_of_value(value: AnyValue, text: str, plain: object) -> None:
    assert as_text(value) == text
    assert attributes([KeyValue(key="k", value=value)]) == {"k": plain}


def test_it_takes_a_resource_without_a_name() -> None:
    message = trace(span("", "one"))
    del message.resource_spans[0].resource.attributes[:]
    (summary,) = folded(message)
    assert summary.services == (NO_SERVICE,)


def test_a_large_message_counts_as_one() -> None:
    """It is parsed in pieces, of which each has only some of the spans."""
    root = span("s", "root", span_id="01", start=NOON, duration=9 * MILLISECOND)
    deep = span("s", "deep", span_id="02", parent_id="03", error="broken", start=NOON)
    middle = span("s", "middle", span_id="03", parent_id="01", error="no", start=NOON)
    large = [span("s", "large", start=NOON, tags={"text": "x" * 100_000}) for _ in range(20)]
    whole = merged(*(trace(each, trace_id="1") for each in (root, deep, *large, middle, *large)))
    (summary,) = folded(whole)
    assert (summary.span_count, summary.error_count) == (23, 2)
    assert summary.error == "deep: broken"
