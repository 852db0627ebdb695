"""Hand-overs of the last minutes, and the people to notify: the new person and the former one.

Call `recent` in ops.database.in_database.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ops.alerts.acknowledgements import as_read
from ops.alerts.models import HeldAlert
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import HANDED_OVER, Acknowledgement

AGE = 10 * timerange.MINUTE  # after which nobody is notified any more
MOST = 100


@dataclass(frozen=True, slots=True)
class HandOver:
    """Somebody has what somebody else had before, and the user to notify.

    They are the one who `got` it, or else the one who had it.
    """

    before: Acknowledgement
    now: Acknowledgement
    user_id: int
    got: bool

    @property
    def by(self) -> str:
        """The name of the user who did it."""
        return self.now.given_by or self.now.person


def recent(sites: Collection[str], now: int) -> tuple[HandOver, ...]:
    """Return the hand-overs of sites that users have not seen happen, the oldest first."""
    rows = HeldAlert.objects.filter(site__in=sites)
    ended = rows.filter(end__gte=now - AGE, why=HANDED_OVER).order_by("end", "pk")[:MOST]
    started = [*rows.filter(start__gte=now - AGE).order_by("pk")] if ended else []
    return tuple(
        told
        for former in ended
        for after in [row for row in started if row.pk > former.pk and _is_same(row, former)][:1]
        for told in _told(as_read(former, now), as_read(after, now))
    )


def _is_same(one: HeldAlert, other: HeldAlert) -> bool:
    return (one.site, one.name, one.fingerprint) == (other.site, other.name, other.fingerprint)


def _told(before: Acknowledgement, now: Acknowledgement) -> Iterator[HandOver]:
    """Yield it for both, but not for the one who did it."""
    by = now.given_by or now.person
    for each, got in ((now, True), (before, False)):
        if each.user_id is not None and each.person != by:
            yield HandOver(before, now, each.user_id, got)
