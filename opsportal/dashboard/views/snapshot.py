"""`/traces/ID/then/`: the site while a trace ran; `/traces/ID/now/`: versions that run now."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.overview import actions
from ops.versions import actions as versions
from ops.vocabulary import timerange
from opsportal.dashboard.pages import page
from opsportal.dashboard.visit import Visit, is_piece

MOST_SERVICES = 12


@require_safe
@page(actions.show_snapshot)
async def show(visit: Visit, trace_id: str) -> HttpResponse:
    """Show versions, alerts and sampling during a trace: `?start=&end=&service=A&service=B`.

    This is a whole page, or a piece that the trace's page requests after it is shown.
    """
    asked = visit.request.GET
    now = timerange.now_ns()
    start = timerange.parse_moment(asked.get("start", "now")).at(now)
    found = await actions.show_snapshot(
        visit.actor,
        services=asked.getlist("service"),
        start=start,
        end=timerange.parse_moment(asked["end"]).at(now) if "end" in asked else start,
        site=visit.site.name,
    )
    context = {"snapshot": found, "trace_id": trace_id}
    if not is_piece(visit.request):
        heading = f"Versions, alerts and sampling at {visit.clock.utc(start)} UTC"
        return await visit.render("pages/snapshot.html", {**context, "heading": heading})
    if not (found.lines or found.problems):
        return HttpResponse(status=204)
    return await visit.render("partials/snapshot.html", context)


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
