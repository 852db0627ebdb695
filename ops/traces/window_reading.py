"""Read two windows of a service's traces, and compare them.

A window that is over is counted once and cached, so that a comparison that is looked at again asks
Jaeger only for what is new. A window that lasts until now ends at a whole minute: everybody who
looks at an alert asks for the same.
"""

import asyncio

from ops.backends.clients import KEPT_SECONDS, clients
from ops.memory import give_back_after
from ops.sites import Site
from ops.traces.contrasting import contrast
from ops.traces.fetching import FINISHED
from ops.traces.listing import name_in_jaeger
from ops.traces.tally import Tally, tally
from ops.traces.windows import WindowComparison
from ops.vocabulary import timerange

MOST_TRACES = 3_000  # of each window
_READ = 2.0  # seconds after which nothing that was read is needed
_NEW = 20.0  # seconds for which a window that is not over is cached


async def compare(
    site: Site, service: str, now: tuple[int, int], before: tuple[int, int]
) -> WindowComparison:
    """Compare two windows, each start and end in Unix nanoseconds; asks Jaeger once for each."""
    here, there = await asyncio.gather(_tally(site, service, *now), _tally(site, service, *before))
    return await asyncio.to_thread(contrast, site, service, here, there)


async def _tally(site: Site, service: str, start: int, end: int) -> Tally:
    key = ("window", site.name, service, start, end)
    kept: Tally | None = clients().kept.get(key)
    if kept is not None:
        return kept

    async def read() -> Tally:
        observed = (
            await clients()
            .jaeger(site)
            .observe(name_in_jaeger(site, service), start=start, end=end, most=MOST_TRACES)
        )
        return await asyncio.to_thread(tally, observed)

    found = await clients().reads.answer(key, read)
    give_back_after(_READ)
    settled = end < timerange.now_ns() - FINISHED
    clients().kept.keep(key, found, found.bytes, KEPT_SECONDS if settled else _NEW)
    return found
