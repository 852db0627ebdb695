"""What has fired at a site, as far as subscriptions need to know.

Many subscriptions and bots ask every second, so it is read again only after a period has started
or ended, or when a message that was posted long ago asks for more.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ops.alerts.acknowledgements import between
from ops.alerts.fired import Fired, read_fired, silent_since, unknown_to, version
from ops.alerts.notifying import routed
from ops.database import in_database
from ops.patience import patient
from ops.sites import Site, sites
from ops.subscriptions.around import Around
from ops.subscriptions.messages import Posted
from ops.subscriptions.runs import digest_of, key_of
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import Acknowledgement, Holding

BACK = 2 * timerange.HOUR  # what ended before that is read of what was posted before that only
PATIENCE = 2.0  # seconds that Alertmanagers have


class _Version(NamedTuple):
    periods: tuple[int, ...]
    hour: int
    older: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Known:
    version: _Version
    fired: tuple[Fired, ...]


_known: dict[str, _Known] = {}


async def read(site: Site, posted: Iterable[Posted], now: int) -> tuple[tuple[Fired, ...], Around]:
    """Return what has fired, and what else is known of it."""
    older = _older(posted, now - BACK)
    (fired, hands), notified = await asyncio.gather(
        in_database(_read, site, older, now), routed(site, patient(PATIENCE))
    )
    elsewhere = "" if site.name == sites().default else f" site={site.name}"
    around = Around(site, elsewhere, hands, Holding.of_all(hands))
    return fired, replace(around, notified=notified.of) if notified else around


def _read(
    site: Site, older: Mapping[str, int], now: int
) -> tuple[tuple[Fired, ...], tuple[Acknowledgement, ...]]:
    at = _Version(version(site), now // timerange.HOUR, tuple(sorted(older.items())))
    known = _known.get(site.name)
    if known is None or known.version != at:
        known = _known[site.name] = _Known(at, tuple(_fired(site, older, now)))
    fired, silent = known.fired, silent_since(site, now)
    if silent:
        unknown = unknown_to(site, silent)
        fired = tuple(
            each if each.end else replace(each, unknown=unknown(each.alert)) for each in fired
        )
    return fired, between(site.name, now - BACK, now, now)


def _fired(site: Site, older: Mapping[str, int], now: int) -> list[Fired]:
    """Read what fired in the last hours, and all of a run that was posted before."""
    found = read_fired(site, now - BACK - timerange.HOUR, {})
    keys = {key_of(each.alert.name, each.start) for each in found}
    digests = {digest_of(each.alert.name): each.alert.name for each in found}
    missing = {
        digests[digest]: start
        for digest, start in older.items()
        if digest in digests and f"{digest}-{start:x}" not in keys
    }
    return read_fired(site, now - BACK - timerange.HOUR, missing) if missing else found


def _older(posted: Iterable[Posted], before: int) -> dict[str, int]:
    """Return the starts of the runs that were posted long ago, by their group's digest."""
    found: dict[str, int] = {}
    for each in posted:
        for key in each.groups:
            digest, _, start = key.partition("-")
            at = int(start, 16)
            if at < before:
                found[digest] = min(at, found.get(digest, at))
    return found
