"""`/`: whether something is wrong, and what changed."""

import asyncio
from collections.abc import Sequence

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.errors import OpsError
from ops.overview import actions
from ops.overview.actions import DoorReport, Overview, WatchReport
from ops.requests.actions import RequestedChange, list_open
from ops.sampling import actions as sampling
from ops.vocabulary import figures
from opsportal.dashboard import words
from opsportal.dashboard.alert_groups import ALERT, grouped
from opsportal.dashboard.pages import Live, age, page, patience
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.views.pasted import opened
from opsportal.dashboard.visit import Visit

MOST_LOST = 3
SERVICES = 50
GROUPS = 8
CHANGES = 12


@require_safe
@page(actions.show_overview, live=Live(frozenset({"alerts", "versions", "sampling"}), every=5.0))
async def show(visit: Visit) -> HttpResponse:
    """Show the overview; `?find=` filters services, slow parts are filled in later."""
    find = visit.request.GET.get("find", "").strip()
    if trace := opened(visit, find):
        return trace
    part = sheet(visit.request, visit.site.services_like(find), SERVICES)
    overview, requests, reports = await asyncio.gather(
        actions.show_overview(
            visit.actor,
            site=visit.site.name,
            find=find,
            first=max(part.first - 1, 0),
            most=SERVICES,
            patience=patience(visit.request),
            age=age(visit.request),
        ),
        _requests(visit),
        _reports(visit),
    )
    return await visit.render(
        "pages/overview.html",
        {
            "requests": requests,
            "heading": _heading(overview, alerts=bool(visit.site.prometheus)),
            "overview": overview,
            "find": find,
            "sheet": part,
            "answered": _answered(overview),
            "problems": _problems(overview),
            "most": MOST_LOST,
            "firing": grouped(ALERT, visit.site, overview.alerts.firing)[:GROUPS]
            if overview.alerts
            else [],
            **_happened(visit, overview),
            **reports,
        },
    )


@require_safe
@page(actions.show_status, live=Live(frozenset({"alerts", "versions"}), every=5.0))
async def status(visit: Visit) -> HttpResponse:
    """Show the watcher's and the bot's status."""
    reports, watch = await asyncio.gather(
        actions.show_status(visit.actor), actions.show_watch(visit.actor, site=visit.site.name)
    )
    return await visit.render(
        "pages/status.html",
        {"reports": reports, "watch": watch, "heading": _state(reports, watch)},
    )


async def _requests(visit: Visit) -> tuple[RequestedChange, ...]:
    """Return the requests that wait for somebody's approval, if the viewer may give one."""
    if sampling.APPROVE not in visit.permissions:
        return ()
    try:
        found = await list_open(visit.actor, site=visit.site.name)
    except OpsError:
        return ()  # the status says that the database does not answer
    return tuple(each for each in found if each.over)


def _happened(visit: Visit, overview: Overview) -> dict[str, object]:
    """Return the newest changes, or all with `?changes=all`."""
    most = len(overview.happened) if visit.request.GET.get("changes") == "all" else CHANGES
    return {
        "happened": overview.happened[:most],
        "more_happened": len(overview.happened[most:]),
        "unsure": any(part in overview.coming for part in ("changes", "sampling changes")),
    }


async def _reports(visit: Visit) -> dict[str, object]:
    """Return the status, or why it is unknown: an old status must not pass as current."""
    try:
        reports, watch = await asyncio.gather(
            actions.show_status(visit.actor), actions.show_watch(visit.actor, site=visit.site.name)
        )
    except OpsError as error:
        return {"untold": str(error)}
    return {"reports": reports, "watch": watch}


def _state(reports: Sequence[DoorReport], watch: WatchReport) -> str:
    if watch.trouble:
        return f"{words.name(watch.site)} is not being watched"
    if wrong := [report.door for report in reports if report.troubles]:
        return f"{', '.join(wrong)} bot needs attention"
    if lost := sum(report.lost_in_all for report in reports):
        return f"{figures.count(lost, 'answer')} to check"
    bots = f"{', '.join(report.door for report in reports)} bot healthy" if reports else ""
    watched = f"{words.name(watch.site)} is being watched" if watch.holder else ""
    return ", ".join(filter(None, (watched, bots))) or "No bot is set up"


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
