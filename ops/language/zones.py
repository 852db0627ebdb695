"""Read the name of a time zone after a time: `UTC`, `CET`, `+02:00`, `Berlin`, `New York`."""

import re
from collections.abc import Mapping
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from ops.errors import InvalidInput
from ops.vocabulary.quiet_hours import zone_names

UTC = ZoneInfo("UTC")

# Hours from UTC of the abbreviations that mean one zone only.
_FIXED = {
    "utc": 0, "gmt": 0, "z": 0, "zulu": 0, "wet": 0, "west": 1, "cet": 1, "cest": 2, "eet": 2,
    "eest": 3, "msk": 3, "jst": 9, "edt": -4, "est": -5, "cdt": -5, "mdt": -6, "mst": -7,
    "pdt": -7, "pst": -8,
}  # fmt: skip
_SEVERAL = ("ist", "bst", "cst", "ast", "amt")
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d{2}))?", re.ASCII)
_MOST_WORDS = 3  # of a city
_AREAS = (
    "Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


def zone_named(name: str) -> ZoneInfo:
    """Return the zone of that name, UTC if there is none."""
    return ZoneInfo(name) if name in zone_names() else UTC


def read_zone(words: list[str], at: int) -> tuple[tzinfo, int] | None:
    """Read a zone from a place on: the zone and the place of the next word.

    Raises InvalidInput for an abbreviation that several zones have.
    """
    at += words[at : at + 1] == ["in"]
    if at >= len(words):
        return None
    word = words[at]
    if word in _FIXED:
        hours = _FIXED[word]
        return timezone(timedelta(hours=hours), word.upper() if word != "z" else "UTC"), at + 1
    if word in _SEVERAL:
        raise InvalidInput(
            f'"{word.upper()}" is the name of several time zones; write a city, such as London, or '
            "an offset, such as +01:00"
        )
    if offset := _OFFSET.fullmatch(word):
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        if distance < timedelta(hours=24):
            return timezone(-distance if offset[1] == "-" else distance), at + 1
    for number in range(min(_MOST_WORDS, len(words) - at), 0, -1):
        name = _cities().get(" ".join(words[at : at + number]))
        if name:
            end = at + number
            return ZoneInfo(name), end + (words[end : end + 1] == ["time"])
    return None


@lru_cache(maxsize=1)
def _cities() -> Mapping[str, str]:
    """Return the zones by their name and by their city, in small letters."""
    found: dict[str, str] = {}
    for name in sorted(zone_names()):
        area, _, city = name.partition("/")
        if area in _AREAS:
            found[name.lower()] = name
            found.setdefault(city.rpartition("/")[2].replace("_", " ").lower(), name)
    return found
