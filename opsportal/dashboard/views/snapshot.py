"""`/traces/ID/then/`: the site while a trace ran; `/traces/ID/now/`: versions that run now."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.errors import OpsError
from ops.incidents import actions as incidents
from ops.incidents.actions import Incident
from ops.overview import actions
from ops.overview.actions import ServiceSnapshot, SiteSnapshot, Taken
from ops.traces import actions as traces
from ops.versions import actions as versions
from ops.vocabulary import timerange
from opsportal.dashboard.pages import page
from opsportal.dashboard.trace_page import ran
from opsportal.dashboard.visit import Visit, is_piece

MOST_SERVICES = 12
MOST_INCIDENTS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A service of a trace: the versions that the trace itself names, and its state then."""

    name: str
    versions: str
    then: ServiceSnapshot | None


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
    found, taken, versions_of, open_then = await asyncio.gather(
        actions.show_snapshot(
            visit.actor,
            services=asked.getlist("service"),
            start=start,
            end=end,
            site=visit.site.name,
        ),
        _taken(visit, trace_id),
        _versions(visit, trace_id),
        _incidents(visit, asked.getlist("service"), start, end),
    )
    lines = _lines(visit, found, versions_of)
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


async def _incidents(
    visit: Visit, services: Sequence[str], start: int, end: int
) -> Sequence[Incident]:
    """Return the incidents about these services (names in traces) that were open then."""
    if incidents.READ not in visit.permissions:
        return ()
    names = {each.name for each in visit.site.services.values() if each.jaeger_name in services}
    found = await incidents.list_incidents(visit.actor, start=start, end=end, site=visit.site.name)
    about = [each for each in found.incidents if not each.services or names & {*each.services}]
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


def _lines(visit: Visit, found: SiteSnapshot, versions_of: Mapping[str, str]) -> list[Line]:
    """Return a line for each service of which something is known."""
    names = {each.name: each.jaeger_name for each in visit.site.services.values()}
    then = {names[each.service]: each for each in found.lines}
    services = [*dict.fromkeys((*then, *versions_of))][:MOST_SERVICES]
    return [Line(each, versions_of.get(each, ""), then.get(each)) for each in services]


@require_safe
@page(actions.show_snapshot)
async def now(visit: Visit, trace_id: str) -> HttpResponse:
    """Show the current versions of `?service=A&service=B`, as a piece of the trace's page."""
    asked = visit.request.GET.getlist("service")
    known = [each for each in visit.site.services.values() if each.jaeger_name in asked]
    if versions.READ not in visit.permissions or not known:
        return HttpResponse(status=204)
    found = await versions.show_several(
        visit.actor,
        services=[each.name for each in known[:MOST_SERVICES]],
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
