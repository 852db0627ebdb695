"""A place in a list of alerts, by which a later list continues where an earlier one stopped.

A place is not a number of alerts: those before it come and go between two pages. It has what
the order goes by, and which alert it was:

    0.1.0.1795521600000000000.6f1c2a9b03d4e5f7.1
    | | | |                   |                how many alerts like this one came so far
    | | | |                   first 16 hex digits of the SHA-256 of what tells it from others
    | | | since when it is active, Unix nanoseconds
    | | 1 if that is not known
    | rank of its severity
    1 if it is not firing

If the alert is gone, the list continues with all that stand at the same rank and start: some may
come twice, none is lost.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ops.alerts.alert import Alert
from ops.alerts.arranging import urgency
from ops.errors import InvalidInput

_FORM = re.compile(r"([01])\.(\d{1,3})\.([01])\.(-?\d{1,20})\.([0-9a-f]{16})\.(\d{1,9})", re.ASCII)
Rank = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Right after the alert `digest` (the `times`th like it) among those with this rank."""

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
            "the page token is not one of ours; send back next_page_token of the answer before, "
            "or none to begin with the first page"
        )
    pending, severity, unknown, since, digest, times = found.groups()
    rank = (int(pending), int(severity), int(unknown), int(since))
    return Place(rank, digest, int(times))


def place_after(alerts: Sequence[Alert], number: int) -> Place:
    """Return the place right after the alert at that index of an arranged list."""
    last = alerts[number]
    rank, digest = _rank(last), _digest(last)
    times = 0
    for alert in reversed(alerts[: number + 1]):
        if _rank(alert) != rank:
            break
        times += _digest(alert) == digest
    return Place(rank, digest, times)


def index_of(alerts: Sequence[Alert], place: Place) -> int:
    """Return the index at which an arranged list continues after a place."""
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
    what = (alert.name, alert.group, alert.source, sorted(alert.labels.items()))
    return hashlib.sha256(repr(what).encode(errors="surrogatepass")).hexdigest()[:16]
