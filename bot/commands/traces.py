"""Commands about traces: list them, show one, its log lines, compare two."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bot.answers.comparisons import beside_usual, comparison
from bot.answers.traces import one_trace, trace_list, trace_logs
from bot.commands.arguments import (
    after_small_word,
    linked_id,
    words_and_keys,
)
from bot.commands.reads import names_for, take_name, where_line, words_left
from bot.intents import Intent, Thing
from bot.registry import Guess, Message, NothingToRead, command
from bot.replies import Reply
from ops.actor import Actor
from ops.errors import InvalidInput, NotFound, NotSetUp, did_you_mean
from ops.language.lines import Word, normal, some, words
from ops.language.names import Kind
from ops.language.reading import Reading
from ops.language.strict import strict_traces
from ops.language.trace_ids import find_trace_ids, pasted_ids
from ops.overview import actions as overview
from ops.overview.actions import MOST_SERVICES, SiteSnapshot, explain_none, show_snapshot
from ops.sites import sites
from ops.traces import actions as traces
from ops.traces.actions import TraceList, Unmatched
from ops.traces.trace import Trace
from ops.vocabulary.filters import KEYS, TraceQuery, parse_query, slip_of

_OF_A_PAIR = re.compile('[="<>]|!~')  # what only a key with its value has
EXPLAINED = 10  # failing traces of a list that show their error's sentence
_CALLED = some("trace traces traceid trace_id trace-id traceparent b3 uber-trace-id id ids uuid")
_SHORTEST = 12  # digits: an ID that has no more was probably cut
SNAPSHOT_SECONDS = 2.0  # the most that the site at that time may delay the trace


@dataclass(frozen=True, slots=True)
class TraceAt:
    """A trace's ID, and its site, "" for any."""

    trace_id: str
    site: str


async def _parse_query(message: Message, rest: str) -> TraceQuery:
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


async def _parse_id(message: Message, rest: str) -> TraceAt:
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


async def _parse_ids(message: Message, rest: str) -> tuple[list[str], str]:
    """Read `ID [ID] [site=NAME]`."""
    pasted, named = _pasted(rest)
    if pasted:
        return [*pasted], _known_site(named)
    words, named = words_and_keys(" ".join(map(linked_id, rest.split())), "site")
    ids = [word for word in words if word.lower() not in ("with", "and")]
    if not ids:
        raise InvalidInput("which trace? Give one trace ID, or two to compare them")
    return [traces.full_id(ids[0])] if len(ids) == 1 else traces.two_ids(ids), _known_site(named)


@contextmanager
def _shortened(*trace_ids: str) -> Iterator[None]:
    """Say what may be wrong if there is no trace with an ID of few digits."""
    try:
        yield
    except NotFound as error:
        if isinstance(error, NotSetUp) or all(each[:-_SHORTEST].strip("0") for each in trace_ids):
            raise
        raise NotFound(
            f"{error}; an ID has 16 or 32 hex digits: if this one was shortened, give the whole one"
        ) from None


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


async def _read_query(message: Message, text: str) -> Reading:
    """Read a filter in people's own words."""
    return await overview.read_trace_filter(message.actor, text=text, clock=message.clock)


async def _read_id(message: Message, text: str) -> Reading:
    """Read the trace ID in a text; if it has none, guess the latest failing trace."""
    found = words(normal(text))
    if ids := find_trace_ids(text):
        return Reading(ids[0], _besides_ids(found))
    names = await names_for(message)
    service, left = take_name(found, names, Kind.SERVICE)
    where = _with_service(where_line(names, service))
    for which, condition in (("that failed", "error"), ("", "")):
        query = parse_query(f"{where} {condition} last=24h limit=1")
        if latest := (await traces.list_traces(message.actor, query=query)).traces:
            why = f"the latest trace of {latest[0].service} {which}".strip()
            return Guess(latest[0].trace_id, words_left(left), why=why)
    raise NothingToRead("which trace?")


async def _read_ids(message: Message, text: str) -> Reading:
    """Read one or two trace IDs."""
    ids = find_trace_ids(text)
    if not ids:
        raise NothingToRead("which trace?")
    return Reading(" ".join(ids), _besides_ids(words(normal(text))))


def _besides_ids(found: Sequence[Word]) -> tuple[str, ...]:
    """Return the words that are neither trace IDs nor what IDs are called."""
    others = (
        each
        for each in found
        if not (each.key or find_trace_ids(each.text) or each.small in _CALLED)
    )
    return words_left(tuple(others))


@command(
    r"(?:list +traces?|traces)(?: +(.+))?",
    "list traces",
    parse=_parse_query,
    read=_read_query,
    intent=Intent(
        surely="traces, trace, errors, error, failures, failure, failing, failed, fails, fail, "
        "exceptions, exception, 500s, 5xx, slower, requests, calls, spans, timeouts",
        perhaps="slow, list, find, show, longest, longer, took, latest, recent, "
        "request, call, transactions, jaeger",
        about=(
            Thing.SERVICE,
            Thing.OPERATION,
            Thing.SITE,
            Thing.TIME,
            Thing.CONDITION,
        ),
        alone=(Thing.OPERATION, Thing.CONDITION),
        reads_all=True,
    ),
    usage="[SERVICE] [KEY=VALUE …] [error] [last=1h] [limit=20] [site=NAME]",
    summary="search for traces, newest first",
    examples=(
        "list traces petstore error last=15m",
        "list traces service=petstore operation=AddPets min=100ms limit=5",
        "list traces http.status_code=500 trace-min=1s from=now-2h to=now-1h",
        "list traces operation=NAME start=11/24/2026-13:00:00 end=now limit=10 tags=[error,a=b]",
    ),
    details=(
        "min and max limit the duration of a span, trace-min and trace-max that of the trace.",
        'Any other KEY=VALUE is a tag. All must match on one span. Quote spaces: a="b c".',
        'Also a!=b, a=~"b.*", a!~"b.*" and, for numbers, a>=500, a>5, a<=5, a<5: the span has that '
        "tag with such a value. operation and service take != =~ !~ too.",
        'error="refused" or error=~".*refused.*" is what a span says of its error.',
        "Times: now-15m, 2026-11-24T13:00:00Z, 11/24/2026-13:00:00 or Unix time; UTC by default.",
        "Or as you say them, in your time zone: last hour, since 2pm, yesterday.",
        "before=TIME/ID continues a list after the trace with that ID, which matched at that time.",
    ),
    needs=(traces.list_traces, traces.explain_no_match),
)
async def list_traces(message: Message, query: TraceQuery) -> Reply:
    """Search for traces."""
    found = await traces.list_traces(message.actor, query=query, explain=EXPLAINED)
    return trace_list(found, *(() if found.traces else await _why_none(message.actor, found)))


async def _why_none(actor: Actor, found: TraceList) -> tuple[str, Unmatched | None]:
    of = found.query
    return await asyncio.gather(
        explain_none(actor, service=of.service, site=of.site, start=found.start, end=found.end),
        traces.explain_no_match(actor, query=of),
    )


@command(
    r"(?:show +traces?|trace)(?: +(.+))?",
    "show trace",
    parse=_parse_id,
    read=_read_id,
    intent=Intent(
        perhaps="trace, show trace, open, waterfall, look",
        about=(Thing.TRACE_ID, Thing.SITE),
        alone=(Thing.TRACE_ID,),
    ),
    usage="ID [site=NAME]",
    summary="show a trace: its verdict, errors and links",
    examples=("show trace 17b4f65b0d9f038e2a7bc5ea84309af2",),
    needs=(traces.show_trace,),
)
async def show_trace(message: Message, one: TraceAt) -> Reply:
    """Show one trace, with the versions and alerts at that time."""
    with _shortened(one.trace_id):
        trace = await traces.show_trace(message.actor, trace_id=one.trace_id, site=one.site)
    return one_trace(trace, await look_back(message.actor, trace))


@command(
    r"(?:(?:show|list) +)?logs?(?: +(.+))?",
    "show logs",
    parse=_parse_id,
    read=_read_id,
    intent=Intent(
        surely="logs, log, log lines, logging, logfile, tail, events of, stdout, stderr",
        about=(Thing.TRACE_ID, Thing.SERVICE, Thing.SITE),
    ),
    usage="ID [site=NAME]",
    summary="show every log line of a trace",
    examples=("show logs 17b4f65b0d9f038e2a7bc5ea84309af2",),
    needs=(traces.show_logs,),
)
async def show_logs(message: Message, one: TraceAt) -> Reply:
    """Show a trace's log lines."""
    with _shortened(one.trace_id):
        found = await traces.show_logs(message.actor, trace_id=one.trace_id, site=one.site)
    return await asyncio.to_thread(trace_logs, found)


@command(
    r"compare(?: +traces?)?(?: +(.+))?",
    "compare",
    parse=_parse_ids,
    read=_read_ids,
    intent=Intent(
        surely="compare, diff, difference, differences, versus, vs, compared",
        perhaps="usual, normal, and",
        about=(Thing.TRACE_ID, Thing.SITE),
    ),
    usage="ID [ID] [site=NAME]",
    summary="compare two traces, or one trace with its usual timing",
    examples=(
        "compare 17b4f65b0d9f038e2a7bc5ea84309af2 9c01d2f4a7e3b8655d0e4f1a2b3c4d5e",
        "compare 17b4f65b0d9f038e2a7bc5ea84309af2",
    ),
    details=("One ID is compared with the latest successful traces of the same root operation.",),
    needs=(traces.compare_traces,),
)
async def compare(message: Message, given: tuple[list[str], str]) -> Reply:
    """Compare two traces, or one trace with its usual timing."""
    ids, site = given
    with _shortened(*ids):
        if len(ids) == 1:
            usual = await traces.compare_with_usual(message.actor, trace_id=ids[0], site=site)
            return beside_usual(usual)
        return comparison(await traces.compare_traces(message.actor, trace_ids=ids, site=site))


async def look_back(actor: Actor, trace: Trace, seconds: float = SNAPSHOT_SECONDS) -> SiteSnapshot:
    """Return the site at the time of a trace; if that takes too long, only a problem saying so."""
    end = trace.start + trace.duration
    known = {service.jaeger_name for service in sites().site(trace.site).services.values()}
    services = [name for name in trace.services if name in known][:MOST_SERVICES]
    try:
        async with asyncio.timeout(seconds):
            return await show_snapshot(
                actor, services=services, start=trace.start, end=end, site=trace.site
            )
    except TimeoutError:
        late = f"no answer within {seconds:g} s"
        return SiteSnapshot(trace.site, trace.start, end, (), (late,))
