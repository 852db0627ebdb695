"""`/traces/ID/then/`: the site while a trace ran; `/traces/ID/now/`: versions that run now."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.alerts import actions as alerts
from ops.errors import OpsError
from ops.incidents import actions as incidents
from ops.incidents.actions import Incident
from ops.overview import actions
from ops.overview.actions import ServiceSnapshot, SiteSnapshot, Taken
from ops.sites import Service
from ops.traces import actions as traces
from ops.versions import actions as versions
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert
from opsportal.dashboard.alert_words import matching
from opsportal.dashboard.pages import page
from opsportal.dashboard.trace_page import ran
from opsportal.dashboard.visit import Visit, is_piece

MOST_SERVICES = 12
MOST_INCIDENTS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A service of a trace: the versions that the trace itself names, and its state then.

    `alerts` are those that were active, each with the address of its page, or of those of its
    name: Prometheus does not remember what an alert is known by.
    """

    name: str
    versions: str
    then: ServiceSnapshot | None
    alerts: Sequence[tuple[Alert, str]] = ()


@require_safe
@page(actions.show_snapshot)
async def show(visit: Visit, trace_id: str) -> HttpResponse:
    """Show sampling, versions and alerts during a trace: `?start=&end=&service=A&service=B`.

    This is a whole page, or a piece that the trace's page requests after it is shown.
    """
    asked = visit.request.GET
    now = timerange.now_ns()
    start = timerange.parse_moment(asked.get("start", "now")).at(now)
    end = timerange.parse_moment(asked["end"]).at(now) if "end" in asked else start
    names = [each.name for each in _known(visit, asked.getlist("service"))]
    found, taken, versions_of, open_then, known_as = await asyncio.gather(
        actions.show_snapshot(
            visit.actor,
            services=asked.getlist("service"),
            start=start,
            end=end,
            site=visit.site.name,
        ),
        _taken(visit, trace_id),
        _versions(visit, trace_id),
        _incidents(visit, names, start, end),
        _fingerprints(visit, names, start, end),
    )
    lines = _lines(visit, found, versions_of, known_as)
    context = {
        "snapshot": found,
        "taken": taken,
        "lines": lines,
        "incidents": open_then,
        "trace_id": trace_id,
    }
    if not is_piece(visit.request):
        heading = f"Sampling, versions and alerts at {visit.clock.utc(start)} UTC"
        return await visit.render("pages/snapshot.html", {**context, "heading": heading})
    return await visit.render("partials/snapshot.html", context)


def _known(visit: Visit, in_traces: Sequence[str]) -> list[Service]:
    """Return the services of the site file by their names in traces."""
    every = visit.site.services.values()
    return [each for each in every if each.jaeger_name in in_traces][:MOST_SERVICES]


async def _fingerprints(
    visit: Visit, services: Sequence[str], start: int, end: int
) -> Mapping[str, str]:
    """Return an alert of each name that our own history has of that time."""
    if alerts.READ not in visit.permissions:
        return {}
    found = await alerts.list_episodes(
        visit.actor,
        services=services,
        start=start,
        end=max(end, start + 1),
        site=visit.site.name,
    )
    return {each.name: each.fingerprint for each in found.groups}


async def _incidents(
    visit: Visit, services: Sequence[str], start: int, end: int
) -> Sequence[Incident]:
    """Return the incidents about these services that were open then."""
    if incidents.READ not in visit.permissions:
        return ()
    found = await incidents.list_incidents(visit.actor, start=start, end=end, site=visit.site.name)
    about = [
        each for each in found.incidents if not each.services or {*services} & {*each.services}
    ]
    return about[:MOST_INCIDENTS]


async def _taken(visit: Visit, trace_id: str) -> Taken | None:
    """Return which sampling took the trace, None if that is unknown."""
    try:
        return await actions.explain_taken(visit.actor, trace_id=trace_id, site=visit.site.name)
    except OpsError:
        return None


async def _versions(visit: Visit, trace_id: str) -> Mapping[str, str]:
    """Return the versions that the trace itself names, by service."""
    try:
        trace = await traces.show_trace(
            visit.actor, trace_id=trace_id, site=visit.site.name, timed=False
        )
    except OpsError:
        return {}
    return {each.service: ", ".join(each.versions) for each in ran(trace) if each.versions}


def _lines(
    visit: Visit, found: SiteSnapshot, versions_of: Mapping[str, str], known_as: Mapping[str, str]
) -> list[Line]:
    """Return a line for each service of which something is known."""
    names = {each.name: each.jaeger_name for each in visit.site.services.values()}
    then = {names[each.service]: each for each in found.lines}

    def line(name: str) -> Line:
        snapshot = then.get(name)
        active = snapshot.alerts if snapshot else ()
        linked = [(each, _address(visit, each, known_as)) for each in active]
        return Line(name, versions_of.get(name, ""), snapshot, linked)

    return [line(each) for each in [*dict.fromkeys((*then, *versions_of))][:MOST_SERVICES]]


def _address(visit: Visit, alert: Alert, known_as: Mapping[str, str]) -> str:
    if alert.name in known_as:
        return visit.url("alerts-one", fingerprint=known_as[alert.name])
    return f"{visit.url('alerts')}?{urlencode({'q': matching(alert)})}"


@require_safe
@page(actions.show_snapshot)
async def now(visit: Visit, trace_id: str) -> HttpResponse:
    """Show the current versions of `?service=A&service=B`, as a piece of the trace's page."""
    known = _known(visit, visit.request.GET.getlist("service"))
    if versions.READ not in visit.permissions or not known:
        return HttpResponse(status=204)
    found = await versions.show_several(
        visit.actor,
        services=[each.name for each in known],
        site=visit.site.name,
    )
    running = [
        (service.jaeger_name, "" if each.problem else each.summary)
        for service, each in zip(known, found, strict=False)
        if not each.unset
    ]
    if not running:
        return HttpResponse(status=204)
    return await visit.render("partials/now.html", {"running": running, "trace_id": trace_id})
