"""Find the trace that is meant by a part of its ID: `17b4f65b`, `17b4…9af2`."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import chain

from bot.registry import Message
from bot.replies import FollowUp, Reply
from ops.errors import NotFound, OpsError
from ops.language.trace_ids import Part
from ops.sites import sites
from ops.traces import actions as traces
from ops.vocabulary.filters import TraceQuery, parse_query
from ops.vocabulary.quoting import quote

LOOKED_AT = 100  # newest traces of a service, and as many that failed
MOST_SERVICES = 20
MOST_OFFERED = 3
ENOUGH = 8  # digits
SECONDS = 3.0  # the most that the search may take


async def whole_ids(message: Message, part: Part) -> tuple[str, ...]:
    """Return the IDs with this part, of the newest traces of an hour; raises NotFound for none.

    So many digits that two traces hardly share them are searched for no further.
    """
    found: set[str] = set()
    late = False
    try:
        async with asyncio.timeout(SECONDS):
            for both in _searches():
                ids = await asyncio.gather(*(_ids(message, each) for each in both))
                found.update(filter(part.is_of, chain(*ids)))
                if found and part.digits >= ENOUGH:
                    break
    except TimeoutError:
        late = True
    if not found:
        sought = "no trace was found in time that has" if late else "none of the newest traces has"
        raise NotFound(
            f"{sought} an ID like {part}; give the whole ID, which has 16 or 32 hex digits"
        )
    return tuple(sorted(found))


def which_of(lines: Sequence[str], note: str) -> Reply:
    """Ask which of the lines with whole IDs is meant."""
    shown = lines[:MOST_OFFERED]
    either = " or ".join(f"`{line}`" for line in shown)
    return Reply(
        f"Did you mean {either}?",
        notes=(note,),
        failed=True,
        follow_ups=tuple(FollowUp(line, line) for line in shown),
    )


def _searches() -> Iterator[list[TraceQuery]]:
    """Yield the searches of each service, those of the default site first."""
    default = sites().site("")
    places = [default, *(each for each in sites().all.values() if each is not default)]
    services = [(site.name, name) for site in places for name in site.services]
    for site, name in services[:MOST_SERVICES]:
        where = f"service={quote(name)} site={quote(site)} last=1h limit={LOOKED_AT}"
        yield [parse_query(f"{where} {condition}") for condition in ("error", "")]


async def _ids(message: Message, query: TraceQuery) -> list[str]:
    try:
        found = await traces.list_traces(message.actor, query=query)
    except OpsError:
        return []
    return [each.trace_id for each in found.traces]
