"""`/services/NAME/`: what is wrong with a service, and what that rests on; `…/unlike/`: why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.overview import actions, findings
from ops.overview.actions import Diagnosis
from ops.overview.lately import BEFORE, LATELY, OperationLately
from ops.sampling import actions as sampling
from ops.traces import actions as traces
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import TimeRange
from opsportal.dashboard import words
from opsportal.dashboard.pages import Live, age, page
from opsportal.dashboard.visit import Visit

ALERTS = 20
OPERATIONS = 10
CHANGES = 8
LONGEST_HEADING = 300


@dataclass(frozen=True, slots=True)
class Operation:
    """A row: an operation, and the search for its traces of the last 15 minutes."""

    lately: OperationLately
    query: TraceQuery


@require_safe
@page(actions.diagnose, live=Live(frozenset({"alerts", "versions", "sampling"}), every=30.0))
async def show(visit: Visit, service: str) -> HttpResponse:
    """Show a service's alerts, traces compared with the hour before, versions and sampling."""
    found = await actions.diagnose(
        visit.actor,
        service=service,
        site=visit.site.name,
        # An open page is rendered at each news, and hundreds of traces are read for it.
        age=max(2 * age(visit.request), actions.AGE),
    )
    changes = [each for each in found.changes if not each.alert]
    return await visit.render(
        "pages/service.html",
        {
            "heading": words.name(found.headline, LONGEST_HEADING),
            "found": found,
            "sampled": found.service if sampling.CHANGE in visit.permissions else "",
            "alerts": (found.alerts or ())[:ALERTS],
            "more_alerts": len((found.alerts or ())[ALERTS:]),
            "earlier_p95": findings.earlier_p95(found.figures),
            "changes": changes[:CHANGES],
            "more_changes": len(changes[CHANGES:]),
            **_traces(found),
        },
    )


@require_safe
@page(traces.compare_windows)
async def unlike(visit: Visit, service: str) -> HttpResponse:
    """Show how a service's traces of the last 15 minutes differ from the hour before."""
    name = visit.site.service(service).name
    end = visit.clock.now // traces.STEP * traces.STEP
    since = end - LATELY
    found = await traces.compare_windows(
        visit.actor,
        service=name,
        start=since,
        end=end,
        before_start=since - BEFORE,
        before_end=since,
        site=visit.site.name,
    )
    heading = f"{words.name(name)}: the last 15 min and the hour before"
    return await visit.render("pages/service_unlike.html", {"found": found, "heading": heading})


def _traces(found: Diagnosis) -> Mapping[str, object]:
    """Return the operations, those with failed or slower traces first, and searches for them."""
    query = TraceQuery(
        site=found.site, service=found.service, range=TimeRange.last(LATELY), limit=100
    )
    operations: Sequence[OperationLately] = found.traces.operations if found.traces else ()
    return {
        "lately": LATELY,
        "query": query,
        "failing": replace(query, tags=(("error", "true"),)),
        "operations": [
            Operation(each, replace(query, operation=each.operation))
            for each in operations[:OPERATIONS]
        ],
        "more_operations": len(operations[OPERATIONS:]),
    }
