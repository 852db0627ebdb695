"""Read a filter as a person typed it, for every door: strict first, else by the names of now."""

import asyncio
from collections.abc import Callable

from ops import limits
from ops.actor import Actor
from ops.alerts.actions import list_alerts
from ops.language.alert_words import UnknownWord
from ops.language.alerts import read_alerts
from ops.language.names import Names
from ops.language.reading import Reading
from ops.language.strict import exact_alerts, exact_traces
from ops.language.times import Clock
from ops.language.traces import read_traces
from ops.overview.names import read_names
from ops.sites import Site, sites
from ops.vocabulary.alert_filters import AlertFilter


async def trace_filter(actor: Actor, site: Site, text: str, clock: Clock) -> Reading:
    """Return the reading of a filter for traces, as `overview.read_trace_filter`."""
    limits.check_text("the filter", text)
    services = {name for each in sites().all.values() for name in each.services}
    exact = exact_traces(text, services, sites().all)
    return exact or await _read(read_traces, actor, site, text, clock)


async def alert_filter(actor: Actor, site: Site, text: str, clock: Clock) -> Reading:
    """Return the reading of a filter for alerts, as `overview.read_alert_filter`."""
    limits.check_text("the filter", text)
    # Compiling a regular expression of a few thousand letters takes tens of milliseconds.
    exact = await asyncio.to_thread(exact_alerts, text, tuple(site.services))
    try:
        return exact or await _read(read_alerts, actor, site, text, clock)
    except UnknownWord as error:
        # Its first words must not deny what is firing, which only the list of alerts knows.
        await list_alerts(actor, filter=AlertFilter(words=(error.word,), site=error.site))
        raise


async def _read(
    read: Callable[[str, Names, Clock], Reading], actor: Actor, site: Site, text: str, clock: Clock
) -> Reading:
    """Read in a thread: the first look-up among thousands of names takes long."""
    return await asyncio.to_thread(read, text, await read_names(actor, site), clock)
