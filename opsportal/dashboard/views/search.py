"""`/traces/`: the filter line, the fields beside it, and what they find."""

import asyncio
from dataclasses import replace

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from ops.errors import InvalidInput, OpsError
from ops.overview.actions import Happened, explain_none
from ops.sites import sites
from ops.traces import actions
from ops.traces.actions import TraceList, Unmatched
from ops.vocabulary import figures, timerange
from ops.vocabulary.filters import TraceQuery
from opsportal.dashboard import errors
from opsportal.dashboard.line_marks import changes_between
from opsportal.dashboard.pages import Live, page
from opsportal.dashboard.search_form import SearchFields, full_line
from opsportal.dashboard.search_results import (
    FOLLOW,
    Results,
    address,
    can_follow,
    followed,
    line_of,
)
from opsportal.dashboard.views import filtering
from opsportal.dashboard.views.filtering import FIRST_QUERY
from opsportal.dashboard.views.pasted import mentioned, opened
from opsportal.dashboard.visit import Visit

EXPLAINED = 20  # failed traces whose error message is shown
FOLLOWING = 5.0  # seconds between two searches of a page that follows


@require_safe
@page(actions.list_traces, live=Live(frozenset(), every=FOLLOWING, only=FOLLOW))
async def search(visit: Visit) -> HttpResponse:
    """Search for `?q=LINE`; submitted forms (`&sent=1`, `?fields=1&…`) redirect to that.

    With `&follow=1`, an open page searches again and again, up to now: once for everybody who
    follows the same.
    """
    typed = visit.request.GET
    line = typed.get("q", "").strip()
    if "fields" in typed:
        return await _from_fields(visit, line)
    if trace := opened(visit, line):
        return trace
    if "sent" in typed:
        return await filtering.sent(visit, line)
    query, frame = FIRST_QUERY, await filtering.frame(visit)
    try:
        reading = await filtering.read(visit, line)
        if not reading.exact:
            return filtering.as_read(visit, reading, line)
        query = filtering.checked(visit, reading.line)
        where = sites().site(query.site or visit.site.name).name
        if where != visit.site.name:
            return HttpResponseRedirect(address(where, query))
        follows = FOLLOW in typed
        if follows and not can_follow(query):
            return HttpResponseRedirect(address(where, query))
        asked = replace(query, site=where)
        found = await actions.list_traces(visit.actor, query=asked, explain=EXPLAINED)
    except OpsError as error:
        if isinstance(error, InvalidInput) and (trace := mentioned(visit, line)):
            return trace
        context = {
            "line": line,
            "fields": SearchFields(query=query),
            **await filtering.frame(visit),
        }
        return await errors.page(visit, error, "pages/search.html", context)
    why = ("", None) if found.traces else await _why_none(visit, found, follows)
    read_as = await filtering.reading_of(visit, line)
    changes = await _changes(visit, found)
    context = {
        **_context(visit, query, line, found, *why),
        **Results(visit, found, changes).context(),
        **frame,
        "reading": read_as,
        "follows": follows,
        "follow": followed(where, query) if can_follow(query) else "",
        "plain": address(where, query),
    }
    return await visit.render("pages/search.html", context)


async def _from_fields(visit: Visit, line: str) -> HttpResponse:
    fields = SearchFields(visit.request.GET, clock=visit.clock.asker)
    if fields.is_valid():
        return await filtering.sent(visit, full_line(fields.query))
    context = {
        "heading": "Invalid search",
        "advice": "Correct the marked fields. Nothing was searched.",
        "line": line,
        "fields": fields,
        "open": True,
        **await filtering.frame(visit),
    }
    return await visit.render("pages/search.html", context, status=400)


async def _why_none(visit: Visit, found: TraceList, follows: bool) -> tuple[str, Unmatched | None]:
    """Return what sampling has to do with an empty list, and what no trace has of what it asks.

    A page that follows may get such traces yet, and does not search for that again and again.
    """
    if follows:
        return await _sampling(visit, found), None
    sampling, unmatched = await asyncio.gather(
        _sampling(visit, found), actions.explain_no_match(visit.actor, query=found.query)
    )
    return sampling, unmatched


async def _sampling(visit: Visit, found: TraceList) -> str:
    """Return what sampling has to do with an empty list; it is shown without, if that fails."""
    of = found.query
    try:
        return await explain_none(
            visit.actor, service=of.service, site=of.site, start=found.start, end=found.end
        )
    except OpsError:
        return ""


async def _changes(visit: Visit, found: TraceList) -> tuple[Happened, ...]:
    """Return what changed in the time of the chart."""
    if not found.traces:
        return ()
    start = max(found.start, found.traces[-1].matched - timerange.DAY)
    return await changes_between(visit, start, found.until, found.query.service)


def _context(
    visit: Visit,
    query: TraceQuery,
    line: str,
    found: TraceList,
    sampling: str,
    unmatched: Unmatched | None,
) -> dict[str, object]:
    shown = replace(query, service=found.query.service)
    reasons = unmatched.reason if unmatched else "", sampling
    instead = unmatched.instead if unmatched else None
    return {
        "heading": "; ".join(filter(None, (_heading(found), *reasons))),
        "meant": unmatched.meant if unmatched else "",
        "instead": address(visit.site.name, instead) if instead else "",
        "line": line or line_of(shown),
        "fields": SearchFields(query=shown),
    }


def _heading(found: TraceList) -> str:
    """Return how many were found and, if the list was cut, how much time it covers."""
    whole = timerange.format_duration(found.until - found.start)
    if found.start == 0:
        whole = "all time"
    if not found.traces:
        looked = timerange.format_duration(found.until - found.back_to)
        return (
            f"No trace matches in the last {looked} of {whole}"
            if found.more
            else "No trace matches"
        )
    failed = sum(1 for trace in found.traces if trace.error_count)
    verdict = f"{failed:,} failed" if failed else "none failed"
    traces = figures.count(len(found.traces), "trace")
    if found.is_brief:
        covered = timerange.format_duration(found.until - found.back_to)
        return f"{traces}, {verdict}, covering the last {covered} of {whole}"
    return f"{traces}, {verdict}"
