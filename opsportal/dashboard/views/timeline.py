"""`/timeline/`: what happened on a site, as lanes over one time axis and as a list."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.audit import actions as audit
from ops.overview import actions
from ops.overview.actions import ChangeKind, Timeline
from ops.vocabulary import figures
from ops.vocabulary.figures import listed
from ops.vocabulary.timerange import MINUTE, Moment, TimeRange
from opsportal.dashboard import words
from opsportal.dashboard.clock import roughly
from opsportal.dashboard.pages import Live, page
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.timeline_form import KINDS, LENGTHS, TimelineForm, View
from opsportal.dashboard.timeline_lanes import groups, people_of
from opsportal.dashboard.visit import Visit

ROWS = 50
LANES = 8  # of each kind
LANES_OF_ONE = 40  # if only one kind is shown
SERVICES = 500  # offered
_ONE = {
    ChangeKind.ROLLOUTS: "rollout",
    ChangeKind.ALERTS: "alert change",
    ChangeKind.SILENCES: "silence",
    ChangeKind.ACKNOWLEDGEMENTS: "acknowledgement",
    ChangeKind.SAMPLING: "sampling change",
    ChangeKind.INCIDENTS: "incident",
    ChangeKind.OTHERS: "audit row",
}
_SUBJECTS = frozenset({"alerts", "incidents", "notifications", "sampling", "versions"})


@require_safe
@page(actions.show_timeline, live=Live(_SUBJECTS))
async def show(visit: Visit) -> HttpResponse:
    """Show the window that TimelineForm describes; `?page=` is that of the list."""
    form = TimelineForm(visit.request.GET, label_suffix="", clock=visit.clock.asker)
    if not form.is_valid():
        context = {"heading": "Time line: correct the filter", "form": form}
        return await visit.render("pages/timeline.html", context, status=400)
    view = form.view
    most = LANES_OF_ONE if len(view.kinds) == 1 else LANES
    found = await actions.show_timeline(
        visit.actor,
        kinds=[KINDS[each] for each in view.kinds or KINDS],
        range=TimeRange(Moment(view.start), Moment(view.end)),
        service=view.service,
        person=view.person,
        lanes=most,
        site=visit.site.name,
    )
    # Thousands of bars take more than 5 ms.
    drawn = await asyncio.to_thread(groups, found, visit.clock, visit.url, at=view.at, most=most)
    part = sheet(visit.request, found.changes.found, ROWS)
    return await visit.render(
        "pages/timeline.html",
        {
            "heading": _heading(found, view),
            "form": form,
            "view": view,
            "found": found,
            "groups": [
                (each, replace(view, kinds=(each.kind,)).query if each.kind else "")
                for each in drawn
            ],
            "sheet": part,
            "rows": [
                (each, replace(view, at=each.at).query, replace(view, person=each.person).query)
                for each in part.items
            ],
            "kinds": [
                (name, not view.kinds or name in view.kinds, view.toggled(name))
                for name, kind in KINDS.items()
                if kind is not ChangeKind.OTHERS or audit.READ in visit.permissions
            ],
            "lengths": [
                (name, replace(view, length=length).query, length == view.length)
                for name, length in LENGTHS.items()
            ],
            "services": [*visit.site.services][:SERVICES],
            "people": people_of(found.changes.found),
            "unwatched": _unwatched(found),
        },
    )


def _heading(found: Timeline, view: View) -> str:
    """Return `2 rollouts and 3 alert changes in petstore by olga in the last 60 min`."""
    numbers = Counter(kind for kind, _ in set(_things(found)))
    counted = [figures.count(numbers[kind], one) for kind, one in _ONE.items() if numbers[kind]]
    sure = not (found.problems or _unwatched(found))
    nothing = "Nothing changed" if sure else "Nothing changed that we know of"
    more = "At least " if found.changes.more else ""
    where = f" in {words.name(view.service)}" if view.service else ""
    by = f" by {words.name(view.person)}" if view.person else ""
    window = f"in {roughly(view.length)}" if view.at else f"in the last {roughly(view.length)}"
    return f"{more}{listed(counted) or nothing}{where}{by} {window}"


def _things(found: Timeline) -> Iterator[tuple[ChangeKind, int | str]]:
    """Yield what to count: a silence that began and ended is one thing, not two."""
    for number, each in enumerate(found.changes.found):
        lasting = each.silence or each.acknowledgement
        key = each.incident.number if each.incident else number
        yield each.kind, lasting.id if lasting else key


def _unwatched(found: Timeline) -> int:
    """Return for how long of the time nobody watched, in nanoseconds; 0 for under a minute."""
    if not found.changes.depends_on_memory:
        return 0
    length = sum(end - start for start, end in found.changes.memory.holes)
    return length if length >= MINUTE else 0
