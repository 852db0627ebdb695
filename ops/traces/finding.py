"""One trace by its id: on the site that is named, else wherever it is.

A trace that has not changed for a minute is kept, so that looking into it asks Jaeger once.
"""

import asyncio
import re
from collections.abc import Sequence

from ops import timerange
from ops.backends.connections import connections
from ops.errors import BackendUnavailable, InvalidInput, NotFound, OpsError
from ops.memory import LARGE, give_back_after
from ops.sites import Site, sites
from ops.traces.spans import Spans
from ops.traces.tree import Trace, build_trace

FINISHED = timerange.MINUTE  # after its last end a trace is taken to be complete
MANY_SPANS = 1_000  # from here on building takes more than about 5 ms
_SHOWN = 60.0  # seconds after which pages of a trace that is not kept have been sent
_COLUMNS = 500  # bytes that a span takes beside its own
_EVENT = 40  # and an event, once the logs are looked at
_ID = re.compile(r"[0-9a-fA-F]{1,32}")


def full_id(text: str) -> str:
    """Return a trace id in full, 32 lower-case hex digits; raises InvalidInput."""
    stripped = text.strip()
    if not _ID.fullmatch(stripped) or not stripped.strip("0"):
        raise InvalidInput(
            f'"{stripped[:80]}" is not a trace id: it is 1 to 32 hex digits, not all of them 0'
        )
    return stripped.lower().zfill(32)


async def find_trace(trace_id: str, site: str) -> Trace:
    """Return the trace with that full id.

    Without a site all sites are asked at once and the first that has it counts. Raises
    NotFound, which also says which site did not answer.
    """
    asked = [] if site else [each for each in sites().all.values() if each.jaeger]
    if len(asked) > 1:
        return await _anywhere(asked, trace_id)
    return await trace_on(asked[0] if asked else sites().site(site), trace_id)


async def trace_on(site: Site, trace_id: str) -> Trace:
    """Return a site's trace by its full id; raises NotFound."""
    key = ("trace", site.name, trace_id)
    kept: Trace | None = connections().kept.get(key)
    if kept is not None:
        return kept
    trace = await connections().reads.answer(key, lambda: _read(site, trace_id))
    size = _size(trace.rows.spans)
    if trace.start + trace.duration < timerange.now_ns() - FINISHED:
        connections().kept.keep(key, trace, size)
    elif size >= LARGE:
        give_back_after(_SHOWN)
    return trace


def _size(spans: Spans) -> int:
    return spans.store.size + len(spans) * _COLUMNS + sum(spans.events) * _EVENT


async def _read(site: Site, trace_id: str) -> Trace:
    source = site.jaeger
    url = f"{source.ui}/trace/{trace_id}" if source and source.ui else ""
    spans = await connections().jaeger(site).trace(trace_id)
    if len(spans) < MANY_SPANS:
        return build_trace(site.name, trace_id, spans, url)
    return await asyncio.to_thread(build_trace, site.name, trace_id, spans, url)


async def _anywhere(asked: Sequence[Site], trace_id: str) -> Trace:
    searches = [asyncio.create_task(_on_site(site, trace_id)) for site in asked]
    silent: list[OpsError] = []
    try:
        for search in asyncio.as_completed(searches):
            found = await search
            if not isinstance(found, OpsError):
                return found
            if not isinstance(found, NotFound):
                silent.append(found)
    finally:
        for task in searches:
            task.cancel()
    reasons = "; ".join(map(str, silent))
    if len(silent) == len(asked):
        raise BackendUnavailable(f"no site answers: {reasons}", backend="Jaeger of every site")
    raise NotFound(
        f"no site has the trace {trace_id}"
        + (f"; it may be on one that did not answer: {reasons}" if silent else "")
    )


async def _on_site(site: Site, trace_id: str) -> Trace | OpsError:
    try:
        return await trace_on(site, trace_id)
    except OpsError as error:
        return error
