"""Fetch one trace by its ID, from the given site or from any.

A trace that has not changed for a minute is cached, so that reading it asks Jaeger only once.
"""

import asyncio
import re
from collections.abc import Sequence

from ops.backends.clients import KEPT_SECONDS, clients
from ops.errors import BackendUnavailable, InvalidInput, NotFound, OpsError
from ops.memory import LARGE, give_back_after
from ops.sites import Site, sites
from ops.traces.links import remember
from ops.traces.seen import note_tags
from ops.traces.trace import Trace, align, build_trace
from ops.vocabulary import timerange
from ops.vocabulary.spans import Spans

FINISHED = timerange.MINUTE  # after its last end, a trace is considered complete
MANY_SPANS = 1_000  # from here on, building takes more than about 5 ms
_SHOWN = 60.0  # seconds after which all pieces of a trace's page have been sent
_ANEW = 5.0  # seconds
_COLUMNS = 500  # bytes that a span takes besides its own
_EVENT = 40  # bytes that an event takes in addition, once the logs are read
_ID = re.compile(r"[0-9a-fA-F]{1,32}")


def full_id(text: str) -> str:
    """Return a trace ID in full, 32 lower-case hex digits; raises InvalidInput."""
    stripped = text.strip()
    if not _ID.fullmatch(stripped) or not stripped.strip("0"):
        raise InvalidInput(
            f'"{stripped[:80]}" is not a trace ID: it must be 1 to 32 hex digits, not all 0'
        )
    return stripped.lower().zfill(32)


def two_ids(trace_ids: Sequence[str]) -> list[str]:
    """Return two full IDs; raises InvalidInput."""
    if len(trace_ids) == 1:
        raise InvalidInput("only one trace is given; add the ID of a second one to compare it with")
    if len(trace_ids) != 2:
        raise InvalidInput(f"{len(trace_ids) or 'no'} trace IDs given; a comparison needs two")
    ids = [full_id(each) for each in trace_ids]
    if ids[0] == ids[1]:
        raise InvalidInput(f"{ids[0]} is given twice; a comparison needs two different traces")
    return ids


async def fetch_trace(trace_id: str, site: str, newer_than: int = 0) -> Trace:
    """Return the trace with that full ID, read after a moment (Unix nanoseconds).

    Without a site, all sites are asked concurrently and the first that has the trace counts.
    Raises NotFound, which also names the sites that did not answer.
    """
    asked = [] if site else [each for each in sites().all.values() if each.jaeger]
    if len(asked) > 1:
        return await _anywhere(asked, trace_id, newer_than)
    return await fetch_from(asked[0] if asked else sites().site(site), trace_id, newer_than)


async def fetch_from(site: Site, trace_id: str, newer_than: int = 0) -> Trace:
    """Return a site's trace by its full ID; raises NotFound.

    A cached trace from before `newer_than` (Unix nanoseconds) is read again.
    """
    key = ("trace", site.name, trace_id)
    kept: Trace | None = clients().kept.get(key)
    if kept is not None and kept.as_of >= newer_than:
        return kept
    asked = (*key, newer_than)
    trace = await clients().reads.answer(asked, lambda: _read(site, trace_id, newer_than))
    remember(site.name, trace.links)
    # Afterwards: it takes a millisecond, and the answer does without.
    asyncio.get_running_loop().call_soon(note_tags, site.name, trace.spans)
    size = _size(trace.spans)
    if seconds := kept_for(trace, anew=bool(newer_than)):
        clients().kept.keep(key, trace, size, seconds)
    elif size >= LARGE:
        give_back_after(_SHOWN)
    return trace


def kept_for(trace: Trace, *, anew: bool = False) -> float:
    """Return for how many seconds to cache a trace.

    Spans can arrive late, less often as time passes, so a trace that has just ended is soon read
    again. One that was read on request is cached until all pieces of its page have been sent.
    """
    ended = trace.as_of - trace.start - trace.duration  # ago
    if ended > FINISHED:
        return min(ended / timerange.SECOND / 2, KEPT_SECONDS)
    return _ANEW if anew else 0


async def aligned(trace: Trace) -> Trace:
    """Return a trace with its clocks aligned; the same if none differs."""
    if not trace.clocks.moves:
        return trace
    key = ("aligned", trace.site, trace.trace_id, trace.as_of)
    kept: Trace | None = clients().kept.get(key)
    if kept is not None:
        return kept
    many = trace.span_count >= MANY_SPANS
    moved = await asyncio.to_thread(align, trace) if many else align(trace)
    clients().kept.keep(key, moved, trace.span_count * _COLUMNS, _SHOWN)
    return moved


async def work_out_timing(trace: Trace) -> None:
    """Compute where a trace's time went, so that reading `timing` is fast."""
    if trace.span_count < MANY_SPANS:
        return
    await asyncio.to_thread(lambda: trace.timing)


def _size(spans: Spans) -> int:
    return spans.store.size + len(spans) * _COLUMNS + spans.event_count * _EVENT


async def _read(site: Site, trace_id: str, newer_than: int) -> Trace:
    source = site.jaeger
    url = f"{source.ui}/trace/{trace_id}" if source and source.ui else ""
    spans = await clients().jaeger(site).trace(trace_id, newer_than)
    if len(spans) < MANY_SPANS:
        return build_trace(site.name, trace_id, spans, url)
    return await asyncio.to_thread(build_trace, site.name, trace_id, spans, url)


async def _anywhere(asked: Sequence[Site], trace_id: str, newer_than: int) -> Trace:
    searches = [asyncio.create_task(_on_site(site, trace_id, newer_than)) for site in asked]
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
        raise BackendUnavailable(f"no site answered: {reasons}", backend="Jaeger of every site")
    raise NotFound(
        f"no site has the trace {trace_id}"
        + (f"; it may be on one that did not answer: {reasons}" if silent else "")
    )


async def _on_site(site: Site, trace_id: str, newer_than: int) -> Trace | OpsError:
    try:
        return await fetch_from(site, trace_id, newer_than)
    except OpsError as error:
        return error
