"""`/sampling/longer/` and `/sampling/revert/`: changes of sampling that take one click."""

from collections.abc import Awaitable
from typing import Any
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
    if visit.request.method != "POST":
        return HttpResponseRedirect(visit.url("sampling"))
    return await result_page(visit, requests.ask_longer(visit.actor, **_which(visit)))


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.current, on_post=actions.change_policy)
async def revert(visit: Visit) -> HttpResponse:
    """On POST set again what a revision set, or ask for that if somebody else must approve it.

    Revision 0 ends the timed change in force. Otherwise redirect to the page of sampling.
    """
    if visit.request.method != "POST":
        return HttpResponseRedirect(visit.url("sampling"))
    return await result_page(visit, requests.revert_or_ask(visit.actor, **_which(visit)))


async def result_page(
    visit: Visit, making: Awaitable[SamplingChange | RequestedChange]
) -> HttpResponse:
    """Make a change, and redirect to its result: each instance's answer, or the request."""
    try:
        done = await making
    except NotConfirmed as error:
        # Both outcomes lead to the same page, which shows each instance's answer.
        if not isinstance(error.result, SamplingChange):
            raise
        done = error.result
    if isinstance(done, RequestedChange):
        return HttpResponseRedirect(visit.url("sampling-request", key=done.key))
    query = urlencode({"service": done.service, "change": done.request_id})
    return HttpResponseRedirect(f"{visit.url('sampling')}?{query}")


def _which(visit: Visit) -> dict[str, Any]:
    """Return the service and the revision that a form names."""
    typed = visit.request.POST
    return {
        "revision": _number(typed.get("revision", "")),
        "service": typed.get("service", ""),
        "site": visit.site.name,
    }


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise InvalidInput(f'"{text[:80]}" is not the number of a revision')
    return int(text)
