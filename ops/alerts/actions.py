"""Actions that read alerts."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from django.conf import settings

from ops.actor import Actor
from ops.alerts.changes import AlertChange, read_changes
from ops.alerts.during import AlertsDuring, read_during
from ops.alerts.flooding import read_floods
from ops.alerts.group_strips import StripOf, strips
from ops.alerts.history import Strip
from ops.alerts.listing import AlertList, FiringCount, ask, count_now, list_during, list_now
from ops.alerts.models import stored_name
from ops.alerts.one import ShownAlert, read, with_told
from ops.alerts.past import told
from ops.backends.clients import clients
from ops.database import in_database
from ops.errors import NotFound, OpsError
from ops.guard import DEADLINE, action
from ops.patience import patient
from ops.sites import Site, sites
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.alerts import Alert, BrokenRule

__all__ = [
    "FINGERPRINT",
    "READ",
    "STRIP",
    "AlertList",
    "FiringCount",
    "alerts_during",
    "count_firing",
    "list_alerts",
    "list_changes",
    "list_episodes",
    "list_floods",
    "show_alert",
    "show_strips",
]

READ = "alerts.view_alerts"
FINGERPRINT = re.compile(r"[0-9a-f]{20}")
STRIP = 6 * timerange.HOUR
REMEMBERS = 2.0  # seconds that sources have to say what they remember of our holes
NO_GROUPS: Mapping[str, StripOf] = {}


@action("alerts.list_alerts", permission=READ)
async def list_alerts(
    actor: Actor, *, filter: AlertFilter = AlertFilter(), patience: float = DEADLINE
) -> AlertList:
    """Return the alerts of all Prometheus sources of a site, which are asked concurrently.

    Rules that cannot be evaluated are included whatever the filter: their alerts cannot fire.
    After `patience` seconds it returns what is known, and goes on asking the sources that are
    `coming`. Raises BackendUnavailable only if every source failed, NotFound if the site has none,
    InvalidInput for a word in the filter that nothing known is called.
    """
    site = sites().site(filter.site)
    key = ("alerts", site, filter, patience)
    return await clients().reads.answer(key, lambda: list_now(site, filter, patience))


@action("alerts.count_firing", permission=READ)
async def count_firing(actor: Actor, *, site: str = "") -> FiringCount | None:
    """Count a site's firing alerts by what its watcher knows, without asking any source.

    Returns None if no watcher knows anything.
    """
    where = sites().site(site)
    return await clients().reads.answer(("firing", where), lambda: count_now(where))


@action("alerts.alerts_during", permission=READ)
async def alerts_during(
    actor: Actor, *, start: int = 0, end: int = 0, service: str = "", site: str = ""
) -> AlertList:
    """Return a service's alerts that were active at any time from start to end (Unix ns).

    All Prometheus sources are asked concurrently. A service without alert labels has no alerts.
    Prometheus does not remember annotations (`Alert.annotations`) or broken rules. Raises the
    same errors as `list_alerts`.
    """
    where = sites().site(site)
    what = where.service(service)
    if not what.alerts:
        return AlertList(where.name, (), (), 0, ())
    key = ("alerts during", where, what, start, end)
    return await clients().reads.answer(key, lambda: list_during(where, what, start, end))


@action("alerts.show_alert", permission=READ)
async def show_alert(
    actor: Actor,
    *,
    fingerprint: str = "",
    site: str = "",
    length: int = STRIP,
    patience: float = DEADLINE,
) -> ShownAlert:
    """Return one alert with its rule and its past, also after it has resolved.

    `length` is the time that its strip covers, in nanoseconds. Raises NotFound if neither the
    sources nor our history know it; if no source answers and our history does not know it, the
    sources' error.
    """
    where = sites().site(site)
    if not FINGERPRINT.fullmatch(fingerprint):
        raise NotFound(f'"{fingerprint[:80]}" is not an alert\'s ID. Choose an alert from the list')
    key = ("alert", where, fingerprint, length, patience)
    return await clients().reads.answer(key, lambda: _one(where, fingerprint, length, patience))


@action("alerts.show_strips", permission=READ)
async def show_strips(
    actor: Actor,
    *,
    groups: Mapping[str, StripOf] = NO_GROUPS,
    group_of: Callable[[Alert], str] | None = None,
    site: str = "",
    length: int = STRIP,
) -> Mapping[str, Strip]:
    """Return what groups of alerts did during the time of `length` up to now, by group.

    `group_of` says into which group an alert falls that may have ended.
    """
    where = sites().site(site)
    return await in_database(strips, where.name, groups, length, timerange.now_ns(), group_of)


@action("alerts.list_floods", permission=READ)
async def list_floods(actor: Actor, *, site: str = "") -> tuple[BrokenRule, ...]:
    """Return the rules that make a new alert at each evaluation, with a sentence about each.

    A watcher finds them; their new alerts are listed, but not remembered.
    """
    return await in_database(read_floods, sites().site(site).name)


@action("alerts.list_changes", permission=READ)
async def list_changes(
    actor: Actor,
    *,
    start: int = 0,
    end: int = 0,
    limit: int = 20,
    service: str = "",
    site: str = "",
) -> tuple[AlertChange, ...]:
    """Return what started and ended between start and end (Unix ns), the newest first.

    That is: alerts that fire, rules that cannot be evaluated, sources that do not answer. Of one
    service it is its alerts, and the sources.
    """
    where = sites().site(site)
    what = where.service(service) if service else None
    key = ("alert changes", where, what, start, end, limit)
    read = partial(in_database, read_changes, where, what, start, end, limit)
    return await clients().reads.answer(key, read)


@action("alerts.list_episodes", permission=READ)
async def list_episodes(
    actor: Actor,
    *,
    start: int,
    end: int,
    services: Sequence[str] = (),
    fingerprint: str = "",
    group: str = "",
    site: str = "",
) -> AlertsDuring:
    """Return what the alerts of these services did from start to end (Unix ns), by name.

    Also the alert with a fingerprint, or those of a name. It comes from our own history.
    """
    where = sites().site(site)
    meant = [where.service(name) for name in services]
    also = {"key": fingerprint} if fingerprint else {"name": stored_name(group)} if group else {}
    return await in_database(read_during, where, meant, also, start, end)


async def _one(site: Site, fingerprint: str, length: int, patience: float) -> ShownAlert:
    answers, notified, failed = None, None, None
    try:
        answers, notified, _ = await ask(site, patience)
    except OpsError as error:
        failed = error
    found = await in_database(read, site, fingerprint, length, answers, timerange.now_ns())
    if found is None:
        raise failed or NotFound(
            f'site "{site.name}" has no alert {fingerprint}: it ended more than '
            f"{settings.HISTORY_DAYS} days ago, or the link is wrong. Choose an alert from the list"
        )
    if notified is not None:
        found = replace(found, routed=notified, notified=notified.of(found.alert))
    gaps = [(hole.start, hole.end) for hole in found.strip.holes]
    try:
        async with asyncio.timeout(patient(REMEMBERS)):
            return with_told(found, await told(site, found.alert, gaps, found.strip.step))
    except TimeoutError:
        return found
