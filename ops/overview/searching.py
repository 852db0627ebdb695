"""Search for a service's traces of the last minutes, and for those of the hour before."""

import asyncio
from dataclasses import replace

from ops.actor import Actor
from ops.errors import OpsError
from ops.overview.figures import known, problems_of, settled
from ops.overview.lately import BEFORE, LATELY, Lately, OperationLately, compared
from ops.patience import patient
from ops.sites import Service, Site
from ops.traces.actions import list_traces, show_trace
from ops.vocabulary import timerange
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import Moment, TimeRange

LOOKED_AT = 300  # traces of either time, the newest
MOST_EXPLAINED = 2
EXPLAINING = 1.0  # seconds after which operations go without their errors


async def read_lately(actor: Actor, site: Site, service: Service) -> Lately:
    """Search for both concurrently; raises OpsError if the newest traces cannot be searched."""
    end = timerange.now_ns() - LATELY
    latest = TraceQuery(
        site=site.name, service=service.name, range=TimeRange.last(LATELY), limit=LOOKED_AT
    )
    earlier = replace(latest, range=TimeRange(Moment(end - BEFORE), Moment(end)))
    now, before = await asyncio.gather(
        list_traces(actor, query=latest), settled(lambda: list_traces(actor, query=earlier))
    )
    past = known(before)
    found = compared(now.traces, past.traces if past else ())
    return replace(
        found,
        start=now.back_to,
        more=now.more,
        operations=await _explained(actor, site, found),
        problems=problems_of(before),
    )


async def _explained(actor: Actor, site: Site, found: Lately) -> tuple[OperationLately, ...]:
    """Look up the errors of the operations that fail most, as far as there is time."""
    wanted = [each for each in found.failing[:MOST_EXPLAINED] if not each.error]
    reading = {each: asyncio.create_task(_error(actor, site, each.failing)) for each in wanted}
    try:
        await asyncio.wait(reading.values(), timeout=patient(EXPLAINING)) if reading else None
    finally:
        for task in reading.values():
            task.cancel()
    errors = {each: task.result() for each, task in reading.items() if task.done()}
    return tuple(replace(each, error=errors.get(each, each.error)) for each in found.operations)


async def _error(actor: Actor, site: Site, trace_id: str) -> str:
    try:
        trace = await show_trace(actor, trace_id=trace_id, site=site.name, timed=False)
    except OpsError:
        return ""
    return trace.errors[0].sentence if trace.errors else ""
