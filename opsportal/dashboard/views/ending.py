"""`/sampling/longer/`: let a timed change last longer."""

from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from ops.errors import InvalidInput, NotConfirmed
from ops.requests import actions as requests
from ops.requests.actions import RequestedChange
from ops.sampling import actions
from ops.sampling.actions import SamplingChange
from opsportal.dashboard.pages import page
from opsportal.dashboard.visit import Visit

_MOST_DIGITS = 18


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.current, on_post=actions.change_policy)
async def longer(visit: Visit) -> HttpResponse:
    """On POST let a change last longer, or ask for that if somebody else must approve it.

    Otherwise redirect to the page of sampling.
    """
    typed = visit.request.POST
    if visit.request.method != "POST":
        return HttpResponseRedirect(visit.url("sampling"))
    try:
        done = await requests.ask_longer(
            visit.actor,
            revision=_number(typed.get("revision", "")),
            service=typed.get("service", ""),
            site=visit.site.name,
        )
    except NotConfirmed as error:
        if not isinstance(error.result, SamplingChange):
            raise
        done = error.result
    if isinstance(done, RequestedChange):
        return HttpResponseRedirect(visit.url("sampling-request", key=done.key))
    query = urlencode({"service": done.service, "change": done.request_id})
    return HttpResponseRedirect(f"{visit.url('sampling')}?{query}")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise InvalidInput(f'"{text[:80]}" is not the number of a revision')
    return int(text)
