"""`/traces/step/`, `names/`, `forget/`: what the filter requests while a user types."""

from dataclasses import replace
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_http_methods, require_safe

from ops.errors import OpsError
from ops.language.reading import Reading
from ops.language.trace_ids import find_trace_id, pasted_ids
from ops.overview.actions import read_trace_filter
from ops.sites import sites
from ops.traces import actions
from ops.vocabulary.filters import TraceQuery, parse_query
from opsportal.dashboard import recents
from opsportal.dashboard.pages import page
from opsportal.dashboard.search_form import SearchFields, full_line
from opsportal.dashboard.visit import Visit

FIRST_QUERY = TraceQuery(limit=100)
LONGEST_NAME = 500
MOST_NAMES = 10_000
WORDS = (
    ("service=", "spans of this service"),
    ("operation=", "spans of this name"),
    ("error", "the span failed"),
    ("error=false", "no span of the trace failed"),
    ("error=~", "the span's error, as a regular expression"),
    ("min=", "the span took 100ms or more"),
    ("max=", "the span took 2s or less"),
    ("trace-min=", "the trace took 1s or more"),
    ("trace-max=", "the trace took 10s or less"),
    ("last=", "1h up to now"),
    ("from=", "2026-11-24T14:20:51Z, now-15m"),
    ("to=", "the same forms"),
    ("limit=", "at most this many traces"),
    ("site=", "another site"),
)


@require_safe
@page(actions.list_traces)
async def step(visit: Visit) -> HttpResponse:
    """Convert the line `?q=` to form fields, or fields to a line."""
    typed = visit.request.GET
    if "fields" in typed:
        fields = SearchFields(typed, clock=visit.clock.asker)
        return JsonResponse(_line(fields))
    line = typed.get("q", "").strip()
    if pasted_ids(line):
        return JsonResponse({})
    try:
        reading = await read(visit, line)
        query = checked(visit, reading.line)
    except OpsError as error:
        return JsonResponse({} if find_trace_id(line) else {"problem": str(error)})
    return JsonResponse(
        {"fields": SearchFields(query=query).initial, "reading": reading.sentence()}
    )


@require_safe
@page(actions.services)
async def names(visit: Visit) -> HttpResponse:
    """Return the names of the services, or of the operations of `?service=`."""
    where, service = visit.site.name, visit.request.GET.get("service", "")
    if service:
        found = await actions.operations(visit.actor, service=service, site=where)
    else:
        found = await actions.services(visit.actor, site=where)
    usable = [name for name in found if len(name) <= LONGEST_NAME]
    return JsonResponse({"names": usable[:MOST_NAMES]})


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.list_traces)
async def forget(visit: Visit) -> HttpResponse:
    """On POST delete the viewer's recent searches; then redirect to the search."""
    if visit.request.method == "POST":
        await recents.forget(visit.user_id, visit.site.name)
    return _search(visit, visit.request.POST.get("q", ""))


async def sent(visit: Visit, line: str) -> HttpResponse:
    """Save a line that a user sent and redirect to its address, which can be shared."""
    try:
        reading = await read(visit, line)
        query = checked(visit, reading.line)
    except OpsError:
        return _search(visit, line)  # it shows what is wrong
    if reading.line:
        where = query.site or visit.site.name
        recents.remember(visit.user_id, where, full_line(replace(query, site="")))
    return _search(visit, line) if reading.exact else as_read(visit, reading, line)


async def read(visit: Visit, typed: str) -> Reading:
    """Read what a user typed; raises the same InvalidInput as a search."""
    return await read_trace_filter(
        visit.actor, text=typed, site=visit.site.name, clock=visit.clock.asker
    )


def as_read(visit: Visit, reading: Reading, typed: str) -> HttpResponse:
    """Redirect to the search for a reading, which says how it was read."""
    query = urlencode({"q": reading.line, "typed": typed})
    return HttpResponseRedirect(f"{visit.url('traces')}?{query}")


async def reading_of(visit: Visit, line: str) -> Reading | None:
    """Return how what was typed was read as this line, None if the line was typed."""
    typed = visit.request.GET.get("typed", "")
    try:
        reading = await read(visit, typed) if typed else None
    except OpsError:
        return None
    return reading if reading and not reading.exact and reading.line == line else None


async def frame(visit: Visit) -> dict[str, object]:
    """Return what `partials/filter.html` needs besides the line and its fields."""
    lately = await recents.recent(visit.user_id, visit.site.name)
    return {"recents": lately, "filter_words": WORDS}


def checked(visit: Visit, line: str) -> TraceQuery:
    """Parse a line; raises the same InvalidInput or NotFound as a search."""
    query = parse_query(line) if line else FIRST_QUERY
    query.range.start_end()
    sites().site(query.site or visit.site.name)
    return query


def _line(fields: SearchFields) -> dict[str, object]:
    if fields.is_valid():
        return {"line": full_line(fields.query)}
    return {"errors": {name: list(sentences) for name, sentences in fields.errors.items()}}


def _search(visit: Visit, line: str) -> HttpResponse:
    query = f"?{urlencode({'q': line})}" if line else ""
    return HttpResponseRedirect(visit.url("traces") + query)
