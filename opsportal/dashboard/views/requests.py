"""`/sampling/requests/KEY/`: a requested change, and the decision on it."""

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from ops.errors import InvalidInput, OpsError
from ops.requests import actions
from ops.requests.actions import RequestedChange, State
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sampling.terms import PERMANENT
from ops.vocabulary import figures
from opsportal.dashboard import words
from opsportal.dashboard.pages import Live, page, patience
from opsportal.dashboard.views.sampling import question
from opsportal.dashboard.visit import Visit


@require_http_methods(["GET", "HEAD", "POST"])
@page(
    actions.find,
    on_post=actions.apply,
    live=Live(frozenset({"sampling", "requests"}), own=True),
)
async def show(visit: Visit, key: str) -> HttpResponse:
    """Show a request and its result; on POST, apply (approve) or cancel (refuse) it."""
    if visit.request.method == "POST":
        await _decide(visit, key)
        return HttpResponseRedirect(visit.url("sampling-request", key=key))
    request = await actions.find(visit.actor, key=key)
    change = request.result if isinstance(request.result, SamplingChange) else None
    is_open = request.state is State.OPEN
    return await visit.render(
        "pages/request.html",
        {
            "heading": _heading(request),
            "asked": request,
            "is_open": is_open,
            "effect": await _effect(visit, request) if is_open else (),
            "decided": _decided(request),
            "lasts": request.term != PERMANENT,
            "change": change,
            "now": await _now(visit, request.service) if change and change.until else None,
            "problem": request.result if isinstance(request.result, OpsError) else None,
            "own": request.is_by(visit.actor),
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


async def _decide(visit: Visit, key: str) -> None:
    typed = visit.request.POST
    match typed.get("decision", ""):
        case "apply":
            await actions.apply(visit.actor, key=key)
        case "cancel":
            await actions.cancel(visit.actor, key=key, reason=typed.get("reason", "").strip())
        case other:
            raise InvalidInput(f'"{other[:80]}" is not a decision; accepted: apply or cancel')


async def _effect(visit: Visit, request: RequestedChange) -> tuple[str, ...]:
    """Return sentences on what the change does, fewer if its instances are unknown."""
    try:
        return await sampling.forecast(
            visit.actor,
            policy=request.policy,
            service=request.service,
            site=request.site,
            patience=patience(visit.request),
        )
    except OpsError:
        return (request.effect,)


def _decided(request: RequestedChange) -> str:
    """Return what somebody has done with it."""
    if request.state is State.REFUSED:
        return "refused"
    if request.state is State.CANCELLED:
        return "withdrawn" if request.over else "cancelled"
    return "approved" if request.over else "applied"


def _on(result: object) -> str:
    """Return ` on 2 of 3 instances`."""
    if not isinstance(result, SamplingChange) or not result.instances:
        return ""
    at_once = " at once" if result.asking else ""
    return f" on {result.confirmed} of {figures.count(result.total, 'instance')}{at_once}"


def _heading(request: RequestedChange) -> str:
    service, policy = words.name(request.service), request.policy
    match request.state:
        case State.OPEN if request.over:
            change = f"{service} from {request.previous} to {policy}"
            return f"Waiting for approval: sampling of {change}"
        case State.OPEN:
            return question(request.service, request.previous, policy)
        case State.APPLYING:
            return f"Changing sampling of {service} to {policy}"
        case State.APPLIED:
            return f"Sampling of {service} was changed to {policy}{_on(request.result)}"
        case State.FAILED:
            return f"Sampling of {service} could not be changed"
        case State.CANCELLED | State.REFUSED:
            return f"{_decided(request).capitalize()}: sampling of {service} was not changed"
        case State.EXPIRED:
            return f"Expired: sampling of {service} was not changed"
    return f"We don't know whether sampling of {service} was changed"
