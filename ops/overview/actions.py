"""The overview of one site, and its state while a trace ran, from the services' actions."""

import asyncio
from collections.abc import Sequence
from functools import partial

from ops.actor import Actor
from ops.alerts.actions import READ as READ_ALERTS
from ops.alerts.actions import show_alert
from ops.alerts.notifying import NOTIFICATIONS
from ops.alerts.watching import ALERTS
from ops.backends.clients import clients
from ops.errors import InvalidInput
from ops.guard import ANY_PERSON, DEADLINE, action
from ops.language.names import Names
from ops.language.reading import Reading
from ops.language.times import Clock
from ops.overview.changing import Changes, look_for_changes
from ops.overview.diagnosing import Diagnosis, diagnose_service
from ops.overview.diagnosing_sites import ServiceTrouble, SiteDiagnosis, diagnose_lines
from ops.overview.gathering import Overview, gather
from ops.overview.happened import EVERY_KIND, ChangeKind, Happened, VersionChange
from ops.overview.keeping import look_for_sampling
from ops.overview.lines import Gap, ServiceLine
from ops.overview.names import read_names
from ops.overview.parts import Parts
from ops.overview.raises import MOST_RAISED, Raise, Raised
from ops.overview.raising import EVERYTHING, TERM, propose_raise, raise_sampling
from ops.overview.reading import alert_filter, trace_filter
from ops.overview.snapshot import ServiceSnapshot, SiteSnapshot, look_back
from ops.overview.status import DoorReport, LostAnswer, reporters
from ops.overview.surroundings import ServiceAround, Surroundings, find_alert, look_around
from ops.overview.taken import Taken, explain_taken
from ops.overview.timeline import Timeline, look_along
from ops.overview.unlike import TracesOfAlert, compare_traces_of
from ops.patience import patient
from ops.rights import rights_of
from ops.sites import sites
from ops.traces.actions import READ as READ_TRACES
from ops.versions.actions import VERSIONS
from ops.vocabulary import timerange
from ops.vocabulary.timerange import TimeRange, format_moment
from ops.watch.report import SourceReport, WatchReport, watch_report

__all__ = [
    "EVERYTHING",
    "EVERY_KIND",
    "LAST_DAY",
    "MOST_RAISED",
    "TERM",
    "ChangeKind",
    "Changes",
    "Diagnosis",
    "DoorReport",
    "Gap",
    "Happened",
    "LostAnswer",
    "Overview",
    "Raise",
    "Raised",
    "ServiceAround",
    "ServiceLine",
    "ServiceSnapshot",
    "ServiceTrouble",
    "SiteDiagnosis",
    "SiteSnapshot",
    "SourceReport",
    "Surroundings",
    "Taken",
    "Timeline",
    "TracesOfAlert",
    "VersionChange",
    "WatchReport",
    "compare_alert_traces",
    "diagnose",
    "diagnose_site",
    "explain_none",
    "explain_taken",
    "names",
    "propose_raise",
    "raise_sampling",
    "read_alert_filter",
    "read_trace_filter",
    "show_changes",
    "show_overview",
    "show_snapshot",
    "show_status",
    "show_surroundings",
    "show_timeline",
    "show_watch",
]

READ = "overview.view_overview"
MOST_SERVICES = 12
MOST_DIAGNOSED = 100  # services of a site
COMPARING = 12.0  # seconds: a Jaeger that does not answer within its own ten is named
DIAGNOSING = 2.7  # seconds: an answer is there within three
AGE = 5.0  # seconds that figures and traces of a diagnosis may be old
LAST_DAY = TimeRange.last(timerange.DAY)


@action("overview.show_overview", permission=READ)
async def show_overview(
    actor: Actor,
    *,
    site: str = "",
    find: str = "",
    first: int = 0,
    most: int = 0,
    patience: float = DEADLINE,
    age: float = 0.0,
) -> Overview:
    """Read everything concurrently; a part that fails becomes a sentence.

    `find` matches part of a service's name. `most` is how many lines to return, from `first` on;
    0 means all. After `patience` seconds, return what is known; the remaining reads continue for
    later callers. Figures and failing traces may be `age` seconds old.
    """
    where = sites().site(site)
    parts = Parts(actor, where, asyncio.get_running_loop().time() + patience, age)
    return await gather(parts, where.services_like(find), first, most)


@action("overview.names", permission=ANY_PERSON)
async def names(actor: Actor, *, site: str = "") -> Names:
    """Return the names that a word can mean, `site`'s first, as far as the user may see them.

    Backends have half a second; what they have not answered by then is missing.
    """
    return await read_names(actor, sites().site(site))


@action("overview.read_trace_filter", permission=READ_TRACES)
async def read_trace_filter(actor: Actor, *, text: str, clock: Clock, site: str = "") -> Reading:
    """Read a filter for traces however it was typed; `parse_query` accepts the reading's line.

    `clock` is that of the person who typed it. Raises InvalidInput with the accepted form.
    """
    return await trace_filter(actor, sites().site(site), text, clock)


@action("overview.read_alert_filter", permission=READ_ALERTS)
async def read_alert_filter(actor: Actor, *, text: str, clock: Clock, site: str = "") -> Reading:
    """Read a filter for alerts likewise; `parse_filter` accepts the reading's line."""
    return await alert_filter(actor, sites().site(site), text, clock)


@action("overview.show_snapshot", permission=READ_TRACES)
async def show_snapshot(
    actor: Actor, *, services: Sequence[str] = (), start: int = 0, end: int = 0, site: str = ""
) -> SiteSnapshot:
    """Return the state of a trace's services while it ran, start to end in Unix nanoseconds.

    `services` are the names used in the trace; those that the site file does not know, and those
    beyond MOST_SERVICES, are left out. So is whatever the user may not see. Raises InvalidInput
    if the end is before the start.
    """
    if end < start:
        raise InvalidInput(
            f"the end, {format_moment(end)}, is before the start, {format_moment(start)}"
        )
    where = sites().site(site)
    meant = [each for each in where.services.values() if each.jaeger_name in services]
    return await look_back(actor, where, meant[:MOST_SERVICES], start, end)


@action("overview.show_surroundings", permission=READ_ALERTS)
async def show_surroundings(
    actor: Actor, *, fingerprint: str = "", name: str = "", site: str = ""
) -> Surroundings:
    """Return what happened around an alert, as far as the user may see it; no backend is asked.

    Of several alerts of a `name` it is the one that started first or, if none is active, that
    ended last. Raises the same errors as `alerts.show_alert`.
    """
    where = sites().site(site)
    one = fingerprint or await find_alert(actor, where, name)
    return await look_around(
        actor, where, await show_alert(actor, fingerprint=one, site=where.name)
    )


@action("overview.compare_alert_traces", permission=READ_ALERTS, deadline=COMPARING)
async def compare_alert_traces(
    actor: Actor, *, fingerprint: str = "", service: str = "", site: str = ""
) -> TracesOfAlert:
    """Return how the traces around an alert differ from the hour before it.

    They are those of one of its services, by default the first: `show_surroundings` names them.
    Jaeger is asked twice at most. Raises the same errors as `alerts.show_alert`, and NotFound for
    a service that the alert is not about.
    """
    where = sites().site(site)
    shown = await show_alert(actor, fingerprint=fingerprint, site=where.name)
    return await compare_traces_of(actor, where, shown, service)


@action("overview.diagnose", permission=READ)
async def diagnose(
    actor: Actor,
    *,
    service: str = "",
    site: str = "",
    patience: float | None = None,
    age: float = AGE,
) -> Diagnosis:
    """Return what is wrong with a service, as far as the user may see it.

    What did not arrive within `patience` seconds, by default DIAGNOSING, is named, and there when
    somebody asks again. Figures and traces may be `age` seconds old. Without a service it is the
    site's default one.
    """
    where = sites().site(site)
    what = where.service(service)
    seconds = patient(DIAGNOSING) if patience is None else patience
    until = asyncio.get_running_loop().time() + seconds
    return await diagnose_service(Parts(actor, where, until, age), what)


@action("overview.diagnose_site", permission=READ)
async def diagnose_site(actor: Actor, *, site: str = "") -> SiteDiagnosis:
    """Return which services of a site have something wrong, the worst first, as `diagnose` does.

    Of a large site these are the services with the most urgent alerts.
    """
    where = sites().site(site)
    found = await show_overview(
        actor, site=where.name, most=MOST_DIAGNOSED, patience=patient(DIAGNOSING), age=AGE
    )
    late = [f"{part} did not arrive in time" for part in found.coming if part not in found.older]
    problems = (*found.problems, *late)
    return diagnose_lines(
        where, found.lines, found.alerts, found.failing or (), problems, found.services
    )


@action("overview.show_changes", permission=READ)
async def show_changes(
    actor: Actor,
    *,
    kinds: Sequence[ChangeKind] = EVERY_KIND,
    range: TimeRange = LAST_DAY,
    service: str = "",
    site: str = "",
) -> Changes:
    """Return what changed on a site, or in one of its services, as far as the user may see it.

    It comes from OpsPortal's own memory, except for silences, for which Alertmanager is asked.
    """
    where = sites().site(site)
    what = where.service(service) if service else None
    return await look_for_changes(actor, where, what, range.start_end(), kinds)


@action("overview.show_timeline", permission=READ)
async def show_timeline(
    actor: Actor,
    *,
    kinds: Sequence[ChangeKind] = tuple(ChangeKind),
    range: TimeRange = LAST_DAY,
    service: str = "",
    person: str = "",
    lanes: int = 20,
    site: str = "",
) -> Timeline:
    """Return what happened on a site, or in one of its services, and what lasted meanwhile.

    Only as far as the user may see it; with a `person`, only what that person did. What alerts did
    is returned for `lanes` names. Readers with the same permissions share what is read in a second.
    """
    where = sites().site(site)
    what = where.service(service) if service else None
    when = range.start_end()
    seconds = tuple(each // timerange.SECOND for each in when)
    may = (await rights_of(actor.user_id)).permissions
    key = ("time line", where, what, seconds, frozenset(kinds), person, lanes, may)
    look = partial(look_along, actor, where, what, when, kinds, person=person, lanes=lanes)
    return await clients().reads.answer(key, look)


@action("overview.explain_none", permission=READ_TRACES)
async def explain_none(
    actor: Actor, *, service: str = "", site: str = "", start: int = 0, end: int = 0
) -> str:
    """Return what sampling has to do with it that no traces were found from start to end (Unix ns).

    "" for nothing, or if the user may not see sampling.
    """
    return await look_for_sampling(actor, sites().site(site), service, start, end)


@action("overview.show_status", permission=READ)
async def show_status(actor: Actor) -> tuple[DoorReport, ...]:
    """Return the status of the doors that are in use and run as separate processes."""
    reports = await asyncio.gather(*(report() for report in reporters.values()))
    return tuple(report for report in reports if report)


@action("overview.show_watch", permission=READ)
async def show_watch(actor: Actor, *, site: str = "") -> WatchReport:
    """Return whether the site is being watched, and which of its sources answer."""
    return await watch_report(sites().site(site).name, ALERTS, NOTIFICATIONS, VERSIONS)
