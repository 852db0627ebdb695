"""Times for people: UTC, the viewer's time zone beside it, and how long ago."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from ops.language.times import Clock as Asker
from ops.language.zones import UTC
from ops.vocabulary import timerange
from ops.vocabulary.timerange import to_datetime

COOKIE = "zone"
AGREEING = 5 * timerange.SECOND  # clocks this close count as equal


@dataclass(frozen=True, slots=True)
class Clock:
    """The present (Unix nanoseconds) and the viewer's time zone, None if it is unknown."""

    now: int
    zone: ZoneInfo | None = None

    @property
    def asker(self) -> Asker:
        """The same for reading the times that the viewer writes."""
        return Asker(self.now, self.zone or UTC)

    @property
    def place(self) -> str:
        """The zone's city, `Paris`; "" if the zone is unknown or UTC."""
        if self.zone is None or self.zone.key in ("UTC", "Etc/UTC", "Etc/GMT"):
            return ""
        return self.zone.key.rpartition("/")[2].replace("_", " ")

    def utc(self, at: int, *, milliseconds: bool = False) -> str:
        """Return `14:20:51` or `14:20:51.204`, after the date unless it is today."""
        moment = to_datetime(at)
        fraction = f".{at // timerange.MILLISECOND % 1000:03d}" if milliseconds else ""
        return f"{self._day(moment)}{moment:%H:%M:%S}{fraction}"

    def here(self, at: int) -> str:
        """Return `15:20 Paris`, or "" if the viewer's zone adds nothing."""
        if not self.place:
            return ""
        moment = to_datetime(at).astimezone(self.zone)
        same_day = moment.date() == to_datetime(at).date()
        day = "" if same_day else f"{moment.day} {moment:%b} "
        return f"{day}{moment:%H:%M} {self.place}"

    def both(self, at: int) -> str:
        """Return `14:20:51 UTC (15:20 Paris)`."""
        here = self.here(at)
        return f"{self.utc(at)} UTC ({here})" if here else f"{self.utc(at)} UTC"

    def exact(self, at: int) -> str:
        """Return `2026-11-24 14:20:51.204 UTC (15:20 Paris)`, always with the date."""
        here = self.here(at)
        moment = f"{to_datetime(at):%Y-%m-%d %H:%M:%S}.{at // timerange.MILLISECOND % 1000:03d} UTC"
        return f"{moment} ({here})" if here else moment

    def window(self, start: int, end: int) -> str:
        """Return `13:21:07 to 14:21:07 UTC (14:21 to 15:21 Paris)`."""
        utc = f"{self.utc(start)} to {self.utc(end)} UTC"
        if not self.place:
            return utc
        return f"{utc} ({self.here(start).removesuffix(f' {self.place}')} to {self.here(end)})"

    def ago(self, at: int) -> str:
        """Return `30 s ago`, `11 min ago` or `now`.

        A time in the future comes from another clock, or from before ours was set back.
        """
        distance = self.now - at
        if distance < -AGREEING:
            return f"{roughly(-distance)} ahead of our clock"
        return f"{roughly(distance)} ago" if distance >= timerange.SECOND else "now"

    def left(self, until: int) -> str:
        """Return `in 12 min`, or `ended`."""
        return f"in {roughly(until - self.now)}" if until > self.now else "ended"

    def _day(self, moment: datetime) -> str:
        today = to_datetime(self.now)
        if moment.date() == today.date():
            return ""
        year = "" if moment.year == today.year else f" {moment.year}"
        return f"{moment.day} {moment:%b}{year} "


def roughly(nanoseconds: int) -> str:
    """Return a duration in its largest unit: `30 s`, `11 min`, `2 h`, `12 d`."""
    for unit, size, most in (
        ("s", timerange.SECOND, 90),
        ("min", timerange.MINUTE, 90),
        ("h", timerange.HOUR, 48),
    ):
        if nanoseconds < most * size:
            return f"{nanoseconds // size} {unit}"
    return f"{nanoseconds // timerange.DAY} d"


def viewer_zone(cookies: Mapping[str, str]) -> ZoneInfo | None:
    """Return the time zone that the cookie names, or None if it names none."""
    name = unquote(cookies.get(COOKIE, ""))
    return ZoneInfo(name) if name in zone_names() else None


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Return every zone of the time zone database, UTC first."""
    return ("UTC", *sorted(available_timezones() - {"UTC", "localtime"}))
