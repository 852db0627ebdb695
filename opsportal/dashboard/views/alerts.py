"""`/alerts/`: firing and pending alerts, and the rules that cannot be evaluated."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_safe

from ops.acknowledgements import actions as acknowledgements
from ops.alerts import actions
from ops.alerts.actions import AlertList
from ops.alerts.truth import Reason
from ops.errors import OpsError
from ops.language.reading import Reading
from ops.overview.actions import read_alert_filter
from ops.silences import actions as silences
from ops.sites import sites
from ops.vocabulary.alert_filters import AlertFilter, format_filter, parse_filter
from ops.vocabulary.alerts import Alert, BrokenRule
from ops.vocabulary.matchers import Matcher
from opsportal.dashboard import errors, words
from opsportal.dashboard.alert_groups import (
    ALERT,
    LONGEST_BY,
    ROWS,
    SERVICE,
    AlertGroup,
    choices,
    grouped,
    key_of,
)
from opsportal.dashboard.alert_words import tone
from opsportal.dashboard.pages import Live, page, patience
from opsportal.dashboard.rollouts import of_services, rollouts
from opsportal.dashboard.sheets import Sheet, sheet
from opsportal.dashboard.strips import Picture, picture
from opsportal.dashboard.views.pasted import opened
from opsportal.dashboard.visit import Visit, url

ALERTS = 50
GROUPS = 20
MOST_NAMES = 200
MOST_VALUES = 200
LONGEST_VALUE = 200
_SHOWN_ELSEWHERE = (Reason.SILENT, Reason.LOADING, Reason.BROKEN)


@require_safe
@page(actions.list_alerts, live=Live(frozenset({"alerts", "notifications"})))
async def show(visit: Visit) -> HttpResponse:
    """Show alerts; `?q=LINE` filters them, the alerts of slow sources are filled in later."""
    line = visit.request.GET.get("q", "").strip()
    if trace := opened(visit, line):
        return trace
    try:
        reading = await _read(visit, line)
        if not reading.exact:
            return _as_read(visit, reading, line)
        filter = await asyncio.to_thread(parse_filter, reading.line)
        where = sites().site(filter.site or visit.site.name).name
        if where != visit.site.name:
            return HttpResponseRedirect(_address(where, filter))
        found = await actions.list_alerts(
            visit.actor, filter=replace(filter, site=where), patience=patience(visit.request)
        )
    except OpsError as error:
        return await errors.page(visit, error, "pages/alerts.html", {"line": line})
    context = await _context(visit, line, found)
    context["reading"] = await _reading_of(visit, line)
    return await visit.render("pages/alerts.html", context)


async def _read(visit: Visit, typed: str) -> Reading:
    return await read_alert_filter(
        visit.actor, text=typed, site=visit.site.name, clock=visit.clock.asker
    )


def _as_read(visit: Visit, reading: Reading, typed: str) -> HttpResponse:
    """Redirect to the list for a reading, which says how it was read."""
    by = {"by": visit.request.GET["by"]} if "by" in visit.request.GET else {}
    query = urlencode({"q": reading.line, "typed": typed, **by})
    return HttpResponseRedirect(f"{visit.url('alerts')}?{query}")


async def _reading_of(visit: Visit, line: str) -> Reading | None:
    """Return how what was typed was read as this line, None if the line was typed."""
    typed = visit.request.GET.get("typed", "")
    try:
        reading = await _read(visit, typed) if typed else None
    except OpsError:
        return None
    return reading if reading and not reading.exact and reading.line == line else None


@require_safe
@page(actions.count_firing, live=Live(frozenset({"alerts"})))
async def badge(visit: Visit) -> HttpResponse:
    """Return how many alerts are firing, for the header of an open page."""
    found = await actions.count_firing(visit.actor, site=visit.site.name)
    return await visit.render("partials/badge.html", {"badge": found})


@require_safe
@page(actions.list_alerts)
async def names(visit: Visit) -> HttpResponse:
    """Return the labels and annotations of all alerts, with their values, for completion."""
    found = await actions.list_alerts(visit.actor, filter=AlertFilter(site=visit.site.name))
    return JsonResponse({"names": await asyncio.to_thread(_known_names, found.alerts)})


def _known_names(alerts: Sequence[Alert]) -> dict[str, list[str]]:
    """Return the values of each label and annotation; texts that are long or many are left out."""
    values: dict[str, dict[str, None]] = {}
    for alert in alerts:
        for name, text in (*alert.labels.items(), *alert.annotations.items()):
            known = values.setdefault(name, {}) if len(values) < MOST_NAMES else values.get(name)
            if known is not None and len(text) <= LONGEST_VALUE and len(known) < MOST_VALUES:
                known[text] = None
    return {name: sorted(known) for name, known in sorted(values.items())}


async def _context(visit: Visit, line: str, found: AlertList) -> dict[str, object]:
    filter, asked = found.filter, visit.request.GET
    by = asked.get("by", "")[:LONGEST_BY] or ALERT
    all_groups = await asyncio.to_thread(grouped, by, visit.site, found.alerts)
    if "only" in asked:
        all_groups = [each for each in all_groups if each[0] == asked["only"]]
    part, groups = _on_this_page(visit, by, all_groups)
    pictured = await _with_strips(visit, by, groups)
    return {
        "heading": _heading(found, narrowed=filter != AlertFilter(site=filter.site)),
        "line": line,
        "found": found,
        "may_silence": silences.CHANGE in visit.permissions,
        "doubts": [each for each in found.doubts if each.reason not in _SHOWN_ELSEWHERE],
        "answered": found.sources - len(found.failures) - len(found.coming),
        "coming": _named(found.coming, found),
        "older": _named(found.older, found),
        "chips": _chips(filter, found),
        "permalink": _address(visit.site.name, filter, by),
        "sheet": part,
        "what": "alerts" if len(all_groups) == 1 else "groups",
        "by": by,
        "only": asked.get("only"),
        "choices": list(choices(by, found.alerts)),
        "groups": pictured,
        "may_have": acknowledgements.CHANGE in visit.permissions,
        "floods": await _floods(visit),
        "strips": any(strip for _, strip in pictured),
        "holes": any(strip.has_holes for _, strip in pictured if strip),
        "rollouts": any(strip.marks for _, strip in pictured if strip),
    }


def _on_this_page(
    visit: Visit, by: str, groups: Sequence[tuple[str, Sequence[Alert]]]
) -> tuple[Sheet[Any], list[AlertGroup]]:
    """Return a sheet of the only group's alerts, or else a sheet of groups with some of each."""
    if len(groups) == 1:
        [(key, alerts)] = groups
        alone = sheet(visit.request, alerts, ALERTS)
        return alone, [AlertGroup(key, by, alerts, alone.items)]
    part = sheet(visit.request, groups, GROUPS)
    return part, [AlertGroup(key, by, alerts, alerts[:ROWS]) for key, alerts in part.items]


async def _floods(visit: Visit) -> Sequence[BrokenRule]:
    try:
        return await actions.list_floods(visit.actor, site=visit.site.name)
    except OpsError:
        return ()


async def _with_strips(
    visit: Visit, by: str, groups: Sequence[AlertGroup]
) -> list[tuple[AlertGroup, Picture | None]]:
    """Return the groups with their strips; without them if the past cannot be read."""
    try:
        found, rolled_out = await asyncio.gather(
            actions.show_strips(
                visit.actor,
                groups={each.key: each.strip for each in groups},
                group_of=None if by == ALERT else key_of(by, visit.site),
                site=visit.site.name,
            ),
            rollouts(visit),
        )
    except OpsError:
        return [(each, None) for each in groups]
    service_of = key_of(SERVICE, visit.site)
    return [
        (
            each,
            picture(
                found[each.key],
                visit.clock,
                tone=tone(each.alerts[0].severity),
                marks=of_services(rolled_out, {service_of(alert) for alert in each.shown}),
            ),
        )
        for each in groups
    ]


def _named(sources: Sequence[str], found: AlertList) -> list[str]:
    """Return what is loading or old, with the source's name if there are several."""
    return [f"alerts from {name}" if found.sources > 1 else "alerts" for name in sources]


def _heading(found: AlertList, *, narrowed: bool) -> str:
    if not found.alerts and found.coming:
        return "Loading alerts"
    pending = f"{len(found.pending):,} pending" if found.pending else ""
    state = found.headline(narrowed=narrowed)
    return ", ".join(filter(None, (state, found.held_back_in_words, pending)))


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


def _address(site: str, filter: AlertFilter, by: str = ALERT) -> str:
    asked = {"q": _line(filter)} | ({"by": by} if by != ALERT else {})
    return f"{url('alerts', site)}?{urlencode(asked)}"
