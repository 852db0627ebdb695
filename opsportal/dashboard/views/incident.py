"""`/incidents/N/`: one incident, what happened in its time, and what people write in it."""

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from ops.errors import InvalidInput
from ops.incidents import actions
from ops.incidents.actions import LONGEST_NOTE, Causes, Story, Target
from ops.language.trace_ids import find_trace_id
from ops.overview import actions as overview
from ops.overview.actions import MOST_RAISED
from ops.sampling import actions as sampling
from ops.traces import actions as traces
from ops.vocabulary import figures
from opsportal.dashboard import words
from opsportal.dashboard.failing_lane import failing_lane
from opsportal.dashboard.incident_page import MOST_ALERTS, SIGNS, address_of, lanes
from opsportal.dashboard.lanes import Picture, picture
from opsportal.dashboard.pages import Live, page
from opsportal.dashboard.timeline_form import LENGTHS, View
from opsportal.dashboard.visit import Visit, is_piece

LONGEST_HEADING = 200
SUBJECTS = frozenset({actions.SUBJECT, "alerts", "notifications", "sampling", "versions"})


@require_safe
@page(actions.show_story, live=Live(SUBJECTS))
async def show(visit: Visit, number: int) -> HttpResponse:
    """Show an incident."""
    story = await actions.show_story(visit.actor, number=number, site=visit.site.name)
    return await visit.render("pages/incident.html", context(visit, story))


@require_http_methods(["GET", "HEAD", "POST"])
@page(actions.show_incident, on_post=actions.add_note)
async def change(visit: Visit, number: int) -> HttpResponse:
    """On POST add the `note`, pin the `trace`, `close` or `reopen` it. Then show the incident."""
    typed, actor, site = visit.request.POST, visit.actor, visit.site.name
    if "note" in typed:
        await actions.add_note(actor, text=typed["note"], number=number, site=site)
    elif "trace" in typed:
        pasted = typed["trace"].strip()
        trace_id = find_trace_id(pasted) or pasted
        await actions.pin_trace(actor, trace_id=trace_id, number=number, site=site)
    elif "close" in typed:
        await actions.close_incident(actor, number=number, site=site)
    elif "reopen" in typed:
        await actions.reopen(actor, number=number, site=site)
    elif visit.request.method == "POST":
        raise InvalidInput("nothing to do: send a note, a trace, close or reopen")
    return HttpResponseRedirect(visit.url("incidents-one", number=str(number)))


@require_safe
@page(actions.show_causes)
async def causes(visit: Visit, number: int) -> HttpResponse:
    """Show how the traces of its services, or of `?service=`, differ from the hour before.

    Its page requests one piece for each service later, which also fills in the service's lane.
    """
    service = visit.request.GET.get("service", "")
    found = await actions.show_causes(
        visit.actor, number=number, service=service, site=visit.site.name
    )
    part = is_piece(visit.request)
    context = {
        "causes": found,
        "picture": _failing(visit, found),
        "piece": part,
        "number": number,
        "heading": f"Traces of incident {number}",
    }
    return await visit.render(
        "partials/incident_causes.html" if part else "pages/incident_causes.html", context
    )


def _failing(visit: Visit, found: Sequence[Causes]) -> Picture | None:
    """Return the lanes of their failing shares over the incident's time."""
    if not found:
        return None
    first = found[0]
    return picture(
        [failing_lane(each, visit.clock) for each in found],
        first.start,
        first.end,
        visit.clock,
        at=first.incident.begins,
    )


@require_safe
@page(actions.export)
async def write_up(visit: Visit, number: int) -> HttpResponse:
    """Show the incident as Markdown, to copy or to download."""
    text = await _markdown(visit, number)
    context = {"heading": f"Incident {number} as Markdown", "text": text, "number": number}
    return await visit.render("pages/incident_write_up.html", context)


@require_safe
@page(actions.export)
async def markdown(visit: Visit, number: int) -> HttpResponse:
    """Return the incident as a Markdown file."""
    text = await _markdown(visit, number)
    headers = {"Content-Disposition": f'attachment; filename="incident-{number}.md"'}
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", headers=headers)


async def _markdown(visit: Visit, number: int) -> str:
    """Return the incident as Markdown, with times in the viewer's zone and whole addresses."""

    def address(target: Target) -> str:
        path = address_of(visit, target)
        if settings.PUBLIC_URL:
            return f"{settings.PUBLIC_URL}{path}"
        return visit.request.build_absolute_uri(path)

    zone = visit.clock.zone.key if visit.clock.zone else "UTC"
    return await actions.export(
        visit.actor, number=number, zone=zone, address=address, site=visit.site.name
    )


def context(visit: Visit, story: Story) -> dict[str, object]:
    """Return what the page shows."""
    traced = visit.site.jaeger is not None and traces.READ in visit.permissions
    drawn = lanes(visit, story, traced=traced)
    targets = {part.target for line in story.lines for part in line.parts}
    addresses = {each: address_of(visit, each) for each in targets}
    return {
        "heading": words.name(story.headline, LONGEST_HEADING),
        "story": story,
        "incident": story.incident,
        "picture": picture(
            drawn, story.start, story.end, visit.clock, at=story.incident.begins, most=len(drawn)
        ),
        "more_alerts": max(len(story.fired) - MOST_ALERTS, 0),
        "counts": [
            *(figures.count(*each) for each in story.counts),
            figures.count(len(story.people), "person", "people"),
        ],
        "lines": [
            (line, SIGNS[line.kind], [(each, addresses[each.target]) for each in line.parts])
            for line in story.lines
        ],
        "timeline": _timeline(visit, story),
        "traced": traced,
        "may_work": actions.WORK in visit.permissions,
        "sampled": _sampled(visit, story),
        "longest_note": LONGEST_NOTE,
    }


def _sampled(visit: Visit, story: Story) -> str:
    """Return the services that one press samples, "" if that is not offered."""
    if not story.incident.is_open or sampling.CHANGE not in visit.permissions:
        return ""
    return " and ".join(story.incident.services[:MOST_RAISED])


def _timeline(visit: Visit, story: Story) -> str:
    """Return the address of the site's time line of that time, "" if the viewer may not see it."""
    if overview.READ not in visit.permissions:
        return ""
    middle = story.start + (story.end - story.start) // 2
    length = next((each for each in LENGTHS.values() if each >= story.end - story.start), 0)
    view = View(visit.clock.now, length or max(LENGTHS.values()), middle)
    return f"{visit.url('timeline')}{view.query}"
