"""One trace by its id: on the site that is named, else wherever it is."""

import asyncio
import re
from collections.abc import Sequence

from ops.backends.connections import connections
from ops.errors import BackendUnavailable, InvalidInput, NotFound, OpsError
from ops.sites import Site, sites
from ops.traces.spans import Span

Found = tuple[Site, tuple[Span, ...]]
_ID = re.compile(r"[0-9a-fA-F]{1,32}")


def full_id(text: str) -> str:
    """Return a trace id in full, 32 lower-case hex digits; raises InvalidInput."""
    stripped = text.strip()
    if not _ID.fullmatch(stripped) or not stripped.strip("0"):
        raise InvalidInput(
            f'"{stripped[:80]}" is not a trace id: it is 1 to 32 hex digits, not all of them 0'
        )
    return stripped.lower().zfill(32)


async def find_trace(trace_id: str, site: str) -> Found:
    """Return the spans of the trace with that full id, and its site.

    Without a site all sites are asked at once and the first that has it counts. Raises
    NotFound, which also says which site did not answer.
    """
    asked = [] if site else [each for each in sites().all.values() if each.jaeger]
    if len(asked) > 1:
        return await _anywhere(asked, trace_id)
    where = asked[0] if asked else sites().site(site)
    return where, await connections().jaeger(where).trace(trace_id)


async def _anywhere(asked: Sequence[Site], trace_id: str) -> Found:
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


async def _on_site(site: Site, trace_id: str) -> Found | OpsError:
    try:
        return site, await connections().jaeger(site).trace(trace_id)
    except OpsError as error:
        return error
