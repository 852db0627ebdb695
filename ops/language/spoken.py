"""What the readers of times take and return."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from ops.errors import InvalidInput
from ops.language.points import local
from ops.language.zones import UTC


@dataclass(frozen=True, slots=True)
class Clock:
    """The present (Unix nanoseconds) and the time zone of the person who asks."""

    now: int
    zone: ZoneInfo = UTC

    @property
    def here(self) -> datetime:
        """The present as the asker's clock shows it."""
        return local(self.now, self.zone)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A time that was read: in the strict notation, and the numbers of its words.

    `said` is what was added to it: the zone of a time of day ("from 14:00 to 15:00 Europe/Paris")
    or the unit of a number, else "". `instead` is what else it may mean, in the same notation.
    `guessed` means that it is the nearest of two times of day, as "until six" is.
    """

    text: str
    used: tuple[int, ...]
    said: str = ""
    instead: tuple[str, ...] = ()
    guessed: bool = False


def checked(said: Spoken) -> Spoken:
    """Return how long a change lasts; raises InvalidInput if it may mean several things."""
    if said.instead:
        forms = " or ".join((said.text, *said.instead))
        raise InvalidInput(f"the number of how long it lasts has no unit: write {forms}")
    return said


def written(moment: int, zone: tzinfo) -> str:
    """Write a moment in the strict notation as a zone's clocks show it."""
    shown = local(moment, zone)
    whole = shown.replace(tzinfo=None).isoformat(timespec="seconds").removesuffix(":00")
    offset = f"{shown:%z}"
    return f"{whole}Z" if offset == "+0000" else f"{whole}{offset[:3]}:{offset[3:5]}"


def shown(moment: int, now: int, zone: tzinfo, *, dated: bool = False) -> str:
    """Write a moment for people, without the zone: `14:00`, `29 Nov 14:00` if not today."""
    here, there = local(now, zone), local(moment, zone)
    time = f"{there:%H:%M:%S}".removesuffix(":00")
    if there.date() == here.date() and not dated:
        return time
    year = "" if there.year == here.year else f" {there.year}"
    return f"{there.day} {there:%b}{year} {time}"


def shown_range(start: int, end: int, now: int, zone: tzinfo) -> str:
    """Write a range for people: `29 Nov 14:00 to 15:00`."""
    first, last = local(start, zone).date(), local(end, zone).date()
    until = shown(end, end if first == last else now, zone, dated=first != last)
    return f"{shown(start, now, zone, dated=first != last)} to {until}"


def name_of(zone: tzinfo) -> str:
    """Return the name of a zone: `Europe/Paris`, `CET`, `UTC+02:00`."""
    return zone.key if isinstance(zone, ZoneInfo) else str(zone)
