"""`/incidents/N/`: one incident, what happened in its time, and what people write in it."""

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from ops.errors import InvalidInput
from ops.incidents import actions
from ops.incidents.actions import LONGEST_NOTE, Story
from opsportal.dashboard import words
from opsportal.dashboard.incident_page import SIGNS, address_of, lanes
from opsportal.dashboard.lanes import picture
from opsportal.dashboard.pages import Live, page
from opsportal.dashboard.visit import Visit

LONGEST_HEADING = 200
SUBJECTS = frozenset({actions.SUBJECT, "alerts", "versions", "sampling"})


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
        await actions.pin_trace(actor, trace_id=typed["trace"], number=number, site=site)
    elif "close" in typed:
        await actions.close_incident(actor, number=number, site=site)
    elif "reopen" in typed:
        await actions.reopen(actor, number=number, site=site)
    elif visit.request.method == "POST":
        raise InvalidInput("nothing to do: send a note, a trace, close or reopen")
    return HttpResponseRedirect(visit.url("incidents-one", number=str(number)))


def context(visit: Visit, story: Story) -> dict[str, object]:
    """Return what the page shows."""
    drawn = lanes(visit, story)
    return {
        "heading": words.name(story.headline, LONGEST_HEADING),
        "story": story,
        "incident": story.incident,
        "picture": picture(
            drawn, story.start, story.end, visit.clock, at=story.incident.begins, most=len(drawn)
        ),
        "counts": [
            *(words.count(*each) for each in story.counts),
            words.count(len(story.people), "person", "people"),
        ],
        "lines": [
            (
                line,
                SIGNS[line.kind],
                [(each, address_of(visit, each.target)) for each in line.parts],
            )
            for line in story.lines
        ],
        "may_work": actions.WORK in visit.permissions,
        "longest_note": LONGEST_NOTE,
    }
