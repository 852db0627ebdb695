"""The lane of an incident's failing share: columns where traces were looked at, holes elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import replace

from ops.incidents.causes import Causes
from ops.traces.windows import Share, Window, WindowComparison
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import HOUR, MINUTE
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.failing_lane import failing_lane
from opsportal.dashboard.lanes import DrawnLane, picture
from tests.incidents.test_story import at, incident


def looked_at(start: float, end: float, failed: Mapping[int, Share]) -> Window:
    minutes = tuple((at(minute), share) for minute, share in failed.items())
    every = sum(failed.values(), Share())
    return Window(at(start), at(end), every, cut=False, since=at(start), minutes=minutes)


def caused(now: Mapping[int, Share], before: Mapping[int, Share]) -> Causes:
    """What is known of petstore in an incident from 0 to 40, compared from 10 to 30."""
    comparison = WindowComparison(
        site="production", service="petstore", now=looked_at(10, 30, now),
        before=looked_at(-50, 10, before), statements=(), left_out=0, failures=(),
        failures_left_out=0, unchanged=(), compared=0, failing=TraceQuery(),
    )  # fmt: skip
    return Causes(incident(), "petstore", at(0), at(40), comparison)


def draw(causes: Causes) -> DrawnLane:
    lane = failing_lane(causes, Clock(at(40)))
    [drawn] = picture([lane], causes.start, causes.end, Clock(at(40))).lanes
    return drawn


def test_each_minute_is_as_high_as_its_share_is_beside_the_highest() -> None:
    lane = draw(caused({12: Share(4, 2), 13: Share(10, 2), 14: Share(5, 0)}, {2: Share(3, 0)}))

    columns = re.findall(
        r'<g class="column (\w+)" role="img"><svg x="([\d.]+)%" width="([\d.]+)%">'
        r'<rect width="100%" y="(\d+)" height="(\d+)"/></svg><title>(.*?)</title>',
        lane.drawn,
    )
    assert columns == [
        ("s5", "5.00", "2.50", "22", "2", "none of 3 traces failed, 12:02:00 to 12:03:00 UTC"),
        ("error", "30.00", "2.50", "0", "24", "50% of 4 traces failed, 12:12:00 to 12:13:00 UTC"),
        ("error", "32.50", "2.50", "14", "10", "20% of 10 traces failed, 12:13:00 to 12:14:00 UTC"),
        ("s5", "35.00", "2.50", "22", "2", "none of 5 traces failed, 12:14:00 to 12:15:00 UTC"),
    ]


def test_the_height_of_the_highest_is_written_into_it() -> None:
    assert ">up to 50%</text>" in draw(caused({12: Share(4, 2), 13: Share(10, 2)}, {})).drawn
    assert "up to" not in draw(caused({12: Share(4, 0)}, {})).drawn


def test_where_no_trace_was_looked_at_it_is_unknown_and_not_zero() -> None:
    lane = draw(caused({12: Share(4, 2)}, {2: Share(3, 0)}))

    holes = re.findall(r'class="hole"[^>]*/><title>(.*?)</title>', lane.drawn)
    assert holes == [
        "no traces looked at 12:00:00 to 12:02:00 UTC",
        "no traces looked at 12:03:00 to 12:12:00 UTC",
        "no traces looked at 12:13:00 to 12:40:00 UTC",
    ]


def test_it_is_said_in_a_sentence() -> None:
    some = caused({12: Share(4, 2), 13: Share(10, 2)}, {9: Share(6, 0)})
    none = caused({12: Share(4, 0)}, {})

    assert draw(some).text == (
        "20% of 20 traces failed, at most 50% of 4 traces failed at 12:12:00 UTC; "
        "no traces looked at of 37 min"
    )
    assert draw(none).text == "none of 4 traces failed; no traces looked at of 39 min"


def test_without_a_comparison_everything_is_unknown() -> None:
    lane = draw(replace(caused({}, {}), comparison=None))

    assert lane.text == "no traces looked at"
    assert "no traces looked at 12:00:00 to 12:40:00 UTC" in lane.drawn
    assert "column " not in lane.drawn


def test_a_minute_that_both_windows_have_a_part_of_is_counted_once() -> None:
    shared = caused({10: Share(2, 2)}, {10: Share(6, 0)})

    assert draw(shared).drawn.count("25% of 8 traces failed") == 1


def test_of_a_long_incident_several_minutes_are_one_column() -> None:
    found = caused({minute: Share(1, 0) for minute in range(-50, 30)}, {})
    lane = draw(replace(found, start=at(-50), end=at(-50) + 5 * HOUR))

    assert lane.drawn.count('class="column') == 40
    assert "none of 2 traces failed" in lane.drawn
    assert 5 * HOUR / (2 * MINUTE) == 150
