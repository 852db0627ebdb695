"""The versions and alerts while a trace ran, in a note or two."""

import asyncio

from bot.replies import shortened
from ops.actor import Actor
from ops.overview.actions import MOST_SERVICES as MOST_LOOKED_AT
from ops.overview.actions import ServiceSnapshot, SiteSnapshot, show_snapshot
from ops.sites import sites
from ops.traces.trace import Trace
from ops.vocabulary.alerts import Alert

SECONDS = 2.0  # the most that this may delay the trace
MOST_SERVICES = 3
MOST_ALERTS = 3
_LONGEST_NOTE = 500
_LONGEST_NAME = 160


async def look_back(actor: Actor, trace: Trace) -> SiteSnapshot:
    """Return the site at the time of a trace; if that takes too long, only a problem saying so."""
    end = trace.start + trace.duration
    known = {service.jaeger_name for service in sites().site(trace.site).services.values()}
    services = [name for name in trace.services if name in known][:MOST_LOOKED_AT]
    try:
        async with asyncio.timeout(SECONDS):
            return await show_snapshot(
                actor, services=services, start=trace.start, end=end, site=trace.site
            )
    except TimeoutError:
        late = f"no answer within {SECONDS:g} s"
        return SiteSnapshot(trace.site, trace.start, end, (), (late,))


def at_that_time(then: SiteSnapshot) -> tuple[str, ...]:
    """Return the versions and alerts then, services with alerts first, and what is unknown."""
    lines = sorted(then.lines, key=lambda line: not line.alerts)
    said = [words for line in lines if (words := _of_service(line))]
    left = len(said) - MOST_SERVICES
    more = [f"and {left} more"] if left > 0 else []
    known = f"At that time: {'; '.join([*said[:MOST_SERVICES], *more])}" if said else ""
    unknown = f"Incomplete for that time: {then.problems[0]}" if then.problems else ""
    return tuple(shortened(note, _LONGEST_NOTE) for note in (known, unknown) if note)


def _of_service(line: ServiceSnapshot) -> str:
    """Return `petstore ran 1.2.0, Errors was firing (page)`, or "" if neither is known."""
    ran = line.versions.spread if line.versions else ""
    left = len(line.alerts) - MOST_ALERTS
    said = [
        *([f"ran {shortened(ran, _LONGEST_NAME)}"] if ran else []),
        *map(_of_alert, line.alerts[:MOST_ALERTS]),
        *([f"{left} more"] if left > 0 else []),
    ]
    return f"{line.service} {', '.join(said)}" if said else ""


def _of_alert(alert: Alert) -> str:
    severity = f" ({alert.severity})" if alert.severity else ""
    return shortened(f"{alert.name} was {alert.state}{severity}", _LONGEST_NAME)
