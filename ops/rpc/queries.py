"""Requests whose conditions are a line in people's own words, `query`."""

import asyncio
from dataclasses import replace

from ops.actor import Actor
from ops.errors import InvalidInput
from ops.language.reading import Reading
from ops.language.times import Clock
from ops.overview.actions import read_alert_filter, read_trace_filter
from ops.rpc.messages import alert_filter, fields, read_token, trace_query
from ops.sites import sites
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.filters import TraceQuery, parse_query
from ops.vocabulary.timerange import Moment, TimeRange, now_ns
from proto.ops import ops_pb2

Answer = type[ops_pb2.ListTracesResp] | type[ops_pb2.AlertsResp]
Request = ops_pb2.ListTracesReq | ops_pb2.AlertsReq
AS_FIELDS = Reading("", exact=True)  # of a request without a query
_BESIDE = ("query", "site", "page_token", "page_size")


async def traces_of(actor: Actor, request: ops_pb2.ListTracesReq) -> tuple[TraceQuery, Reading]:
    """Return a request's search, and how its query was read; raises InvalidInput."""
    if not request.query:
        return trace_query(request), AS_FIELDS
    _check_alone(request)
    clock = Clock(now_ns())
    reading = await read_trace_filter(actor, text=request.query, site=request.site, clock=clock)
    query = parse_query(reading.line)
    query = replace(query, site=_site(request, query.site))
    if not request.page_token:
        return query, reading
    end, before = read_token(request.page_token)
    start, _ = query.range.start_end(clock.now)
    return replace(query, range=TimeRange(Moment(start), Moment(end)), before=before), reading


async def alerts_of(actor: Actor, request: ops_pb2.AlertsReq) -> tuple[AlertFilter, Reading]:
    """Return a request's filter, and how its query was read; raises InvalidInput."""
    if not request.query:
        # Compiling a regular expression of a few thousand letters takes tens of milliseconds.
        return await asyncio.to_thread(alert_filter, request), AS_FIELDS
    _check_alone(request)
    reading = await read_alert_filter(
        actor, text=request.query, site=request.site, clock=Clock(now_ns())
    )
    filter = await asyncio.to_thread(parse_filter, reading.line)
    return replace(filter, site=_site(request, filter.site)), reading


def as_read(answer: Answer, reading: Reading) -> bytes:
    """Return what a response says about a query; serialized messages can be joined."""
    return answer(read_as=reading.line, left_out=reading.left_out).SerializeToString()


def _check_alone(request: Request) -> None:
    """Refuse fields beside a query that say something else, or the same once more."""
    given = ((name, value) for name, value in fields(request) if name not in _BESIDE)
    # Times and durations of 0 or less mean not set, also to clients that send them.
    others = [name for name, value in given if not isinstance(value, int) or value > 0]
    if others:
        raise InvalidInput(
            f"query cannot be combined with {' and '.join(others)}: write everything into query"
        )


def _site(request: Request, named: str) -> str:
    if request.site and named and sites().site(request.site).name != named:
        raise InvalidInput(
            f'site is "{request.site[:80]}", and query names the site {named}; name one site'
        )
    return named or request.site
