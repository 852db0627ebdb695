"""Read what follows the commands about traces: a filter, or trace IDs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.commands.arguments import (
    after_small_word,
    linked_id,
    words_and_keys,
)
from bot.commands.reads import (
    elsewhere,
    names_for,
    take_name,
    take_there,
    where_line,
    words_left,
)
from bot.registry import Guess, Message, NothingToRead
from ops.errors import InvalidInput, did_you_mean
from ops.language.lines import Word, normal, some, words
from ops.language.names import Kind
from ops.language.reading import Reading
from ops.language.strict import strict_traces
from ops.language.trace_ids import find_trace_ids, pasted_ids
from ops.overview import actions as overview
from ops.sites import sites
from ops.traces import actions as traces
from ops.vocabulary.filters import TraceQuery, parse_query
from ops.vocabulary.slips import slip_of
from ops.vocabulary.tag_words import KEYS

_OF_A_PAIR = re.compile('[="<>]|!~')  # what only a key with its value has
_CALLED = some("trace traces traceid trace_id trace-id traceparent b3 uber-trace-id id ids uuid")


@dataclass(frozen=True, slots=True)
class TraceAt:
    """A trace's ID, and its site, "" for any."""

    trace_id: str
    site: str


async def parse_filter(message: Message, rest: str) -> TraceQuery:
    """Read a filter whose first word may be a service from the site file."""
    line = after_small_word(rest)
    services = {name for site in sites().all.values() for name in site.services}
    _, query = strict_traces(line, services, sites().all)
    if query is None:
        parse_query(_with_service(line))
        raise InvalidInput(f'"{line[:80]}" has a key that only other tools know')
    sites().site(query.site)
    if query.service and query.service not in services:
        reading = await overview.read_trace_filter(message.actor, text=line, clock=message.clock)
        if not reading.exact:
            raise InvalidInput(f'there is no service "{query.service[:80]}"')
    return query


def _with_service(rest: str) -> str:
    """Write a bare first word as `service=WORD`; raises InvalidInput if it is not a service."""
    rest = after_small_word(rest)
    word, _, others = rest.partition(" ")
    if not word or word in KEYS or _OF_A_PAIR.search(word) or slip_of(word, ("error",)):
        return rest
    known = [name for site in sites().all.values() for name in site.services]
    if word not in known:
        raise InvalidInput(
            f'"{word[:80]}" is neither KEY=VALUE nor a service in the site file'
            + (did_you_mean(word, known) or f"; if Jaeger knows it, write service={word[:80]}")
        )
    return f"service={word} {others}"


async def parse_id(message: Message, rest: str) -> TraceAt:
    """Read `ID [site=NAME]`; the ID may be pasted in any form, also in a link to the trace."""
    pasted, named = _pasted(rest)
    if len(pasted) == 1:
        return TraceAt(pasted[0], _known_site(named))
    first, _, others = after_small_word(rest).partition(" ")
    words, named = words_and_keys(others, "site")
    if not first or words:
        raise InvalidInput(
            "which trace? Give one trace ID, 1 to 32 hex digits, or a link to the trace"
        )
    return TraceAt(traces.full_id(linked_id(first)), _known_site(named))


async def parse_ids(message: Message, rest: str) -> tuple[list[str], str]:
    """Read `ID [ID] [site=NAME]`."""
    pasted, named = _pasted(rest)
    if pasted:
        return [*pasted], _known_site(named)
    words, named = words_and_keys(" ".join(map(linked_id, rest.split())), "site")
    ids = [word for word in words if word.lower() not in ("with", "and")]
    if not ids:
        raise InvalidInput("which trace? Give one trace ID, or two to compare them")
    return [traces.full_id(ids[0])] if len(ids) == 1 else traces.two_ids(ids), _known_site(named)


def _pasted(rest: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the trace IDs of a text in which nothing else is but `site=NAME`."""
    words = rest.split()
    keys = [word for word in words if word.lower().startswith("site=")]
    pasted = pasted_ids(" ".join(word for word in words if word not in keys))
    return pasted, words_and_keys(" ".join(keys), "site")[1]


def _known_site(named: Mapping[str, str]) -> str:
    """Return the site that is named, "" for any."""
    if "site" in named:
        sites().site(named["site"])
    return named.get("site", "")


async def read_filter(message: Message, text: str) -> Reading:
    """Read a filter in people's own words."""
    return await overview.read_trace_filter(message.actor, text=text, clock=message.clock)


async def read_id(message: Message, text: str) -> Reading:
    """Read the trace ID in a text; if it has none, guess the latest failing trace."""
    found, names = words(normal(text)), await names_for(message)
    if ids := find_trace_ids(text):
        site, left = take_name(found, names, Kind.SITE)
        return Reading(f"{ids[0]}{elsewhere(names, site)}", _besides_ids(left))
    service, site, left = take_there(found, names, Kind.SERVICE)
    where = _with_service(where_line(names, service, site))
    for which, condition in (("that failed", "error"), ("", "")):
        query = parse_query(f"{where} {condition} last=24h limit=1")
        if latest := (await traces.list_traces(message.actor, query=query)).traces:
            why = f"the latest trace of {latest[0].service} {which}".strip()
            line = f"{latest[0].trace_id}{elsewhere(names, service, site)}"
            return Guess(line, words_left(left), why=why)
    raise NothingToRead("which trace?")


async def read_ids(message: Message, text: str) -> Reading:
    """Read one or two trace IDs."""
    ids = find_trace_ids(text)
    if not ids:
        raise NothingToRead("which trace?")
    names = await names_for(message)
    site, left = take_name(words(normal(text)), names, Kind.SITE)
    return Reading(f"{' '.join(ids)}{elsewhere(names, site)}", _besides_ids(left))


def _besides_ids(found: Sequence[Word]) -> tuple[str, ...]:
    """Return the words that are neither trace IDs nor what IDs are called."""
    others = (
        each
        for each in found
        if not (each.key or find_trace_ids(each.text) or each.small in _CALLED)
    )
    return words_left(tuple(others))
