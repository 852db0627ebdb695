"""Quiet hours, over midnight and when clocks are changed."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ops.errors import InvalidInput
from ops.vocabulary.quiet_hours import parse_quiet_hours
from ops.vocabulary.timerange import from_datetime, to_datetime

NIGHT = "22:00-07:00 Europe/Berlin"


def until(hours: str, now: str) -> str:
    """When they end, in UTC, "" if it is not quiet."""
    found = parse_quiet_hours(hours).until(from_datetime(datetime.fromisoformat(now)))
    return f"{to_datetime(found):%m-%d %H:%M}" if found else ""


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        ("09:00-17:00", "2026-11-30T08:59:59Z", ""),
        ("09:00-17:00", "2026-11-30T09:00Z", "11-30 17:00"),
        ("09:00-17:00", "2026-11-30T17:00Z", ""),
        (NIGHT, "2026-11-30T20:59Z", ""),
        (NIGHT, "2026-11-30T21:00Z", "12-01 06:00"),
        (NIGHT, "2026-12-01T05:59Z", "12-01 06:00"),
        (NIGHT, "2026-12-01T06:00Z", ""),
        ("00:00-06:00 America/New_York", "2026-11-30T05:00Z", "11-30 11:00"),
        # 29 March: at 02:00 the clock is set to 03:00.
        (NIGHT, "2026-03-28T21:00Z", "03-29 05:00"),
        (NIGHT, "2026-03-29T04:59Z", "03-29 05:00"),
        ("01:00-02:30 Europe/Berlin", "2026-03-29T00:30Z", "03-29 01:30"),
        ("01:00-02:30 Europe/Berlin", "2026-03-29T01:30Z", ""),
        # 25 October: at 03:00 it is set to 02:00.
        (NIGHT, "2026-10-24T20:00Z", "10-25 06:00"),
        (NIGHT, "2026-10-25T05:30Z", "10-25 06:00"),
        ("01:00-02:30 Europe/Berlin", "2026-10-25T00:29Z", "10-25 00:30"),
        ("01:00-02:30 Europe/Berlin", "2026-10-25T01:15Z", ""),
        ("02:30-01:30 Europe/Berlin", "2026-10-25T01:15Z", "10-26 00:30"),
    ],
)
def test_they_follow_the_clock_on_the_wall(hours: str, now: str, end: str) -> None:
    assert until(hours, now) == end


def test_they_are_in_the_given_zone_unless_they_name_one() -> None:
    zone = ZoneInfo("Asia/Tokyo").key
    assert str(parse_quiet_hours("1:00 - 2:00", zone)) == "01:00-02:00 Asia/Tokyo"
    assert str(parse_quiet_hours("01:00-02:00 UTC", zone)) == "01:00-02:00 UTC"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no quiet hours"),
        ("22-7", "no quiet hours"),
        ("24:00-25:00", "no quiet hours"),
        ("22:00-07:00 Mars/Base", "not a time zone"),
        ("22:00-07:00 ../etc/passwd", "not a time zone"),
        ("07:00-07:00", "end at another time"),
    ],
)
def test_it_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        parse_quiet_hours(text)
