"""Bars and small lines, in numbers."""

import pytest

from opsportal.dashboard.charts import Bar, bar, colours, sparkline


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        (0, 100, Bar("0", "100", "0", "inside")),
        (25, 50, Bar("25", "50", "25", "inside")),
        (10, 5, Bar("10", "5", "15", "after")),
        (90, 5, Bar("90", "5", "90", "before")),
        (100, 0, Bar("99.75", "0.25", "99.75", "before")),
        (-50, 10, Bar("0", "10", "10", "after")),
        (500, 500, Bar("99.75", "0.25", "99.75", "before")),
    ],
)
def test_a_bar_stays_in_its_lane(start: int, duration: int, expected: Bar) -> None:
    assert bar(start, duration, 100) == expected


def test_a_trace_without_length_is_drawn() -> None:
    assert bar(0, 0, 0).x == "0"


def test_services_beyond_the_last_hue_begin_again() -> None:
    assert list(colours([f"s{number}" for number in range(8)]).values()) == [1, 2, 3, 4, 5, 6, 1, 2]


def test_a_line_breaks_at_gaps() -> None:
    lines = sparkline((10, 20, None, 20, None, 10, 10))

    assert [len(line.split()) for line in lines] == [2, 2, 2]


def test_a_line_of_nothing_is_no_line() -> None:
    assert sparkline(()) == sparkline((None, None)) == []
    assert sparkline((0, 0)) == ["0,18 96,18"]
