"""What happened around an alert: what changed before it, versions and sampling of its services."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.changes import AlertChange, Kind
from ops.alerts.one import ShownAlert, State
from ops.errors import NotFound, OpsError
from ops.overview.changing import Changes, look_for_changes
from ops.overview.figures import known, problems_of, settled
from ops.overview.happened import ChangeKind, Happened
from ops.overview.snapshot import if_allowed
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.sites import Service, Site
from ops.versions import actions as versions
from ops.versions.actions import ServiceVersions
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ALERTNAME

BEFORE = 15 * timerange.MINUTE
LATE = timerange.MINUTE  # a rollout is seen once its instances were scraped and polled
MOST_SERVICES = 3
_KINDS = ChangeKind.ROLLOUTS, ChangeKind.SAMPLING, ChangeKind.SILENCES, ChangeKind.ALERTS
_NOTHING = {ChangeKind.ALERTS: "other alerts"}
MOST_OF_A_KIND = 10
REMEMBERED = 7 * timerange.DAY  # in which an alert that is over is looked for by its name
_MOST_SEARCHED = 1_000  # changes of alerts


@dataclass(frozen=True, slots=True)
class ServiceAround:
    """A service of the alert. Unknown values, and those the user may not see, are None.

    `before` are the versions 15 minutes before the alert started, `then` those at its start.
    `sampling` was in force at its start.
    """

    service: str
    before: ServiceVersions | None
    then: ServiceVersions | None
    sampling: SamplingChange | None
    problems: tuple[str, ...] = ()

    @property
    def ran(self) -> str:
        """`1.2.0`, or `1.2.0, then 1.2.0 on 2, 1.3.0 on 1 of 3`; "" if it is not known."""
        then = self.then.spread if self.then and self.then.counts else ""
        before = self.before.spread if self.before and self.before.counts else ""
        if before and then and before != then:
            return f"{before}, then {then}"
        return then or before


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What happened from 15 minutes before an alert started until it ended, or now.

    `start` is when the alert started, `end` when it ended, Unix nanoseconds. `found` is what
    changed in the 15 minutes before: rollouts, changes of sampling, silences, then other alerts
    that started, each kind with its newest first, the rollouts of the alert's services before
    others; `changes` says how far that is known. A rollout may be noticed up to a minute after
    the alert that it caused, so those are among them. `lines` are about its services, and
    `left_out` names those that are too many.
    """

    name: str
    fingerprint: str
    start: int
    end: int
    lines: tuple[ServiceAround, ...]
    found: tuple[Happened, ...]
    changes: Changes
    problems: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def rolled(self) -> frozenset[str]:
        """The services that started to run another version."""
        return frozenset(each.version.service for each in self.found if each.version)

    @property
    def nothing(self) -> str:
        """Say that nothing was found: `No rollouts or other alerts`, "" if nothing may be seen."""
        seen = [each for each in _KINDS if each in self.changes.kinds]
        kinds = [_NOTHING.get(each, str(each)) for each in seen]
        *most, last = kinds or [""]
        if self.found or not last:
            return ""
        named = " or ".join(filter(None, (", ".join(most), last)))
        return f"No {named}"

    @property
    def is_unsure(self) -> bool:
        """Whether something else may have changed."""
        changes = self.changes
        return bool(changes.hidden or changes.problems or changes.memory.has_holes)


async def find_alert(actor: Actor, site: Site, name: str) -> str:
    """Return the fingerprint of the alert of a name that started first, or else ended last.

    Raises NotFound, or the sources' error if none answers and none is remembered.
    """
    only = AlertFilter(matchers=(Matcher(ALERTNAME, "=", name),), site=site.name)
    listed = await settled(lambda: alerts.list_alerts(actor, filter=only))
    if active := () if isinstance(listed, OpsError) else listed.alerts:
        return min(active, key=lambda each: (each.state != FIRING, each.since)).fingerprint
    now = timerange.now_ns()
    past = await alerts.list_changes(
        actor, start=now - REMEMBERED, end=now, limit=_MOST_SEARCHED, site=site.name
    )
    for each in past:
        if each.name == name and each.fingerprint:
            return each.fingerprint
    if isinstance(listed, OpsError):
        raise listed
    raise NotFound(
        f'no alert "{name[:80]}" is firing, and none is remembered of the last 7 days. '
        "Check the name"
    )


async def look_around(actor: Actor, site: Site, shown: ShownAlert) -> Surroundings:
    """Read everything concurrently, limited to what the user may see."""
    now = timerange.now_ns()
    start, end = began(shown, now), ended(shown, now)
    services = services_of(site, shown)
    may = (await rights_of(actor.user_id)).permissions
    kinds = [each for each in _KINDS if each is not ChangeKind.SILENCES or site.alertmanager]
    changes, lines = await asyncio.gather(
        look_for_changes(actor, site, None, (start - BEFORE, min(start + LATE, now)), kinds),
        asyncio.gather(*(_around(actor, site, each, start, may) for each in services)),
    )
    of_services = {each.name for each in services}
    return Surroundings(
        name=shown.alert.name,
        fingerprint=shown.alert.fingerprint,
        start=start,
        end=end,
        lines=tuple(lines),
        found=_in_order(
            [each for each in changes.found if each.version or each.at <= start],
            shown.alert.fingerprint,
            of_services,
        ),
        changes=changes,
        problems=tuple(
            dict.fromkeys((*changes.problems, *(p for line in lines for p in line.problems)))
        ),
        left_out=tuple(each.name for each in site.services_of(shown.alert.labels)[MOST_SERVICES:]),
    )


def began(shown: ShownAlert, now: int) -> int:
    """Return when an alert became active, if it is over when it last did."""
    newest = shown.past.episodes[0].start if shown.past.episodes else now
    return min(shown.alert.active_at or newest, now)


def ended(shown: ShownAlert, now: int) -> int:
    """Return when an alert ended, now if it has not."""
    return shown.at if shown.state is State.RESOLVED and shown.at else now


def services_of(site: Site, shown: ShownAlert) -> list[Service]:
    """Return the services whose labels an alert has, not too many."""
    return site.services_of(shown.alert.labels)[:MOST_SERVICES]


def _in_order(
    changes: Sequence[Happened], fingerprint: str, services: set[str]
) -> tuple[Happened, ...]:
    """Return what may have led to an alert, by kind, and of alerts only others that started.

    Each alert's name appears once, with the newest of its alerts.
    """
    rollouts = [each for each in changes if each.version]
    rollouts.sort(key=lambda each: bool(each.version and each.version.service not in services))
    others: dict[str, AlertChange] = {}
    for each in changes:
        alert = each.alert
        if alert and alert.kind is Kind.FIRING and alert.fingerprint != fingerprint:
            newest = others.get(alert.name)
            others[alert.name] = (
                replace(newest, count=newest.count + alert.count) if newest else alert
            )
    kinds = (
        rollouts,
        [each for each in changes if each.sampling],
        [each for each in changes if each.silence],
        [Happened(each.at, alert=each) for each in others.values()],
    )
    return tuple(each for kind in kinds for each in kind[:MOST_OF_A_KIND])


async def _around(
    actor: Actor, site: Site, service: Service, start: int, may: frozenset[str]
) -> ServiceAround:
    which = {"service": service.name, "site": site.name}
    before, then, sampled = await asyncio.gather(
        _versions(actor, may, start - BEFORE, **which),
        _versions(actor, may, start, **which),
        if_allowed(sampling.READ in may, lambda: sampling.policy_at(actor, at=start, **which)),
    )
    return ServiceAround(
        service=service.name,
        before=known(before),
        then=known(then),
        sampling=known(sampled),
        problems=problems_of(before, then, sampled),
    )


async def _versions(
    actor: Actor, may: frozenset[str], at: int, *, service: str, site: str
) -> ServiceVersions | OpsError | None:
    return await if_allowed(
        versions.READ in may,
        lambda: versions.show_versions(actor, service=service, site=site, at=at),
    )
