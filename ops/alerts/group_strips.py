"""The strips of groups of alerts, also of those that have ended."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from django.db.models import QuerySet

from ops.alerts.history import Stretch, Strip, active, filled, holes, window
from ops.alerts.models import AlertPeriod
from ops.vocabulary.alerts import Alert

MOST_KEYS = 500  # a query
# The newest of so many periods are looked through for alerts of a group that have ended.
MOST_ENDED = 20_000
MOST_PAST = 1_000  # alerts


@dataclass(frozen=True, slots=True)
class StripOf:
    """The alerts of a group's strip: all with these names, and those with these fingerprints.

    `sources` report them.
    """

    names: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def strips(
    site: str,
    groups: Mapping[str, StripOf],
    length: int,
    now: int,
    group_of: Callable[[Alert], str] | None = None,
) -> Mapping[str, Strip]:
    """Read the strips of several groups of alerts.

    With `group_of`, a strip also shows the alerts of its time that it says fall into that group:
    the newest MOST_PAST, if there are more.
    """
    empty = window(now, length)
    rows = AlertPeriod.objects.filter(site=site)
    if group_of:
        groups = _with_past(rows, empty, groups, group_of)
    names = {name for group in groups.values() for name in group.names}
    # SQLite takes the best index only for one name at once, and for keys with a start.
    by_name = {name: active(rows.filter(name=name), empty) for name in names}
    seen: dict[tuple[str, ...], tuple[Stretch, ...]] = {}
    found = {}
    for key, group in groups.items():
        parts = [by_name[name] for name in group.names]
        for first in range(0, len(group.fingerprints), MOST_KEYS):
            some = group.fingerprints[first : first + MOST_KEYS]
            parts.append(active(rows.filter(key__in=some, start__lt=empty.end), empty))
        if group.sources not in seen:
            seen[group.sources] = holes(site, group.sources, empty, now)
        found[key] = filled(empty, parts, seen[group.sources])
    return found


def _with_past(
    rows: "QuerySet[AlertPeriod]",
    empty: Strip,
    groups: Mapping[str, StripOf],
    group_of: Callable[[Alert], str],
) -> Mapping[str, StripOf]:
    """Add the alerts of a strip's time that fall into the groups."""
    known = {each for group in groups.values() for each in group.fingerprints}
    found: dict[str, list[Alert]] = {}
    for alert in _past_alerts(rows, empty, known):
        found.setdefault(group_of(alert), []).append(alert)
    return {
        key: replace(
            group,
            fingerprints=(*group.fingerprints, *(each.fingerprint for each in found.get(key, ()))),
            sources=tuple(
                sorted({*group.sources, *chain(*(each.sources for each in found.get(key, ())))})
            ),
        )
        for key, group in groups.items()
    }


def _past_alerts(
    rows: "QuerySet[AlertPeriod]", empty: Strip, known: Collection[str]
) -> Iterator[Alert]:
    """Yield the alerts of a strip's time that are not known."""
    newest: dict[str, int] = {}
    for part in (rows.filter(end=None), rows.filter(end__gt=empty.start).order_by("-end")):
        for key, pk in part.values_list("key", "pk")[:MOST_ENDED]:
            if key not in known:
                newest.setdefault(key, pk)
    pks = [*newest.values()][:MOST_PAST]
    for first in range(0, len(pks), MOST_KEYS):
        # With the site, SQLite would go through all of its rows.
        some = AlertPeriod.objects.filter(pk__in=pks[first : first + MOST_KEYS])
        for each in some.values_list("key", "name", "group", "labels", "sources"):
            yield _alert(*each)


def _alert(
    key: str, name: str, group: str, labels: Mapping[str, str], sources: Iterable[str]
) -> Alert:
    """Return what says to which group an alert belongs."""
    return Alert(
        name=labels.get("alertname", name),
        state="",
        value="",
        active_at=0,
        labels=labels,
        annotations={},
        sources=tuple(sources),
        group=group,
        rule_health="unknown",
        fingerprint=key,
    )
