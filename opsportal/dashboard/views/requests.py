"""`/sampling/requests/KEY/`: a requested change, and the decision on it."""

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from ops.errors import InvalidInput, OpsError
from ops.requests import actions
from ops.requests.actions import RequestedChange, State
from ops.sampling.actions import SamplingChange
from opsportal.dashboard import words
from opsportal.dashboard.pages import Live, page
from opsportal.dashboard.views.sampling import question
from opsportal.dashboard.visit import Visit

_DECISIONS = {"apply": actions.apply, "cancel": actions.cancel}


@require_http_methods(["GET", "HEAD", "POST"])
@page(
    actions.find,
    on_post=actions.apply,
    live=Live(frozenset({"sampling", "requests"}), own=True),
)
async def show(visit: Visit, key: str) -> HttpResponse:
    """Show a request and its result; on POST, apply or cancel it."""
    if visit.request.method == "POST":
        decision = visit.request.POST.get("decision", "")
        if decision not in _DECISIONS:
            raise InvalidInput(f'"{decision[:80]}" is not a decision; accepted: apply or cancel')
        await _DECISIONS[decision](visit.actor, key=key)
        return HttpResponseRedirect(visit.url("sampling-request", key=key))
    request = await actions.find(visit.actor, key=key)
    return await visit.render(
        "pages/request.html",
        {
            "heading": _heading(request),
            "asked": request,
            "is_open": request.state is State.OPEN,
            "change": None if isinstance(request.result, OpsError) else request.result,
            "problem": request.result if isinstance(request.result, OpsError) else None,
            "may_decide": request.needs(visit.actor) in visit.permissions,
        },
    )


def _on(result: object) -> str:
    """Return ` on 2 of 3 instances`."""
    if not isinstance(result, SamplingChange):
        return ""
    total = len(result.instances)
    return f" on {result.confirmed} of {words.count(total, 'instance')}"


def _heading(request: RequestedChange) -> str:
    service, policy = words.name(request.service), request.policy
    match request.state:
        case State.OPEN:
            return question(request.service, request.previous, policy)
        case State.APPLYING:
            return f"Changing sampling of {service} to {policy}"
        case State.APPLIED:
            return f"Sampling of {service} was changed to {policy}{_on(request.result)}"
        case State.FAILED:
            return f"Sampling of {service} could not be changed"
        case State.CANCELLED:
            return f"Cancelled: sampling of {service} was not changed"
        case State.EXPIRED:
            return f"Expired: sampling of {service} was not changed"
    return f"We don't know whether sampling of {service} was changed"
