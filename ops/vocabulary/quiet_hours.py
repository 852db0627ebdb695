"""Hours of the day in which a channel is left alone, on the clocks of a time zone."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from ops.errors import InvalidInput
from ops.vocabulary import timerange

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?", re.ASCII)
FORM = "22:00-07:00 Europe/Berlin"


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(available_timezones())


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From a time of day to another, which is on the next day if it is not later."""

    start: time
    end: time
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M} {self.zone}"

    def until(self, now: int) -> int:
        """Return when the quiet hours end in which `now` lies (Unix nanoseconds), 0 for none.

        A time that comes twice, because the clock is set back, counts the first time. One that is
        left out when it is set forward counts as if the clock had not been set yet.
        """
        zone = ZoneInfo(self.zone)
        today = timerange.to_datetime(now).astimezone(zone).date()
        over = timedelta(days=self.start >= self.end)
        for day in (today - timedelta(days=1), today):
            start = timerange.from_datetime(datetime.combine(day, self.start, zone))
            end = timerange.from_datetime(datetime.combine(day + over, self.end, zone))
            if start <= now < end:
                return end
        return 0


def parse_quiet_hours(text: str, zone: str = "UTC") -> QuietHours:
    """Read `22:00-07:00 Europe/Berlin`; without a zone it is `zone`. Raises InvalidInput."""
    found = _HOURS.fullmatch(text.strip())
    wrong = InvalidInput(f'"{text[:80]}" are no quiet hours: write them as {FORM}')
    if found is None:
        raise wrong
    *hours, named = found.groups()
    if named and named not in zone_names():
        raise InvalidInput(f'"{named[:80]}" is not a time zone: write one as Europe/Berlin or UTC')
    first, second, third, fourth = map(int, hours)
    try:
        start, end = time(first, second), time(third, fourth)
    except ValueError:
        raise wrong from None
    if start == end:
        raise InvalidInput("quiet hours must end at another time than they start")
    return QuietHours(start, end, named or zone)
