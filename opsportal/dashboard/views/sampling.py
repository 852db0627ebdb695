"""`/sampling/`: how each service is sampled, and changing it in two steps."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from ops.errors import BackendUnavailable, NotFound
from ops.requests.actions import ask, list_open
from ops.sampling import actions
from ops.sampling.actions import ServiceSampling
from ops.sampling.ceiling import Over
from ops.vocabulary import figures
from ops.vocabulary.policies import Policy, Strategy
from ops.vocabulary.spreads import Spread
from opsportal.dashboard import words
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.endings import ShownEnding
from opsportal.dashboard.pages import FILLING_SECONDS, Live, page, patience
from opsportal.dashboard.sampled_services import service_lines
from opsportal.dashboard.sampling_form import SamplingForm
from opsportal.dashboard.sheets import Sheet, sheet
from opsportal.dashboard.views.ending import result_page
from opsportal.dashboard.views.pasted import opened
from opsportal.dashboard.visit import Visit

CHANGES = 20
SERVICES = 50


@require_safe
@page(actions.current, live=Live(frozenset({"sampling", "requests"})))
async def show(visit: Visit) -> HttpResponse:
    """Show a service's sampling: `?service=NAME`; `?change=ID` shows the result of a change.

    If DNS is slow, the instances are filled in later.
    """
    if not visit.site.services:
        raise NotFound(
            f'the site file lists no services for "{visit.site.name}"; add a table '
            f"[sites.{visit.site.name}.services.NAME] for each service"
        )
    service = visit.request.GET.get("service", "") or _first(visit)
    return await _page(visit, service)


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.current, on_post=actions.change_policy)
async def change(visit: Visit) -> HttpResponse:
    """Preview a change; on POST, make it, or with `ask` ask somebody else to approve it.

    Without a strategy, redirect to the form.
    """
    typed = visit.request.POST or visit.request.GET
    if visit.request.method != "POST" and "strategy" not in typed:
        service = {key: typed[key] for key in ("service",) if key in typed}
        return HttpResponseRedirect(f"{visit.url('sampling')}?{urlencode(service)}".rstrip("?"))
    form = SamplingForm(typed, clock=visit.clock.asker)
    if not form.is_valid():
        return await _page(visit, typed.get("service", "") or _first(visit), form, status=400)
    if visit.request.method == "POST":
        make = ask if "ask" in typed else actions.change_policy
        return await result_page(visit, make(visit.actor, **_wish(visit, form)))
    which = {"service": form.cleaned_data["service"], "site": visit.site.name}
    now, effect, over = await asyncio.gather(
        actions.current(visit.actor, **which), _effect(visit, form), _over(visit, form)
    )
    if not form.check_next(now.service, now.baseline):
        return await _page(visit, now.service, form, status=400)
    return await visit.render(
        "pages/sampling_change.html",
        {
            "heading": question(now.service, now.policies, form.policy),
            "now": now,
            "form": form,
            "effect": effect,
            "over": over,
            "then": form.next or now.baseline,
            "may_change": actions.CHANGE in visit.permissions,
        },
    )


@require_safe
@page(actions.current)
async def preview(visit: Visit) -> HttpResponse:
    """Return the effect of the policy being typed, as a piece of the page."""
    form = SamplingForm(visit.request.GET, clock=visit.clock.asker)
    if not form.is_valid():
        return await visit.render("partials/effect.html", {"effect": _lack(form)})
    effect, over = await asyncio.gather(_effect(visit, form), _over(visit, form))
    return await visit.render("partials/effect.html", {"effect": effect, "over": over})


async def _effect(visit: Visit, form: SamplingForm) -> tuple[str, ...]:
    """Return sentences on the effect of the form's policy."""
    return await actions.forecast(
        visit.actor,
        policy=form.policy,
        service=form.cleaned_data["service"],
        site=visit.site.name,
        patience=patience(visit.request),
    )


async def _over(visit: Visit, form: SamplingForm) -> Over | None:
    """Return why the form's policy needs somebody else's approval, None if it needs none."""
    return await actions.over_ceiling(
        visit.actor,
        policy=form.policy,
        then=form.next,
        service=form.cleaned_data["service"],
        site=visit.site.name,
    )


def _lack(form: SamplingForm) -> tuple[str, ...]:
    """Return what the form lacks, or what is wrong with it."""
    if form["strategy"].value() == Strategy.RATE and not form["rate"].value():
        return ("Enter a rate to see its effect.",)
    return tuple(str(each) for sentences in form.errors.values() for each in sentences)


def _wish(visit: Visit, form: SamplingForm) -> dict[str, Any]:
    return {
        "policy": form.policy,
        "service": form.cleaned_data["service"],
        "site": visit.site.name,
        "term": form.lasts,
        "reason": form.cleaned_data["reason"],
        "then": form.next,
    }


async def _page(
    visit: Visit, service: str, form: SamplingForm | None = None, status: int = 200
) -> HttpResponse:
    where = visit.site.name
    # Do not fill in a page with a submitted form later: that would undo further typing.
    waits = FILLING_SECONDS if form else patience(visit.request)
    service = visit.site.service(service).name
    find = visit.request.GET.get("find", "").strip()
    if trace := opened(visit, find):
        return trace
    part = _sheet(visit, find, service)
    (now, problem), lines, requests, changes = await asyncio.gather(
        _now(visit, service, waits),
        service_lines(visit, part.items, waits),
        list_open(visit.actor, site=where),
        actions.changes(visit.actor, service=service, site=where, limit=CHANGES),
    )
    form = form or SamplingForm(initial=_initial(now))
    done = next((c for c in changes if c.request_id == visit.request.GET.get("change")), None)
    return await visit.render(
        "pages/sampling.html",
        {
            "heading": _heading(visit.clock, now, problem),
            "now": now,
            "problem": problem,
            "coming": ["instances"] if now.coming else [],
            "requests": requests,
            "changes": changes,
            "done": done,
            "form": form,
            "pushed": visit.site.service(service).is_pushed,
            "lines": lines,
            "ending": ShownEnding.of_change(now.change, visit.clock.now)
            if now.in_force and now.in_force.until
            else None,
            "find": find,
            "sheet": part,
            "may_change": actions.CHANGE in visit.permissions,
        },
        status=status,
    )


async def _now(visit: Visit, service: str, waits: float) -> tuple[ServiceSampling, str]:
    """Return the service's sampling, and why its instances are unknown, or ""."""
    where = visit.site.name
    try:
        now = await actions.current(visit.actor, service=service, site=where, patience=waits)
    except BackendUnavailable as error:
        return ServiceSampling(where, service, ()), str(error)
    return now, ""


def _sheet(visit: Visit, find: str, chosen: str) -> Sheet[str]:
    """Return the services to choose from whose names contain `find`."""
    names = [service.name for service in visit.site.services_like(find)]
    holding = names.index(chosen) if chosen in names else 0
    return sheet(visit.request, names, SERVICES, holding)


def _initial(now: ServiceSampling) -> dict[str, str]:
    """Return the form's initial values: the current policy, or an empty rate if it is unknown.

    A change is for a while, if it is known what to return to.
    """
    policy = now.policy
    typed = {"strategy": str(Strategy.RATE), "term": "30m" if now.baseline else ""}
    if policy:
        typed["operations"] = "\n".join(policy.lines)
        if policy.base.is_word:
            typed["strategy"] = str(policy.strategy)
        else:
            typed["rate"] = str(policy.base)
    return typed


def _first(visit: Visit) -> str:
    return visit.site.default_service or next(iter(visit.site.services), "")


def _heading(clock: Clock, now: ServiceSampling, problem: str) -> str:
    """Return `petstore is sampled at 10% on 3 of 3 instances`.

    That is what is in force, and who confirmed it. If nothing is, it is what was last sent.
    """
    service, total = words.name(now.service), len(now.instances)
    if now.coming:
        return f"Loading sampling of {service}"
    if now.in_force is not None:
        end = f" until {clock.utc(now.in_force.until)} UTC" if now.in_force.until else ""
        on = f" on {now.confirmed} of {figures.count(total, 'instance')}" if total else ""
        if now.askers:
            on = f", {now.confirmed_by}"
        return f"{service} is {_sampled(now.in_force.policy)}{end}{on}"
    if not total and not problem:
        return f"{service} has no instances to sample"
    if now.known_at is None:
        return f"Sampling of {service} is unknown"
    policy = now.policies.policy
    if policy is None:
        return f"Sampling of {service}: {now.policies}"
    return f"{service} is {_sampled(policy)} on {total} of {figures.count(total, 'instance')}"


def _sampled(policy: Policy) -> str:
    return f"{policy} sampled" if policy.is_word else f"sampled at {policy}"


def question(service: str, before: Spread, policy: Policy) -> str:
    """Return the heading of a page that asks whether to make a change."""
    service = words.name(service)
    if policy == before.policy:
        at = "set to" if policy.is_word else "at"
        return f"{service} is already {at} {policy}. Send it again?"
    if before.is_unknown:
        return f"Set sampling of {service} to {policy}?"
    return f"Change sampling of {service} from {before} to {policy}?"
