"""A position in a list of alerts, from which a later list continues.

The position is not an index, because alerts before it come and go between two pages. It holds
the sort key of the last alert, and identifies that alert:

    0.1.0.1795521600000000000.6f1c2a9b03d4e5f7.1
    | | | |                   |                how many identical alerts came so far
    | | | |                   first 16 hex digits of the SHA-256 of what identifies it
    | | | active since, Unix nanoseconds
    | | 1 if that is unknown
    | rank of its severity
    1 if it is not firing

If that alert is gone, the list continues with all alerts of the same rank and start: some may
appear twice, but none is lost.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ops.alerts.arranging import urgency
from ops.errors import InvalidInput
from ops.vocabulary.alerts import Alert

_FORM = re.compile(r"([01])\.(\d{1,3})\.([01])\.(-?\d{1,20})\.([0-9a-f]{16})\.(\d{1,9})", re.ASCII)
Rank = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Right after the `times`th alert with this digest among those of this rank."""

    rank: Rank
    digest: str
    times: int

    def __str__(self) -> str:
        return ".".join(map(str, (*self.rank, self.digest, self.times)))


def parse_place(text: str) -> Place:
    """Read what `str(place)` wrote; raises InvalidInput."""
    found = _FORM.fullmatch(text)
    if not found:
        raise InvalidInput(
            "the page token is invalid. Send the next_page_token of the previous response, or "
            "none for the first page"
        )
    pending, severity, unknown, since, digest, times = found.groups()
    rank = (int(pending), int(severity), int(unknown), int(since))
    return Place(rank, digest, int(times))


def place_after(alerts: Sequence[Alert], number: int) -> Place:
    """Return the position right after the alert at that index of an arranged list."""
    last = alerts[number]
    rank, digest = _rank(last), _digest(last)
    times = 0
    for alert in reversed(alerts[: number + 1]):
        if _rank(alert) != rank:
            break
        times += _digest(alert) == digest
    return Place(rank, digest, times)


def index_of(alerts: Sequence[Alert], place: Place) -> int:
    """Return the index at which an arranged list continues after a position."""
    start = next((n for n, alert in enumerate(alerts) if _rank(alert) >= place.rank), len(alerts))
    index, times = start, 0
    for number in range(start, len(alerts)):
        if times == place.times or _rank(alerts[number]) != place.rank:
            break
        if _digest(alerts[number]) == place.digest:
            index, times = number + 1, times + 1
    return index


def _rank(alert: Alert) -> Rank:
    pending, severity, unknown, since, *_ = urgency(alert)
    return int(pending), severity, int(unknown), since


def _digest(alert: Alert) -> str:
    what = (alert.name, alert.group, alert.sources, sorted(alert.labels.items()))
    return hashlib.sha256(repr(what).encode(errors="surrogatepass")).hexdigest()[:16]
