"""`/`: whether something is wrong, and what changed."""

import asyncio
from collections.abc import Sequence

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.errors import OpsError
from ops.overview import actions
from ops.overview.actions import DoorReport, Overview
from opsportal.dashboard import words
from opsportal.dashboard.pages import page, patience
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit, is_piece

MOST_LOST = 3
SERVICES = 50


@require_safe
@page(actions.show_overview)
async def show(visit: Visit) -> HttpResponse:
    """Show the overview; `?find=` filters services, slow parts are filled in later."""
    find = visit.request.GET.get("find", "").strip()
    part = sheet(visit.request, visit.site.services_like(find), SERVICES)
    overview, reports = await asyncio.gather(
        actions.show_overview(
            visit.actor,
            site=visit.site.name,
            find=find,
            first=max(part.first - 1, 0),
            most=SERVICES,
            patience=patience(visit.request),
        ),
        _reports(visit),
    )
    return await visit.render(
        "pages/overview.html",
        {
            "heading": _heading(overview, alerts=bool(visit.site.prometheus)),
            "overview": overview,
            "find": find,
            "sheet": part,
            "answered": _answered(overview),
            "problems": _problems(overview),
            "most": MOST_LOST,
            **reports,
        },
    )


@require_safe
@page(actions.show_status)
async def status(visit: Visit) -> HttpResponse:
    """Show the bot's status: a piece that an open overview refreshes, or a whole page."""
    if is_piece(visit.request):
        piece = {**await _reports(visit), "most": MOST_LOST}
        return await visit.render("partials/status.html", piece)
    reports = await actions.show_status(visit.actor)
    return await visit.render("pages/status.html", {"reports": reports, "heading": _state(reports)})


async def _reports(visit: Visit) -> dict[str, object]:
    """Return the bot's status, or why it is unknown: an old status must not pass as current."""
    try:
        return {"reports": await actions.show_status(visit.actor)}
    except OpsError as error:
        return {"untold": str(error)}


def _state(reports: Sequence[DoorReport]) -> str:
    if wrong := [report.door for report in reports if report.troubles]:
        return f"{', '.join(wrong)} bot needs attention"
    if lost := sum(report.lost_in_all for report in reports):
        return f"{words.count(lost, 'answer')} to check"
    healthy = f"{', '.join(report.door for report in reports)} bot healthy"
    return healthy if reports else "No bot is set up"


def _heading(overview: Overview, *, alerts: bool) -> str:
    if not alerts:
        return f"{words.name(overview.site)} has no source of alerts"
    mixed = [(each.service, len(each.counts)) for each in overview.mixed]
    return ", ".join([_alerts(overview), *words.mixtures(mixed)])


def _alerts(overview: Overview) -> str:
    if overview.alerts is None and "alerts" in overview.coming:
        return "Loading alerts"
    if overview.alerts is None:
        return "Alert status unknown"
    return overview.alerts.headline()


def _answered(overview: Overview) -> int:
    """Return how many alert sources answered."""
    found = overview.alerts
    return found.sources - len(found.failures) if found else 0


def _problems(overview: Overview) -> list[str]:
    """Return each sentence once: a source that is down causes the same one on every line."""
    sentences = [*overview.problems, *(p for line in overview.lines for p in line.problems)]
    return list({words.cause(sentence): sentence for sentence in sentences}.values())
