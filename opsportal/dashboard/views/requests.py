"""`/sampling/requests/KEY/`: a requested change, and the decision on it."""

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from ops.errors import InvalidInput, OpsError
from ops.requests import actions
from ops.requests.actions import RequestedChange, State
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sampling.terms import PERMANENT
from opsportal.dashboard import words
from opsportal.dashboard.pages import Live, page, patience
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
    change = request.result if isinstance(request.result, SamplingChange) else None
    return await visit.render(
        "pages/request.html",
        {
            "heading": _heading(request),
            "asked": request,
            "is_open": request.state is State.OPEN,
            "lasts": request.term != PERMANENT,
            "change": change,
            "now": await _now(visit, request.service) if change and change.until else None,
            "problem": request.result if isinstance(request.result, OpsError) else None,
            "may_decide": request.needs(visit.actor) in visit.permissions,
        },
    )


async def _now(visit: Visit, service: str) -> ServiceSampling | None:
    """Return the service's sampling, None if it is unknown."""
    try:
        return await sampling.current(
            visit.actor, service=service, site=visit.site.name, patience=patience(visit.request)
        )
    except OpsError:
        return None


def _on(result: object) -> str:
    """Return ` on 2 of 3 instances`."""
    if not isinstance(result, SamplingChange) or not result.instances:
        return ""
    at_once = " at once" if result.asking else ""
    return f" on {result.confirmed} of {words.count(result.total, 'instance')}{at_once}"


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
