"""`/traces/ID/` and what its page requests: one trace, its rows, its spans."""

import asyncio

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_safe

from ops.errors import Conflict, NotFound
from ops.traces import actions
from ops.traces.trace import Trace
from ops.vocabulary.timerange import SECOND
from opsportal.dashboard import waterfall
from opsportal.dashboard.pages import page
from opsportal.dashboard.trace_page import context, opened
from opsportal.dashboard.visit import Visit, url

NEWS = 2 * SECOND  # the oldest answer to a check for new spans


@require_safe
@page(actions.show_trace)
async def show(visit: Visit, trace_id: str) -> HttpResponse:
    """Show a trace. `?span=ID` opens the spans with that ID, on whichever sheet they are.

    `?align=1` aligns clocks that differ, `?fresh=1` bypasses the cache.
    """
    fresh = visit.clock.now if "fresh" in visit.request.GET else 0
    trace = await actions.show_trace(
        visit.actor,
        trace_id=trace_id,
        site=visit.asked,
        align="align" in visit.request.GET,
        newer_than=fresh,
    )
    if trace.site != visit.site.name:
        asked = visit.request.GET.urlencode()
        address = url("traces-one", trace.site, trace_id=trace.trace_id)
        return HttpResponseRedirect(f"{address}?{asked}" if asked else address)
    return await visit.render("pages/trace.html", context(visit, trace))


@require_safe
@page(actions.show_trace)
async def news(visit: Visit, trace_id: str) -> HttpResponse:
    """Return how many spans the trace has now; the script asks every few seconds."""
    trace = await actions.show_trace(
        visit.actor,
        trace_id=trace_id,
        site=visit.site.name,
        newer_than=(visit.clock.now - NEWS) // SECOND * SECOND,
        timed=False,
    )
    as_of = visit.clock.both(trace.as_of)
    return JsonResponse({"spans": trace.delivered_count, "as_of": as_of})


@require_safe
@page(actions.show_trace)
async def rows(visit: Visit, trace_id: str) -> HttpResponse:
    """Return all rows as columns, for the script; see opsportal.dashboard.waterfall."""
    trace = await _trace(visit, trace_id)
    content = await asyncio.to_thread(waterfall.columns, trace)
    headers = {"Content-Encoding": "gzip"}
    return HttpResponse(content, content_type="application/octet-stream", headers=headers)


@require_safe
@page(actions.show_trace)
async def span(visit: Visit, trace_id: str, row: int) -> HttpResponse:
    """Return the details of one row's span, as a piece; `?of=` is the page's number of rows."""
    trace = await _trace(visit, trace_id)
    if visit.request.GET.get("of") != str(len(trace.rows)):
        raise Conflict("the trace has new spans; reload the page")
    if row >= len(trace.rows):
        raise NotFound(f"there is no row {row}; the trace has {len(trace.rows)} rows")
    return await visit.render("partials/span.html", {"trace": trace, "opened": opened(trace, row)})


@require_safe
@page(actions.find_spans)
async def find(visit: Visit, trace_id: str) -> HttpResponse:
    """Return the rows that contain a text, for the script."""
    text = visit.request.GET.get("q", "")
    found = await actions.find_spans(
        visit.actor,
        trace_id=trace_id,
        text=text,
        site=visit.site.name,
        align="align" in visit.request.GET,
    )
    return JsonResponse({"rows": found})


async def _trace(visit: Visit, trace_id: str) -> Trace:
    """Return the trace whose rows the page has, aligned if the page is."""
    return await actions.show_trace(
        visit.actor,
        trace_id=trace_id,
        site=visit.site.name,
        align="align" in visit.request.GET,
    )
