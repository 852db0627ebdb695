"""`/traces/ID/then/`: what else was true while a trace ran."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops import timerange
from ops.overview import actions
from opsportal.dashboard.pages import page
from opsportal.dashboard.visit import Visit, is_piece


@require_safe
@page
async def show(visit: Visit, trace_id: str) -> HttpResponse:
    """`?start=&end=&service=NAME&service=NAME` as the trace has them.

    A page of its own, or the piece that the trace's page fetches once it is shown.
    """
    asked = visit.request.GET
    now = timerange.now_ns()
    start = timerange.parse_moment(asked.get("start", "now")).at(now)
    found = await actions.show_moment(
        visit.actor,
        services=asked.getlist("service"),
        start=start,
        end=timerange.parse_moment(asked["end"]).at(now) if "end" in asked else start,
        site=visit.site.name,
    )
    context = {"moment": found, "trace_id": trace_id}
    if not is_piece(visit.request):
        heading = f"What else was true at {visit.clock.utc(start)} UTC"
        return await visit.render("pages/moment.html", {**context, "heading": heading})
    if not (found.lines or found.problems):
        return HttpResponse(status=204)
    return await visit.render("partials/moment.html", context)
