"""Spans that came without a usable time."""

from ops.vocabulary.timerange import HOUR, MILLISECOND, SECOND
from tests.traces.making import START, span, times, tree

NEVER = -START  # from START: the time 0
IN_2262 = 2**63 - 1 - START


def test_spans_without_a_time_are_placed_at_their_parents() -> None:
    trace = tree(
        span("root", duration=SECOND),
        span("none", "root", start=NEVER),
        span("below", "none", start=NEVER, duration=3 * MILLISECOND),
        span("later", "root", start=5 * MILLISECOND, duration=MILLISECOND),
        span("2262", "later", start=IN_2262, duration=1),
        span("1970", "later", start=NEVER + 7, duration=MILLISECOND),
    )

    assert times(trace) == {
        "root": (0, SECOND),
        "none": (0, 0),
        "below": (0, 3 * MILLISECOND),
        "later": (5 * MILLISECOND, MILLISECOND),
        "2262": (5 * MILLISECOND, 1),
        "1970": (5 * MILLISECOND, MILLISECOND),
    }
    assert (trace.start, trace.duration) == (START, SECOND)
    untimed = {trace.spans.names[each][1] for each in trace.spans.untimed}
    assert untimed == {"none", "below", "2262", "1970"}
    [warning] = trace.warnings  # nothing about clocks
    assert warning.startswith("spans without a usable start time")


def test_a_root_without_a_time_begins_with_the_first_below_it() -> None:
    trace = tree(
        span("root", start=NEVER),
        span("also", "root", start=NEVER),
        span("b", "also", start=8, duration=4),
        span("a", "root", start=5, duration=1),
        span("orphan", "gone", start=NEVER),
    )

    assert times(trace) == {
        "root": (5, 0), "also": (5, 0), "b": (8, 4), "a": (5, 1), "orphan": (5, 0),
    }  # fmt: skip


def test_a_span_without_a_start_lasts_until_its_end() -> None:
    lasts_until = span("none", "root", start=NEVER, duration=START + 40)

    assert times(tree(span("root", duration=90), lasts_until))["none"] == (0, 40)


def test_a_trace_without_any_time_is_left_as_it_is() -> None:
    trace = tree(span("root", start=NEVER), span("a", "root", start=NEVER))

    assert (trace.start, trace.duration, trace.spans.untimed) == (0, 0, frozenset())
    assert tree(span("root", start=IN_2262)).start == START + IN_2262


def test_a_trace_id_that_is_used_again_the_next_day_keeps_its_times() -> None:
    trace = tree(span("one", duration=5), span("two", start=24 * HOUR, duration=5))

    assert trace.duration == 24 * HOUR + 5
