"""`/sampling/`: how each service is sampled, and changing it in two steps."""

from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from ops.errors import NotConfirmed
from ops.sampling import actions
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sampling.policy import Strategy
from opsportal.dashboard import words
from opsportal.dashboard.forms import SamplingForm
from opsportal.dashboard.pages import page
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit

CHANGES = 20
SERVICES = 50


@require_safe
@page
async def show(visit: Visit) -> HttpResponse:
    """`?service=NAME` picks the service; `?change=ID` says how that change went."""
    service = visit.request.GET.get("service", "") or _first(visit)
    return await _page(visit, service, SamplingForm(initial={"strategy": Strategy.RATE}))


@require_http_methods(["GET", "HEAD", "POST"])
@page
async def change(visit: Visit) -> HttpResponse:
    """Show what would change; on POST, change it."""
    typed = visit.request.POST or visit.request.GET
    form = SamplingForm(typed)
    if not form.is_valid():
        return await _page(visit, typed.get("service", "") or _first(visit), form, status=400)
    if visit.request.method == "POST":
        return await _change(visit, form)
    now = await actions.current(
        visit.actor, service=form.cleaned_data["service"], site=visit.site.name
    )
    return await visit.render(
        "pages/sampling_change.html",
        {
            "heading": _question(now, form),
            "now": now,
            "form": form,
            "may_change": actions.CHANGE in visit.permissions,
        },
    )


async def _change(visit: Visit, form: SamplingForm) -> HttpResponse:
    service = form.cleaned_data["service"]
    try:
        done = await actions.change_policy(
            visit.actor, policy=form.policy, service=service, site=visit.site.name
        )
    except NotConfirmed as error:
        # What each instance said is on the page that both outcomes lead to.
        if not isinstance(error.result, SamplingChange):
            raise
        done = error.result
    query = urlencode({"service": done.service, "change": done.request_id})
    return HttpResponseRedirect(f"{visit.url('sampling')}?{query}")


async def _page(visit: Visit, service: str, form: SamplingForm, status: int = 200) -> HttpResponse:
    where = visit.site.name
    now = await actions.current(visit.actor, service=service, site=where)
    changes = await actions.changes(visit.actor, service=service, site=where, limit=CHANGES)
    done = next((c for c in changes if c.request_id == visit.request.GET.get("change")), None)
    return await visit.render(
        "pages/sampling.html",
        {
            "heading": _heading(now),
            "now": now,
            "changes": changes,
            "done": done,
            "form": form,
            **_choice(visit, now.service),
            "may_change": actions.CHANGE in visit.permissions,
        },
        status=status,
    )


def _choice(visit: Visit, chosen: str) -> dict[str, object]:
    """The services to choose from; `?find=` narrows them."""
    find = visit.request.GET.get("find", "").strip()
    names = [service.name for service in visit.site.services_like(find)]
    holding = names.index(chosen) if chosen in names else 0
    return {"find": find, "sheet": sheet(visit.request, names, SERVICES, holding)}


def _first(visit: Visit) -> str:
    return visit.site.default_service or next(iter(visit.site.services), "")


def _heading(now: ServiceSampling) -> str:
    """`petstore was set to 10 % on 3 of 3 instances`: what they do since is not known."""
    service, total = words.name(now.service), len(now.instances)
    if not total:
        return f"{service} has no instances to sample"
    if now.known_at is None:
        return f"How {service} is sampled is not known"
    if "," not in now.summary:
        return f"{service} was set to {now.summary} on {words.count(total, 'instance')}"
    return f"{service} was set to {now.summary}"


def _question(now: ServiceSampling, form: SamplingForm) -> str:
    service, policy = words.name(now.service), str(form.policy)
    if policy == now.summary:
        return f"{service} was set to {policy} already. Send it again?"
    return f"Sample {service} at {policy} instead of {now.summary}?"
