"""Raise the sampling of a service, or of those in which an alert's failing traces begin.

the services that an alert is about ──> their failing traces since it started
│     (without any, their latest)
the services in which these begin
│
each of them: a change of its own, or a request if it is above the ceiling; one may fail alone
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.one import State
from ops.errors import InvalidInput, NotConfirmed, NotFound, OpsError
from ops.guard import DEADLINE, action
from ops.overview.figures import known, problems_of, settled
from ops.overview.raises import MOST_RAISED, Raise, Raised, RootCount
from ops.overview.snapshot import if_allowed
from ops.overview.surroundings import began, services_of
from ops.requests import actions as requests
from ops.requests.actions import RequestedChange
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sampling.terms import LONGEST_REASON, Term
from ops.sites import Service, Site, sites
from ops.traces import actions as traces
from ops.traces.actions import TraceList
from ops.versions import actions as versions
from ops.versions.actions import ServiceVersions
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, Alert
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.policies import rate
from ops.vocabulary.timerange import NOW, Moment, TimeRange

EVERYTHING = rate(1.0)
TERM = Term(15 * timerange.MINUTE)
MOST_TRACES = 100
FEW = 10  # one trace in so many: a service in which fewer begin is left as it is
LONGEST_VERSION = 80
LATELY = timerange.HOUR
_STATES = {State.RESOLVED: "has resolved", State.UNKNOWN: "may be firing"}
_AGAIN = timerange.MINUTE  # by which a second press may come later than the first


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a press is about: services, since when something is wrong (0: unknown), and what."""

    services: Sequence[Service]
    since: int
    what: str


@action("overview.propose_raise", permission=sampling.CHANGE)
async def propose_raise(
    actor: Actor, *, fingerprint: str = "", about: Sequence[str] = (), site: str = ""
) -> Raise:
    """Return what `raise_sampling` would do for an alert or for services, and why.

    Raises the same errors as `alerts.show_alert`, and NotFound for an alert whose labels no
    service of the site file has.
    """
    where = sites().site(site)
    subject = await _subject(actor, where, fingerprint, about)
    names = tuple(each.name for each in subject.services)
    may = (await rights_of(actor.user_id)).permissions
    reason, (counts, failing, problem) = await asyncio.gather(
        _reason(actor, where, subject, may), _roots(actor, where, subject, may)
    )
    by_name = {each.jaeger_name: each.name for each in where.services.values()}
    looked = counts.total()
    roots = [(name, number) for name, number in counts.most_common() if number * FEW >= looked]
    ours = tuple(RootCount(by_name[name], n) for name, n in roots if name in by_name)[:MOST_RAISED]
    services = tuple(each.service for each in ours) or names
    return Raise(
        site=where.name,
        about=names,
        services=services,
        reason=reason,
        looked=looked,
        failing=failing,
        roots=ours,
        strangers=tuple(RootCount(name, n) for name, n in roots if name not in by_name),
        kept_until=await _kept_until(actor, where, services),
        problem=problem,
    )


@action("overview.raise_sampling", permission=sampling.CHANGE, deadline=3 * DEADLINE)
async def raise_sampling(
    actor: Actor,
    *,
    services: Sequence[str] = (),
    fingerprint: str = "",
    about: Sequence[str] = (),
    site: str = "",
) -> tuple[Raised, ...]:
    """Sample `services` at 100% for 15 minutes, because of an alert or for what services do.

    Each is a change of its own, or a request if somebody else must approve it or a card must ask;
    what one of them raises is its result. Raises what `propose_raise` does before anything is
    changed.
    """
    where = sites().site(site)
    names = dict.fromkeys(where.service(each).name for each in services)
    if not 1 <= len(names) <= MOST_RAISED:
        raise InvalidInput(f"name 1 to {MOST_RAISED} services to sample at {EVERYTHING}")
    subject = await _subject(actor, where, fingerprint, about)
    may = (await rights_of(actor.user_id)).permissions
    reason = await _reason(actor, where, subject, may)
    return tuple(await asyncio.gather(*(_raised(actor, where, each, reason) for each in names)))


async def _subject(actor: Actor, site: Site, fingerprint: str, about: Sequence[str]) -> _Subject:
    now = timerange.now_ns()
    if fingerprint:
        shown = await alerts.show_alert(actor, fingerprint=fingerprint, site=site.name)
        services, state = services_of(site, shown), _STATES.get(shown.state, f"is {shown.state}")
        if not services:
            raise NotFound(
                f'no service of the site file has the labels of "{shown.alert.name[:80]}"; set '
                "alerts for its service there"
            )
        return _Subject(services, began(shown, now), f"{shown.alert.name} {state}")
    if len(about) > MOST_RAISED:
        raise InvalidInput(f"name at most {MOST_RAISED} services")
    services = [site.service(each) for each in dict.fromkeys(about or [""])]
    may = (await rights_of(actor.user_id)).permissions
    active = await asyncio.gather(*(_active(actor, site, each, now, may) for each in services))
    names = [each.name for found in active for each in found if each.state == FIRING]
    first, *others = [*dict.fromkeys(names)] or [""]
    if not others:
        return _Subject(services, 0, f"{first} is firing" if first else "")
    rest = others[0] if len(others) == 1 else f"{len(others)} more alerts"
    return _Subject(services, 0, f"{first} and {rest} are firing")


async def _active(
    actor: Actor, site: Site, service: Service, now: int, may: frozenset[str]
) -> Sequence[Alert]:
    found = await if_allowed(
        alerts.READ in may,
        lambda: alerts.alerts_during(
            actor, start=now, end=now, service=service.name, site=site.name
        ),
    )
    active = known(found)
    return active.alerts if active else ()


async def _reason(actor: Actor, site: Site, subject: _Subject, may: frozenset[str]) -> str:
    """Return `QueueDeep is firing; petstore 1.3.0 on 1 of 3`."""
    names = [each.name for each in subject.services]
    ran = await if_allowed(
        versions.READ in may,
        lambda: versions.show_several(actor, services=names, site=site.name),
    )
    releases = (_release(each) for each in known(ran) or () if each.counts)
    line = "; ".join(filter(None, (subject.what, *releases)))
    return "".join(each if each.isprintable() else " " for each in line)[:LONGEST_REASON]


def _release(ran: ServiceVersions) -> str:
    version, number = ran.counts[0]
    on = f" on {number} of {ran.total}" if ran.mixed else ""
    return f"{ran.service} {version[:LONGEST_VERSION]}{on}"


async def _roots(
    actor: Actor, site: Site, subject: _Subject, may: frozenset[str]
) -> tuple[Counter[str], bool, str]:
    """Count where failing traces begin, or without any the latest.

    Returns whether they failed, too, and why nothing is known, "" if something is.
    """
    if site.jaeger is None or traces.READ not in may:
        return Counter(), False, ""
    lately = TraceQuery(site=site.name, range=TimeRange.last(LATELY), limit=MOST_TRACES)
    since = TimeRange(Moment(subject.since), NOW) if subject.since else lately.range
    failing = replace(lately, range=since, tags=(("error", "true"),))
    found: Sequence[TraceList | OpsError] = ()
    for query in (failing, lately):
        found = await asyncio.gather(
            *(
                settled(partial(traces.list_traces, actor, query=replace(query, service=each.name)))
                for each in subject.services
            )
        )
        lists = [each for each in map(known, found) if each]
        begin = {each.trace_id: each.service for one in lists for each in one.traces}
        counts = Counter(filter(None, begin.values()))
        if counts:
            return counts, query is failing, ""
    return Counter(), False, next(iter(problems_of(*found)), "")


async def _kept_until(actor: Actor, site: Site, services: Sequence[str]) -> int | None:
    """Return until when these services keep every trace; None if a press would change one."""
    found = await asyncio.gather(
        *(
            settled(partial(sampling.current, actor, service=each, site=site.name))
            for each in services
        )
    )
    ends: list[int] = []
    for now in map(known, found):
        if now is None or not _keeps_everything(now):
            return None
        ends += [now.in_force.until] if now.in_force and now.in_force.until else []
    return min(ends, default=0)


async def _raised(actor: Actor, site: Site, service: str, reason: str) -> Raised:
    which = {"service": service, "site": site.name}
    try:
        now = await sampling.current(actor, service=service, site=site.name)
        if _keeps_everything(now):
            return Raised(service, kept=now)
        open_now = await requests.list_open(actor, **which)
        for each in open_now:
            if each.is_by(actor) and (each.policy, each.term) == (EVERYTHING, TERM):
                return Raised(service, request=each)
        done = await requests.change_or_ask(
            actor,
            policy=EVERYTHING,
            term=TERM,
            reason=reason,
            then=None if now.baseline else site.service(service).sampling or now.policy,
            **which,
        )
    except NotConfirmed as error:
        if not isinstance(error.result, SamplingChange):
            return Raised(service, error=error)
        done = error.result
    except OpsError as error:
        return Raised(service, error=error)
    if isinstance(done, RequestedChange):
        return Raised(service, request=done)
    return Raised(service, change=done)


def _keeps_everything(now: ServiceSampling) -> bool:
    """Return whether what is in force keeps every trace for as long as a press would."""
    found = now.in_force
    if found is None or not found.policy.keeps_everything:
        return False
    left = (found.until - timerange.now_ns()) if found.until else TERM.duration
    return left >= TERM.duration - _AGAIN
