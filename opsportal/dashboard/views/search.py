"""`/traces/`: the filter line, the fields beside it, and what they find."""

from collections import Counter
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from ops.errors import OpsError
from ops.filters import TraceQuery, format_query, parse_query
from ops.sites import sites
from ops.traces import actions
from ops.traces.actions import TraceList
from opsportal.dashboard import errors, words
from opsportal.dashboard.forms import SearchFields, line_of
from opsportal.dashboard.pages import Visit, page, url
from opsportal.dashboard.views import filtering
from opsportal.dashboard.views.filtering import FIRST_QUERY, TRACE_ID

EXPLAINED = 20  # so many failing traces get their error's sentence
MOST_CHIPS = 6
ERROR = ("error", "true")


@require_safe
@page
async def search(visit: Visit) -> HttpResponse:
    """`?q=LINE` searches; what a person sends (`&sent=1`, `?fields=1&…`) redirects to that."""
    typed = visit.request.GET
    line = typed.get("q", "").strip()
    if "fields" in typed:
        return await _from_fields(visit, line)
    if TRACE_ID.fullmatch(line):
        return HttpResponseRedirect(visit.url("traces-one", trace_id=line))
    if "sent" in typed:
        return filtering.sent(visit, line)
    query = FIRST_QUERY
    try:
        query = parse_query(line) if line else FIRST_QUERY
        where = sites().site(query.site or visit.site.name).name
        if where != visit.site.name:
            return HttpResponseRedirect(_address(where, query))
        asked = replace(query, site=where)
        found = await actions.list_traces(visit.actor, query=asked, explain=EXPLAINED)
    except OpsError as error:
        context = {
            "line": line,
            "fields": SearchFields(query=query),
            **await filtering.frame(visit),
        }
        return await errors.page(visit, error, "pages/search.html", context)
    context = {**_context(visit, query, line, found), **await filtering.frame(visit)}
    return await visit.render("pages/search.html", context)


async def _from_fields(visit: Visit, line: str) -> HttpResponse:
    fields = SearchFields(visit.request.GET)
    if fields.is_valid():
        return filtering.sent(visit, line_of(fields.query))
    context = {
        "heading": "That cannot be searched",
        "advice": "The marked fields say why; nothing was asked.",
        "line": line,
        "fields": fields,
        "open": True,
        **await filtering.frame(visit),
    }
    return await visit.render("pages/search.html", context, status=400)


def _context(visit: Visit, query: TraceQuery, line: str, found: TraceList) -> dict[str, object]:
    shown = replace(query, service=found.query.service)
    return {
        "heading": _heading(found),
        "line": line or _line(shown),
        "fields": SearchFields(query=shown),
        "found": found,
        "longest": max((trace.duration for trace in found.traces), default=0),
        "chips": _chips(found),
        "permalink": _address(visit.site.name, found.query),
        "older": _address(visit.site.name, found.older) if found.older else "",
        "wider": _line(_wider(found)),
        "without_tags": _line(replace(found.query, tags=(), operation="")),
    }


def _heading(found: TraceList) -> str:
    if not found.traces:
        return "No trace matches"
    failed = sum(1 for trace in found.traces if trace.error_count)
    traces = words.count(len(found.traces), "trace")
    return f"{traces}, {f'{failed:,} failed' if failed else 'none failed'}"


def _wider(found: TraceList) -> TraceQuery:
    """The same search over a window six times as long, for when nothing was found."""
    range = found.query.range
    return replace(
        found.query, range=replace(range, start=range.start.earlier(5 * (found.end - found.start)))
    )


@dataclass(frozen=True, slots=True)
class Chip:
    """A narrower (or wider) search; `count` is None where it is not known."""

    text: str
    count: int | None
    line: str
    current: bool
    failed: bool = False


def _chips(found: TraceList) -> list[Chip]:
    """All, the failed ones, and the most frequent operations of the service, in one window."""
    query, traces = found.query, found.traces
    service = _name_in_jaeger(query)
    others = tuple(tag for tag in query.tags if tag[0] != "error")
    everything = replace(query, tags=others, operation="")
    failing = replace(everything, tags=(*others, ERROR))
    narrowed = query != everything
    failed = sum(1 for trace in traces if trace.error_count)
    operations = Counter(t.operation for t in traces if t.service == service and t.operation)
    if not traces and not narrowed:
        return []
    return [
        Chip("all", None if narrowed else len(traces), _line(everything), not narrowed),
        Chip("failed", failed, _line(failing), query == failing, failed=True),
        *(
            Chip(
                words.name(operation, 40),
                count,
                _line(replace(query, operation=operation)),
                operation == query.operation,
            )
            for operation, count in operations.most_common(MOST_CHIPS)
        ),
    ]


def _name_in_jaeger(query: TraceQuery) -> str:
    """The service as traces name it, which may not be how the site file does."""
    known = sites().site(query.site).services.get(query.service)
    return known.jaeger_name if known else query.service


def _line(query: TraceQuery) -> str:
    """The query as a line; which site is meant stands in the address."""
    return format_query(replace(query, site=""))


def _address(site: str, query: TraceQuery) -> str:
    return f"{url('traces', site)}?{urlencode({'q': _line(query)})}"
