"""Order and figures of what was found."""

import pytest

from ops.vocabulary.summaries import TraceSummary
from opsportal.dashboard.trace_figures import SORTS, Figures, by_operation, figures, ordered


def found(
    trace_id: str, duration: int = 5, failed: int = 0, operation: str = "Add"
) -> TraceSummary:
    return TraceSummary(
        trace_id=trace_id,
        start=ord(trace_id),
        duration=duration,
        service="petstore",
        operation=operation,
        span_count=duration,
        error_count=failed,
        services=("petstore",),
        matched=100 - ord(trace_id),
    )


THREE = (found("a", 7), found("b", 3, failed=2), found("c", 7))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("-time", "abc"), ("time", "cba"), ("-duration", "acb"), ("duration", "bac"),
        ("-spans", "acb"), ("-errors", "bac"), ("errors", "acb"), ("colour", "abc"), ("", "abc"),
    ],
)  # fmt: skip
def test_traces_are_sorted_and_ties_stay_as_they_came(sort: str, expected: str) -> None:
    assert "".join(each.trace_id for each in ordered(THREE, sort)) == expected


def test_everything_sorts_both_ways() -> None:
    assert {sort.removeprefix("-") for sort in SORTS} == {"time", "duration", "spans", "errors"}
    assert len(SORTS) == 8


def test_percentiles_are_durations_that_occur() -> None:
    hundred = [found("a", duration) for duration in range(1, 101)]

    assert figures(hundred) == Figures(count=100, failed=0, p50=50, p95=95, max=100)
    assert figures(THREE) == Figures(count=3, failed=1, p50=7, p95=7, max=7)
    assert figures(THREE[1:2]) == Figures(count=1, failed=1, p50=3, p95=3, max=3)


def test_operations_come_by_how_often_then_by_name() -> None:
    traces = [found("a", operation="b"), found("b", operation="a"), *THREE]

    assert [(name, sums.count) for _, name, sums in by_operation(traces)] == [
        ("Add", 3), ("a", 1), ("b", 1),
    ]  # fmt: skip
