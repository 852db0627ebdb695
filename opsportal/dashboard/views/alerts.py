"""`/alerts/`: firing and pending alerts, and the rules that cannot be evaluated."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from ops.alerts import actions
from ops.alerts.actions import AlertList
from ops.alerts.truth import Reason
from ops.errors import OpsError
from ops.sites import sites
from ops.vocabulary.alert_filters import AlertFilter, format_filter, parse_filter
from ops.vocabulary.alerts import Alert
from ops.vocabulary.matchers import Matcher
from opsportal.dashboard import errors, words
from opsportal.dashboard.pages import page, patience
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit, url

ALERTS = 50
_SHOWN_ELSEWHERE = (Reason.SILENT, Reason.LOADING, Reason.BROKEN)


@require_safe
@page(actions.list_alerts)
async def show(visit: Visit) -> HttpResponse:
    """Show alerts; `?q=LINE` filters them, the alerts of slow sources are filled in later."""
    line = visit.request.GET.get("q", "").strip()
    try:
        filter = await asyncio.to_thread(parse_filter, line)
        where = sites().site(filter.site or visit.site.name).name
        if where != visit.site.name:
            return HttpResponseRedirect(_address(where, filter))
        found = await actions.list_alerts(
            visit.actor, filter=replace(filter, site=where), patience=patience(visit.request)
        )
    except OpsError as error:
        return await errors.page(visit, error, "pages/alerts.html", {"line": line})
    return await visit.render("pages/alerts.html", _context(visit, line, found))


@require_safe
@page(actions.list_alerts)
async def count(visit: Visit) -> HttpResponse:
    """Return how many alerts are firing, for the page header."""
    found = await actions.list_alerts(visit.actor, filter=AlertFilter(site=visit.site.name))
    context = {"firing": len(found.firing), "doubts": found.doubts}
    return await visit.render("partials/alert_count.html", context)


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts of one name on a sheet, in the list's order; `total` counts all of that name."""

    name: str
    alerts: tuple[Alert, ...]
    total: int

    @property
    def first(self) -> Alert:
        return self.alerts[0]

    @property
    def annotations(self) -> dict[str, str]:
        """Return the annotations of all its alerts; of equal names the first alert's value."""
        return {
            key: value
            for alert in reversed(self.alerts)
            for key, value in alert.annotations.items()
        }


def _context(visit: Visit, line: str, found: AlertList) -> dict[str, object]:
    filter = found.filter
    part = sheet(visit.request, found.alerts, ALERTS)
    return {
        "heading": _heading(found, narrowed=filter != AlertFilter(site=filter.site)),
        "line": line,
        "found": found,
        "doubts": [each for each in found.doubts if each.reason not in _SHOWN_ELSEWHERE],
        "answered": found.sources - len(found.failures) - len(found.coming),
        "coming": _named(found.coming, found),
        "older": _named(found.older, found),
        "chips": _chips(filter, found),
        "permalink": _address(visit.site.name, filter),
        "sheet": part,
        "groups": _groups(part.items, found.alerts),
    }


def _named(sources: Sequence[str], found: AlertList) -> list[str]:
    """Return what is loading or old, with the source's name if there are several."""
    return [f"alerts from {name}" if found.sources > 1 else "alerts" for name in sources]


def _heading(found: AlertList, *, narrowed: bool) -> str:
    if not found.alerts and found.coming:
        return "Loading alerts"
    pending = len(found.pending)
    return f"{found.headline(narrowed=narrowed)}{f', {pending:,} pending' if pending else ''}"


def _groups(shown: Sequence[Alert], alerts: Sequence[Alert]) -> list[Group]:
    """Group the alerts of a sheet by name, in the order of their first alerts."""
    groups: dict[str, list[Alert]] = {}
    for alert in shown:
        groups.setdefault(alert.name, []).append(alert)
    totals = Counter(alert.name for alert in alerts)
    return [Group(name, tuple(members), totals[name]) for name, members in groups.items()]


@dataclass(frozen=True, slots=True)
class Chip:
    """A narrower (or wider) list; `tone` is a state or a severity."""

    text: str
    count: int | None
    line: str
    current: bool
    tone: str = ""


def _chips(filter: AlertFilter, found: AlertList) -> list[Chip]:
    plain = AlertFilter(site=filter.site)
    severities = Counter(alert.severity for alert in found.alerts if alert.severity)
    chips = [Chip("all", len(found.alerts) if filter == plain else None, "", filter == plain)]
    for state, number in (("firing", len(found.firing)), ("pending", len(found.pending))):
        current = filter.states == (state,)
        line = _line(replace(filter, states=(state,)))
        if number or current:
            chips.append(Chip(state, number, line, current, state))
    for severity, number in severities.most_common(4):
        matcher = Matcher("severity", "=", severity)
        current = matcher in filter.matchers
        matchers = filter.matchers if current else (*filter.matchers, matcher)
        line = _line(replace(filter, matchers=matchers))
        chips.append(Chip(words.name(severity, 20), number, line, current, severity))
    return chips


def _line(filter: AlertFilter) -> str:
    """Return the filter as a line, without the site: the address names it."""
    return format_filter(replace(filter, site=""))


def _address(site: str, filter: AlertFilter) -> str:
    return f"{url('alerts', site)}?{urlencode({'q': _line(filter)})}"
