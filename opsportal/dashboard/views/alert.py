"""`/alerts/FINGERPRINT/`: one alert, also after it has resolved; `…/around/`: what changed."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.acknowledgements import actions as acknowledgements
from ops.alerts import actions
from ops.alerts.history import Episode
from ops.alerts.one import ShownAlert
from ops.errors import NotFound, NotPermitted, OpsError
from ops.incidents.actions import Origin, OriginKind
from ops.overview import actions as overview
from ops.overview.actions import ChangeKind, TracesOfAlert
from ops.sampling import actions as sampling
from ops.silences import actions as silences
from ops.vocabulary import timerange
from opsportal.dashboard import errors, words
from opsportal.dashboard.alert_groups import SERVICE, key_of
from opsportal.dashboard.alert_words import tone
from opsportal.dashboard.line_marks import changes_between, mark_of
from opsportal.dashboard.pages import Live, page, patience
from opsportal.dashboard.rollouts import of_services, rollouts
from opsportal.dashboard.strips import picture
from opsportal.dashboard.views.incidents import open_from
from opsportal.dashboard.visit import Visit, is_piece

EPISODES = 50
LONGEST_HEADING = 300
LENGTHS = {
    "1h": timerange.HOUR,
    "6h": actions.STRIP,
    "1d": timerange.DAY,
    "7d": 7 * timerange.DAY,
}
LENGTH = "6h"


@require_safe
@page(actions.show_alert, live=Live(frozenset({"alerts", "incidents", "notifications"}), own=True))
async def show(visit: Visit, fingerprint: str) -> HttpResponse:
    """Show an alert; `?last=1d` is how much of its past is drawn."""
    asked = visit.request.GET.get("last", LENGTH)
    last = asked if asked in LENGTHS else LENGTH
    try:
        found = await actions.show_alert(
            visit.actor,
            fingerprint=fingerprint,
            site=visit.site.name,
            length=LENGTHS[last],
            patience=patience(visit.request),
        )
    except NotFound as error:
        return await errors.page(visit, error, "pages/no_alert.html")
    service = key_of(SERVICE, visit.site)(found.alert)
    rolled_out, sampled = await asyncio.gather(
        rollouts(visit),
        changes_between(
            visit, found.strip.start, found.strip.end, service, kinds=(ChangeKind.SAMPLING,)
        ),
    )
    may_sample = sampling.CHANGE in visit.permissions and service in visit.site.services
    context = {
        "heading": words.name(found.headline, LONGEST_HEADING),
        "shown": found,
        "alert": found.alert,
        "strip": picture(
            found.strip,
            visit.clock,
            tone=tone(found.alert.severity),
            marks=[
                *of_services(rolled_out, {service}),
                *(mark_of(visit, each) for each in sampled),
            ],
        ),
        "last": last,
        "may_silence": silences.CHANGE in visit.permissions,
        **await _having(visit, found),
        "incident": await open_from(
            visit,
            Origin(OriginKind.ALERT, fingerprint),
            Origin(OriginKind.GROUP, found.alert.name),
        ),
        "sampled": service if may_sample else "",
        "lengths": LENGTHS,
        "episodes": [(each, _had(found, each)) for each in found.past.episodes[:EPISODES]],
        "earlier": len(found.past.episodes[EPISODES:]),
    }
    return await visit.render("pages/alert.html", context)


async def _having(visit: Visit, found: ShownAlert) -> dict[str, object]:
    """Return what the user can do about who has it, and the people who could get it."""
    held, may_have = found.held, acknowledgements.CHANGE in visit.permissions
    people: Sequence[str] = ()
    if held and may_have:
        with suppress(OpsError):  # without the database's answer, the page lacks the list
            people = await acknowledgements.list_people(visit.actor)
    return {
        "may_have": may_have,
        "own": held is not None and held.user_id == visit.user_id,
        "people": [name for name in people if held and name != held.person],
    }


def _had(found: ShownAlert, episode: Episode) -> tuple[str, ...]:
    """Return who had it during an episode, in order."""
    names = (
        each.person for each in reversed(found.had) if each.overlaps(episode.start, episode.end)
    )
    return tuple(dict.fromkeys(names))


@require_safe
@page(overview.show_surroundings)
async def around(visit: Visit, fingerprint: str) -> HttpResponse:
    """Show what changed before an alert: a piece that its page requests after it is shown."""
    found = await overview.show_surroundings(
        visit.actor, fingerprint=fingerprint, site=visit.site.name
    )
    if is_piece(visit.request):
        return await visit.render("partials/alert_around.html", {"around": found, "piece": True})
    heading = f"What changed before {words.name(found.name, LONGEST_HEADING)}"
    compared = await asyncio.gather(
        *(_unlike(visit, fingerprint, line.service) for line in found.lines)
    )
    context = {"around": found, "compared": compared, "heading": heading}
    return await visit.render("pages/alert_around.html", context)


@require_safe
@page(overview.compare_alert_traces)
async def unlike(visit: Visit, fingerprint: str) -> HttpResponse:
    """Show how its traces, those of `?service=`, differ from the hour before.

    For each service it is a piece that follows that one.
    """
    service = visit.request.GET.get("service", "")
    found = await _unlike(visit, fingerprint, service)
    context = {"unlike": found, "heading": f"Traces of {words.name(found.service)}"}
    part = is_piece(visit.request)
    return await visit.render(
        "partials/alert_unlike.html" if part else "pages/alert_unlike.html", context
    )


async def _unlike(visit: Visit, fingerprint: str, service: str) -> TracesOfAlert:
    """Compare the traces; if that fails it is said, because no difference may not mean none."""
    try:
        return await overview.compare_alert_traces(
            visit.actor, fingerprint=fingerprint, service=service, site=visit.site.name
        )
    except (NotFound, NotPermitted):
        raise
    except OpsError as error:
        return TracesOfAlert.failed(service, error)
