"""What the filter of the trace search asks while one types, and the searches of before."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from ops.errors import InvalidInput
from ops.filters import format_query, parse_query
from ops.traces import actions
from opsportal.dashboard import recents
from opsportal.dashboard.forms import WINDOWS, SearchFields
from opsportal.dashboard.pages import Visit, page

KEYS = (
    "service=", "operation=", "error", "error=false", "min=", "max=", "trace-min=", "trace-max=",
    "last=", "from=", "to=", "limit=",
)  # fmt: skip


@require_safe
@page
async def step(visit: Visit) -> HttpResponse:
    """Turn a line (`?q=`) into what the fields show, or fields (`?fields=1&…`) into a line.

    What cannot be read is `problems`: sentences by the name of the field, "q" for the line.
    """
    return JsonResponse(_line(visit) if "fields" in visit.request.GET else _fields(visit))


def _line(visit: Visit) -> dict[str, Any]:
    fields = SearchFields(visit.request.GET)
    if fields.is_valid():
        return {"line": format_query(fields.query)}
    problems = {name or "q": list(sentences) for name, sentences in fields.errors.items()}
    return {"problems": {name.replace("__all__", "q"): each for name, each in problems.items()}}


def _fields(visit: Visit) -> dict[str, Any]:
    try:
        query = parse_query(visit.request.GET.get("q", ""))
        query.range.start_end()
    except InvalidInput as error:
        return {"problems": {"q": [str(error)]}}
    fields = SearchFields(query=query)
    return {"fields": {field.name: str(field.value() or "") for field in fields}}


@require_safe
@page
async def names(visit: Visit) -> HttpResponse:
    """The words that can come next: keys, windows, services, a service's operations."""
    service = visit.request.GET.get("service", "") or visit.site.default_service
    where = visit.site.name
    services = await actions.services(visit.actor, site=where)
    operations = (
        await actions.operations(visit.actor, service=service, site=where) if service else ()
    )
    return JsonResponse(
        {
            "keys": KEYS,
            "last": WINDOWS,
            "service": [*dict.fromkeys([*visit.site.services, *services])],
            "operation": operations,
        }
    )


@require_POST
@page
async def forget(visit: Visit) -> HttpResponse:
    """Remove one's own recent searches of this site."""
    await recents.forget(visit.user_id, visit.site.name)
    return HttpResponseRedirect(visit.url("traces"))
