"""Traces folded into summaries, whatever way they come in pieces."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.backends.folding import Fold
from ops.backends.otlp import as_text, attributes
from ops.traces.spans import NO_SERVICE
from ops.traces.summaries import TraceSummary
from tests.fakes.jaeger import MILLISECOND, Planned, span, trace

NOON = 1_732_449_600_000_000_000


def folded(*messages: TracesData) -> list[TraceSummary]:
    fold = Fold()
    for message in messages:
        fold.add(message.SerializeToString())
    answer = fold.answer()
    assert [each.start for each in answer.summaries] == answer.starts
    return list(answer.summaries)


def merged(*traces: TracesData) -> TracesData:
    whole = TracesData()
    for each in traces:
        whole.MergeFrom(each)
    return whole


def test_it_takes_several_traces_in_one_message() -> None:
    one = trace(span("a", "one", start=NOON), trace_id="1")
    two = trace(span("b", "two", start=NOON, error="no"), trace_id="2")
    found = {summary.trace_id[-1]: summary for summary in folded(merged(one, two, one))}
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
