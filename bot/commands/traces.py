"""Commands about traces: list them, show one, its log lines, compare two."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bot.answers.comparisons import beside_usual, comparison
from bot.answers.traces import one_trace, trace_list, trace_logs
from bot.commands.part_ids import which_of, whole_ids
from bot.commands.trace_words import (
    TraceAt,
    parse_filter,
    parse_id,
    parse_ids,
    read_filter,
    read_id,
    read_ids,
)
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.actor import Actor
from ops.errors import NotFound, NotSetUp, OpsError
from ops.language.trace_ids import Part
from ops.overview.actions import (
    MOST_SERVICES,
    SiteSnapshot,
    Taken,
    explain_none,
    explain_taken,
    show_snapshot,
)
from ops.patience import patient
from ops.sites import sites
from ops.traces import actions as traces
from ops.traces.actions import TraceList, Unmatched
from ops.traces.trace import Trace
from ops.vocabulary.filters import TraceQuery

EXPLAINED = 10  # failing traces of a list that show their error's sentence
_SHORTEST = 12  # digits: an ID that has no more was probably cut
_FEWEST = 6  # digits that are looked up
SNAPSHOT_SECONDS = 2.0  # the most that the site at that time may delay the trace


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


@command(
    r"(?:list +traces?|traces)(?: +(.+))?",
    "list traces",
    parse=parse_filter,
    read=read_filter,
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
    parse=parse_id,
    read=read_id,
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
    try:
        with _shortened(one.trace_id):
            trace = await traces.show_trace(message.actor, trace_id=one.trace_id, site=one.site)
    except NotFound as error:
        return await _of_part(message, one, error, "show trace")
    then, taken = await asyncio.gather(
        look_back(message.actor, trace, patient(SNAPSHOT_SECONDS)), _taken(message.actor, trace)
    )
    return one_trace(trace, then, taken)


@command(
    r"(?:(?:show|list) +)?logs?(?: +(.+))?",
    "show logs",
    parse=parse_id,
    read=read_id,
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
    try:
        with _shortened(one.trace_id):
            found = await traces.show_logs(message.actor, trace_id=one.trace_id, site=one.site)
    except NotFound as error:
        return await _of_part(message, one, error, "show logs")
    return await asyncio.to_thread(trace_logs, found)


@command(
    r"compare(?: +traces?)?(?: +(.+))?",
    "compare",
    parse=parse_ids,
    read=read_ids,
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


async def _of_part(message: Message, one: TraceAt, error: NotFound, command: str) -> Reply:
    """Offer the traces whose IDs start with the digits of one; raises the error if none does."""
    part = Part(one.trace_id.lstrip("0"))
    if not _FEWEST <= part.digits <= _SHORTEST + 3 or isinstance(error, NotSetUp):
        raise error
    try:
        found = await whole_ids(message, part)
    except NotFound:
        raise error from None
    return which_of([f"{command} {each}" for each in found], f"No trace has the ID {part.start}")


async def _taken(actor: Actor, trace: Trace) -> Taken | None:
    """Return which sampling took a trace, None if that is unknown."""
    try:
        return await explain_taken(actor, trace_id=trace.trace_id, site=trace.site)
    except OpsError:
        return None


async def look_back(actor: Actor, trace: Trace, seconds: float) -> SiteSnapshot:
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
