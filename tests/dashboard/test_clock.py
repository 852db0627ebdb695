"""Times as a person reads them."""

from zoneinfo import ZoneInfo

import pytest

from ops.vocabulary.timerange import DAY, HOUR, MINUTE, SECOND, parse_moment
from opsportal.dashboard.clock import Clock, roughly, viewer_zone

NOW = parse_moment("2026-11-24T14:21:07Z").nanoseconds
PARIS = Clock(NOW, ZoneInfo("Europe/Paris"))
PLAIN = Clock(NOW)


def test_both_zones_stand_beside_each_other() -> None:
    assert PARIS.both(NOW) == "14:21:07 UTC (15:21 Paris)"
    assert PLAIN.both(NOW) == "14:21:07 UTC"
    assert Clock(NOW, ZoneInfo("UTC")).both(NOW) == "14:21:07 UTC"
    assert Clock(NOW, ZoneInfo("America/New_York")).place == "New York"


def test_another_day_is_named_in_either_zone() -> None:
    late = parse_moment("2026-11-23T23:30:00Z").nanoseconds

    assert PARIS.both(late) == "23 Nov 23:30:00 UTC (24 Nov 00:30 Paris)"
    assert PARIS.utc(parse_moment("2025-11-23T23:30:00Z").nanoseconds) == "23 Nov 2025 23:30:00"


def test_the_exact_time_has_milliseconds() -> None:
    assert PLAIN.utc(NOW + 204_000_000, milliseconds=True) == "14:21:07.204"
    assert PARIS.exact(NOW + 204_999_999) == "2026-11-24 14:21:07.204 UTC (15:21 Paris)"


def test_a_window_names_the_place_once() -> None:
    assert PARIS.window(NOW - HOUR, NOW) == "13:21:07 to 14:21:07 UTC (14:21 to 15:21 Paris)"


@pytest.mark.parametrize(
    ("distance", "said"),
    [
        (0, "now"),
        (30 * SECOND, "30 s ago"),
        (-5 * SECOND, "now"),
        (-6 * SECOND, "6 s ahead of our clock"),
        (-59 * MINUTE, "59 min ahead of our clock"),
        (11 * MINUTE, "11 min ago"),
        (2 * HOUR, "2 h ago"),
        (12 * DAY, "12 d ago"),
    ],
)
def test_how_long_ago(distance: int, said: str) -> None:
    assert PLAIN.ago(NOW - distance) == said


def test_how_long_is_left() -> None:
    assert [PLAIN.left(NOW + n * SECOND) for n in (720, 89, 1, 0, -60)] == [
        "in 12 min", "in 89 s", "in 1 s", "ended", "ended",
    ]  # fmt: skip


def test_distances_change_their_unit_when_it_reads_better() -> None:
    assert [roughly(n * SECOND) for n in (89, 90, 5399, 5400)] == ["89 s", "1 min", "89 min", "1 h"]


def test_times_at_the_ends_of_what_can_be_held() -> None:
    assert PARIS.both(0) == "1 Jan 1970 00:00:00 UTC (01:00 Paris)"
    assert PARIS.both(2**63 - 1).startswith("11 Apr 2262")


@pytest.mark.parametrize(
    "cookie", ["", "Mars/Base", "../../etc/passwd", "%00", "localtime", "x" * 9999]
)
def test_only_zones_are_zones(cookie: str) -> None:
    assert viewer_zone({"zone": cookie}) is None


def test_the_zone_may_be_encoded() -> None:
    assert viewer_zone({"zone": "Europe%2FParis"}) == ZoneInfo("Europe/Paris")
