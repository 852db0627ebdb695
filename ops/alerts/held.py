"""When acknowledgements end: their time is over, or their alert has resolved.

A group's alert has resolved with the last of its name. What is not seen to have resolved goes on,
also while no source answers.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache

from ops.alerts.models import AlertPeriod, HeldAlert, stored_name
from ops.vocabulary.acknowledgements import OVER, RESOLVED
from ops.vocabulary.alerts import Alert
from ops.watch.models import Watched
from ops.watch.periods import Changes


class Ended(Changes[HeldAlert]):
    """Acknowledgements that have ended, and why, by primary key."""

    def __init__(self) -> None:
        super().__init__(HeldAlert)
        self.why: dict[int, str] = {}

    def end(self, row: HeldAlert, at: int, why: str) -> None:
        self.ended[row.pk], self.why[row.pk] = max(at, row.start), why

    def write(self) -> None:
        for pk, end in self.ended.items():
            HeldAlert.objects.filter(pk=pk, end=None).update(end=end, why=self.why[pk])


class HeldHistory:
    """The acknowledgements of one site, for one watcher."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._left: int | None = None  # when the watcher before this one left, 0 once that is told

    def resume(self) -> None:
        """Read until when the site was watched before, the first time."""
        if self._left is None:
            earlier = Watched.objects.filter(site=self._site).order_by("-epoch")[1:2]
            self._left = next((each.end for each in earlier), 0)

    def changes(
        self,
        now: int,
        reported: Sequence[Alert],
        keys: Collection[str],
        names: Iterable[str],
        *,
        sure: bool,
    ) -> Changes[HeldAlert]:
        """Return what has ended by now (Unix nanoseconds).

        `keys` and `names` are those of the alerts that are remembered to be active, which may be
        more than those `reported`. Unless all sources are `sure`, an alert that is not among them
        has only resolved if it was seen to.
        """
        found, missing = Ended(), False
        # Only if somebody has something: there can be many alerts.
        kept = cache(lambda: {*map(stored_name, names)})
        by_key = cache(lambda: _by(reported, lambda alert: alert.fingerprint))
        by_name = cache(lambda: _by(reported, lambda alert: stored_name(alert.name)))
        for row in HeldAlert.objects.filter(site=self._site, end=None, start__lt=now):
            its = by_key().get(row.fingerprint) if row.fingerprint else by_name().get(row.name)
            there = its or (row.fingerprint in keys if row.fingerprint else row.name in kept())
            if row.is_over(now):
                found.end(row, row.until, OVER)
            elif not there and (sure or _was_seen_to_end(row)):
                found.end(row, now, RESOLVED)
            elif its and sure and self._left and _began_after(self._left, row, its):
                found.end(row, self._left, RESOLVED)
            missing |= bool(there and not its)
        if sure and not missing:
            self._left = 0
        return found


def _was_seen_to_end(row: HeldAlert) -> bool:
    which = {"key": row.fingerprint} if row.fingerprint else {"name": row.name}
    return AlertPeriod.objects.filter(site=row.site, end__gte=row.start, **which).exists()


def _by(alerts: Iterable[Alert], key: Callable[[Alert], str]) -> Mapping[str, Sequence[Alert]]:
    found: dict[str, list[Alert]] = {}
    for each in alerts:
        found.setdefault(key(each), []).append(each)
    return found


def _began_after(left: int, row: HeldAlert, active: Iterable[Alert]) -> bool:
    """Return whether all that is active of it began while nobody watched.

    So it has resolved meanwhile, unless somebody has it since then.
    """
    return min(each.active_at for each in active) > max(left, row.start)
