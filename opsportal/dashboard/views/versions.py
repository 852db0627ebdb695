"""`/versions/`: which version runs where."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.overview.actions import ChangeKind, Happened
from ops.versions import actions
from ops.versions.actions import ServiceVersions, State
from ops.vocabulary import figures
from opsportal.dashboard import words
from opsportal.dashboard.lanes import Mark
from opsportal.dashboard.line_marks import changes_between, mark_of
from opsportal.dashboard.pages import Live, page, patience
from opsportal.dashboard.rollout_picture import HEIGHT, length_of, picture
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.timeline_form import DEFAULT
from opsportal.dashboard.views.pasted import opened
from opsportal.dashboard.visit import Visit

SERVICES = 50
MARKED = (ChangeKind.SAMPLING, ChangeKind.ALERTS)  # the picture itself shows rollouts
_CALM = (State.STEADY, State.UNKNOWN)
_STOPPED = (State.STUCK, State.PAUSED)


@require_safe
@page(actions.list_versions, live=Live(frozenset({"versions"})))
async def show(visit: Visit) -> HttpResponse:
    """Show the site's services; `?find=` filters them, slow answers are filled in later."""
    find = visit.request.GET.get("find", "").strip()
    if trace := opened(visit, find):
        return trace
    found = await actions.list_versions(
        visit.actor, site=visit.site.name, patience=patience(visit.request)
    )
    meant = {service.name for service in visit.site.services_like(find)}
    services = [each for each in found if each.service in meant]
    set_up = [each for each in services if not each.unset]
    shared = _shared(set_up)
    part = sheet(visit.request, _telling_first(services), SERVICES)
    length = length_of(part.items)
    now = visit.clock.now
    changes = await changes_between(visit, now - length, now, kinds=MARKED)
    return await visit.render(
        "pages/versions.html",
        {
            "heading": _heading(set_up, found=bool(services)),
            "problems": list(shared),
            "said": {each.service for several in shared.values() for each in several},
            "services": [
                (each, picture(each, visit.clock, length, _marks(visit, changes, each.service)))
                for each in part.items
            ],
            "window": length or DEFAULT,
            "height": HEIGHT,
            "set_up": set_up,
            "sheet": part,
            "find": find,
            "coming": ["versions"] if any(each.coming for each in set_up) else [],
        },
    )


def _marks(visit: Visit, changes: Sequence[Happened], service: str) -> list[Mark]:
    return [
        mark_of(visit, each)
        for each in changes
        if (each.sampling and each.sampling.service == service)
        or (each.alert and service in each.alert.services)
    ]


def _telling_first(services: Sequence[ServiceVersions]) -> Sequence[ServiceVersions]:
    """Sort services whose rollout tells something first if there is more than one sheet."""
    if len(services) <= SERVICES:
        return services
    return sorted(services, key=lambda each: each.rollout.state in _CALM and not each.mixed)


def _shared(services: Sequence[ServiceVersions]) -> dict[str, list[ServiceVersions]]:
    """Return the problems that several services have, as if a source is down, and these."""
    found: dict[str, list[ServiceVersions]] = {}
    for each in services:
        if each.problem and not each.empty:
            found.setdefault(words.cause(each.problem), []).append(each)
    return {several[-1].problem: several for several in found.values() if len(several) > 1}


def _heading(services: Sequence[ServiceVersions], *, found: bool) -> str:
    """Return what stands out, the worst first; else that each service runs one version."""
    if not found:
        return "No service matches"
    if not services:
        return "No service has a version to show"
    unknown = [s for s in services if not s.counts]
    if unknown and all(s.coming for s in unknown):
        return "Loading versions"
    stopped = [s for s in services if s.rollout.state in _STOPPED]
    said = _stopped(stopped)
    mixed = [s for s in services if s.mixed and s not in stopped]
    said += words.mixtures([(s.service, len(s.counts)) for s in mixed])
    said += [
        f"{words.name(s.service)} {s.news}" for s in services if s.rollout.state is State.WENT_BACK
    ][: words.MOST_NAMED]
    if len(unknown) > words.MOST_NAMED:
        said.append(f"{figures.count(len(unknown), 'service')} unknown")
    else:
        said += [f"{words.name(s.service)} version unknown" for s in unknown]
    if said:
        return ", ".join(said)
    if len(services) == 1:
        return f"{words.name(services[0].service)} runs {services[0].summary}"
    return f"{len(services)} services, each running one version"


def _stopped(services: Sequence[ServiceVersions]) -> list[str]:
    """Return a sentence for each service whose rollout does not go on, or their number."""
    if len(services) > words.MOST_NAMED:
        return [f"{len(services):,} rollouts stuck or paused"]
    return [f"{words.name(s.service)} rollout {s.rollout.state.value}" for s in services]
