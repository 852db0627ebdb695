"""`/traces/ID/logs/`: a trace's log lines, all or filtered."""

from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.views.decorators.http import require_safe

from ops.traces import actions
from ops.traces.actions import LogFilter, TraceLogs
from ops.vocabulary import figures
from opsportal.dashboard import words
from opsportal.dashboard.pages import page
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit, url

LINES = 500


@require_safe
@page(actions.show_logs)
async def show(visit: Visit, trace_id: str) -> HttpResponse:
    """Show the lines; `?text=…&service=…&field=KEY=VALUE&span=ID` filter them, all optional."""
    typed = visit.request.GET
    found = await actions.show_logs(
        visit.actor, trace_id=trace_id, site=visit.asked, filter=log_filter(typed)
    )
    if found.site != visit.site.name:
        address = url("traces-logs", found.site, trace_id=found.trace_id)
        return HttpResponseRedirect(address + _query(typed.dict()))
    return await visit.render("pages/logs.html", _context(visit, found))


def log_filter(typed: QueryDict) -> LogFilter:
    """Return the filter in a query string."""
    return LogFilter(
        text=typed.get("text", "").strip(),
        service=typed.get("service", ""),
        field=typed.get("field", "").strip(),
        span_id=typed.get("span", "").strip().lower(),
    )


def _context(visit: Visit, found: TraceLogs) -> dict[str, object]:
    given = {key.removesuffix("_id"): text for key, text in asdict(found.filter).items() if text}
    jsonl = visit.url("traces-jsonl", trace_id=found.trace_id)
    service = found.filter.service
    return {
        "heading": _heading(found),
        "logs": found,
        "sheet": sheet(visit.request, found.lines, LINES),
        "share": f"{len(found.lines):,} of {figures.count(found.total, 'line')}",
        "chips": [
            (key, text, _query({other: given[other] for other in given if other != key}))
            for key, text in given.items()
        ],
        "jsonl": f"{jsonl}{_query(given)}",
        "services": found.services.items(),
        "unknown_service": service if service not in found.services else "",
    }


def _query(given: Mapping[str, str]) -> str:
    return f"?{urlencode(given)}" if given else ""


def _heading(found: TraceLogs) -> str:
    """Return `petstore SearchPets logged 4,310 lines, 12 matching`."""
    subject = words.root(found.service, found.operation)
    if not found.total:
        return f"{subject} logged nothing"
    lines = f"{subject} logged {figures.count(found.total, 'line')}"
    if found.filter == LogFilter():
        return lines
    matching = f"{len(found.lines):,}" if found.lines else "none"
    return f"{lines}, {matching} matching"
