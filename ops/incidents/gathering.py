"""What happened during an incident, gathered for one reader: only what they may see."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ops.acknowledgements import actions as acknowledgements
from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.during import AlertsDuring, GroupDuring
from ops.alerts.intervals import joined
from ops.incidents.facts import Incident, OriginKind
from ops.incidents.lines import Line, LineKind
from ops.incidents.services import ServiceDuring, Step, ran, rollout_steps, sampled
from ops.incidents.story import lines, people
from ops.overview.figures import known, problems_of
from ops.overview.snapshot import if_allowed
from ops.requests import actions as requests
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.silences import past as silences
from ops.sites import Service, Site
from ops.versions import actions as versions
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import Acknowledgement
from ops.vocabulary.timerange import Moment, TimeRange, format_duration

BEFORE = 15 * timerange.MINUTE
QUIET = 15 * timerange.MINUTE  # after which closing it is offered
MOST_COMPARED = 3  # services, of which each asks Jaeger twice
SHORT = timerange.MINUTE  # a hole of less, as while a watcher restarts, hides no alert


@dataclass(frozen=True, slots=True)
class Course:
    """When its alerts fired; Unix nanoseconds.

    `began` is when the first fired, 0 if none did; `quiet_since` when the last stopped, 0 while one
    is firing. `failed` is for how long one was firing, in all. `unknown` means that nobody knows
    what is firing now.
    """

    began: int = 0
    quiet_since: int = 0
    failed: int = 0
    unknown: bool = False

    @property
    def is_failing(self) -> bool:
        return bool(self.began and not self.quiet_since)


@dataclass(frozen=True, slots=True)
class Story:
    """An incident, and what happened from 15 minutes before it began until it was closed, or now.

    `alerts` are None if they are unknown, or if the reader may not see them. `hidden` names what
    the reader may not see, `problems` says what is missing and why.
    """

    incident: Incident
    start: int
    end: int
    alerts: AlertsDuring | None
    services: tuple[ServiceDuring, ...]
    lines: tuple[Line, ...]
    hidden: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        """Those who did something, in the order in which they first did."""
        return people(self.lines)

    @property
    def fired(self) -> tuple[GroupDuring, ...]:
        """The alerts that fired, by name."""
        return tuple(each for each in (self.alerts.groups if self.alerts else ()) if each.fired)

    @property
    def sampled_by_people(self) -> tuple[Line, ...]:
        """The changes of sampling that somebody made."""
        of_sampling = (each for each in self.lines if each.kind is LineKind.SAMPLING)
        return tuple(each for each in of_sampling if people([each]))

    @property
    def compared(self) -> tuple[str, ...]:
        """The services whose traces are compared with the hour before."""
        return tuple(each.service for each in self.services[:MOST_COMPARED])

    @property
    def not_compared(self) -> tuple[str, ...]:
        """The services whose traces are not, because there are too many."""
        return tuple(each.service for each in self.services[MOST_COMPARED:])

    @property
    def course(self) -> Course:
        return course(self.alerts, self.end)

    @property
    def may_be_over(self) -> bool:
        """Whether to offer to close it: all of its alerts have been quiet for long enough."""
        return self.incident.is_open and is_over(self.alerts, self.end)

    @property
    def headline(self) -> str:
        """The state in a few words: `petstore slow: quiet for 4 min, was failing for 19 min`."""
        incident, now = self.incident, self.course
        was = f", was failing for {_lasted(now.failed)}" if now.began else ""
        if not incident.is_open:
            lasted = _lasted(incident.closed_at - incident.opened_at)
            return f"{incident.title}: closed{was or f' after {lasted}'}"
        if now.unknown:
            return f"{incident.title}: alert status unknown"
        if now.is_failing:
            return f"{incident.title}: failing for {_lasted(now.failed)}"
        if now.began:
            quiet = _lasted(self.end - now.quiet_since)
            return f"{incident.title}: quiet for {quiet}{was}"
        return f"{incident.title}: open for {_lasted(self.end - incident.opened_at)}"

    @property
    def counts(self) -> tuple[tuple[int, str], ...]:
        """How many alerts, rollouts and sampling changes by people, those that there are."""
        steps = [step.step for each in self.services for step in each.steps]
        found = (
            (len(self.fired), "alert"),
            (steps.count(Step.STARTED), "rollout"),
            (len(self.sampled_by_people), "sampling change"),
        )
        return tuple(each for each in found if each[0])


def _lasted(nanoseconds: int) -> str:
    """Return a duration for a heading, which would be wrong again after a second."""
    return format_duration(nanoseconds) if nanoseconds >= timerange.MINUTE else "under a minute"


def course(found: AlertsDuring | None, end: int) -> Course:
    """Return when these alerts fired, up to the end of their time."""
    if found is None:
        return Course()
    fired = joined(each for group in found.groups for each in group.firing)
    if not fired:
        return Course(unknown=found.unknown_at(end))
    lasts = any(group.lasts for group in found.groups)
    failed = sum(last - first for first, last in fired)
    return Course(fired[0][0], 0 if lasts else fired[-1][1], failed, found.unknown_at(end))


def is_over(found: AlertsDuring | None, end: int) -> bool:
    """Return whether all of these alerts have been quiet for long enough, and that is known."""
    now = course(found, end)
    if found is None or not now.quiet_since or now.unknown or end - now.quiet_since < QUIET:
        return False
    holes = (min(last, end) - max(first, end - QUIET) for first, last in found.holes)
    return all(each < SHORT for each in holes)


def window(incident: Incident, now: int) -> tuple[int, int]:
    """Return the time of an incident: from 15 minutes before it began."""
    start = max(incident.begins - BEFORE, 0)
    return start, max(incident.closed_at or now, start + timerange.SECOND)


def services_of(site: Site, incident: Incident) -> list[Service]:
    """Return its services, those that the site file still has."""
    return [site.services[name] for name in incident.services if name in site.services]


async def episodes(
    actor: Actor, site: Site, incident: Incident, start: int, end: int
) -> AlertsDuring:
    """Return what its alerts did: those of its services, and those that it was opened from."""
    origin = incident.origin
    return await alerts.list_episodes(
        actor,
        start=start,
        end=end,
        services=[each.name for each in services_of(site, incident)],
        fingerprint=origin.key if origin.kind is OriginKind.ALERT else "",
        group=origin.key if origin.kind is OriginKind.GROUP else "",
        site=site.name,
    )


async def gather(actor: Actor, site: Site, incident: Incident) -> Story:
    """Read everything concurrently, limited to what the reader may see."""
    start, end = window(incident, timerange.now_ns())
    may = (await rights_of(actor.user_id)).permissions
    services = services_of(site, incident)
    active, held, silenced, during = await asyncio.gather(
        if_allowed(
            alerts.READ in may and bool(site.prometheus),
            lambda: episodes(actor, site, incident, start, end),
        ),
        if_allowed(
            alerts.READ in may,
            lambda: acknowledgements.list_acknowledgements(
                actor, start=start, end=end, site=site.name
            ),
        ),
        if_allowed(
            alerts.READ in may and bool(site.alertmanager),
            lambda: silences.list_past(actor, start=start, end=end, site=site.name),
        ),
        asyncio.gather(*(_service(actor, site, each, (start, end), may) for each in services)),
    )
    found, past = known(active), known(silenced)
    names = {each.name for each in (found.groups if found else ())}
    about = [
        each
        for each in (past.silences if past else ())
        if each.starts_at >= start
        and any(silences.is_about(each, one.alerts, names) for one in services)
    ]
    its_own = _its_own(known(held) or (), names, services)
    rights = {"alerts": alerts.READ, "versions": versions.READ, "sampling": sampling.READ}
    return Story(
        incident=incident,
        start=start,
        end=end,
        alerts=found,
        services=tuple(each for each, _ in during),
        lines=lines(incident, found, [each for each, _ in during], its_own, about),
        hidden=tuple(name for name, right in rights.items() if right not in may),
        problems=tuple(
            dict.fromkeys(
                (
                    *problems_of(active, held, silenced),
                    *(past.problems if past else ()),
                    *(p for _, some in during for p in some),
                )
            )
        ),
    )


def _its_own(
    held: Iterable[Acknowledgement], names: Collection[str], services: Iterable[Service]
) -> list[Acknowledgement]:
    meant = {each.name for each in services}
    return [each for each in held if each.name in names or meant & {*each.services}]


async def _service(
    actor: Actor, site: Site, service: Service, when: tuple[int, int], may: frozenset[str]
) -> tuple[ServiceDuring, tuple[str, ...]]:
    """Return what is known of a service, and what could not be read."""
    start, end = when
    which = {"service": service.name, "site": site.name}
    histories, changes, at_start, asked = await asyncio.gather(
        if_allowed(versions.READ in may, lambda: versions.list_histories(actor, **which)),
        if_allowed(
            sampling.READ in may,
            lambda: sampling.changes(
                actor,
                service=service.name,
                site=site.name,
                limit=sampling.MOST_CHANGES,
                range=TimeRange(Moment(start), Moment(end)),
            ),
        ),
        if_allowed(sampling.READ in may, lambda: sampling.policy_at(actor, at=start, **which)),
        if_allowed(
            sampling.READ in may,
            lambda: requests.list_for_approval(actor, start=start, end=end, **which),
        ),
    )
    history = (known(histories) or {}).get(service.name)
    during = ServiceDuring(
        service=service.name,
        ran=ran(history, start, end),
        steps=rollout_steps(service.name, history, start, end),
        sampled=sampled(known(at_start), known(changes) or (), start, end),
        requests=known(asked) or (),
    )
    return during, problems_of(histories, changes, at_start, asked)
