"""Convert requests to actions' arguments, and actions' results to messages."""

import asyncio
from collections.abc import Iterator
from itertools import chain
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from ops.errors import InvalidInput
from ops.sampling.actions import SamplingChange
from ops.sampling.terms import Term
from ops.traces.links import SpanLink
from ops.traces.trace import Trace
from ops.versions.actions import ServiceVersions
from ops.vocabulary import filters, timerange
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.filters import Place, TraceQuery
from ops.vocabulary.matchers import Matcher, exists, parse_matcher, parse_matchers, parse_name
from ops.vocabulary.policies import (
    ALWAYS,
    NEVER,
    Policy,
    parse_operations,
    parse_policy,
    per_second,
    rate,
)
from ops.vocabulary.tag_words import exact_tag
from ops.vocabulary.timerange import Moment, TimeRange
from proto.ops import ops_pb2

MOST_ERRORS = 100
MOST_PROCESSES = 100
MOST_EXPLAINED = 100  # failing traces of a list for which the error's sentence is looked up
MANY_NAMES = 1_000  # of operations, services and tags; more are written in a thread
_LARGEST = 2**63 - 1
LONGEST_TOKEN = 200
UNKNOWN_PAGE = "page_token is not the next_page_token of an earlier response; send it unchanged"


def fields(request: Message) -> Iterator[tuple[str, object]]:
    """Return the fields that are set, with their names; also those of nested messages."""
    for field, value in request.ListFields():
        if field.message_type is None:
            yield field.name, list(value) if field.is_repeated else value
        else:
            for each in value if field.is_repeated else (value,):
                yield from fields(each)


def trace_query(request: ops_pb2.ListTracesReq) -> TraceQuery:
    """Read a search: times and durations of 0 or less mean not set, a depth of 0 the default.

    Without an end the window ends now; without a start it has no lower bound. A depth above the
    largest becomes the largest. Raises InvalidInput.
    """
    if request.search_depth < 0:
        raise InvalidInput(
            f"search_depth is {request.search_depth}; it must be 1 or more, or 0 for "
            f"{filters.DEFAULT_LIMIT} traces"
        )
    end = request.end if request.end > 0 else timerange.now_ns()
    before = None
    if request.page_token:
        end, before = read_token(request.page_token)
    return TraceQuery(
        site=request.site,
        service=request.service,
        operation=request.operation,
        tags=tuple(exact_tag(tag) for tag in request.tags),
        span_min=max(request.duration_min, 0),
        span_max=max(request.duration_max, 0),
        trace_min=max(request.trace_duration_min, 0),
        trace_max=max(request.trace_duration_max, 0),
        range=TimeRange(Moment(max(request.start, 0)), Moment(end)),
        limit=min(request.search_depth, filters.LARGEST_LIMIT) or filters.DEFAULT_LIMIT,
        before=before,
    )


def read_token(token: str) -> tuple[int, Place]:
    """Return the end of the window that the pages cover, and the position in its list."""
    end, _, place = token[:LONGEST_TOKEN].partition("/")
    try:
        moment = timerange.parse_moment(end)
        return moment.nanoseconds, filters.parse_place(place)
    except InvalidInput:
        raise InvalidInput(UNKNOWN_PAGE) from None


async def trace(found: Trace) -> ops_pb2.ShowTraceResp:
    """Write one trace, without its spans: `url` links to a UI that shows them."""
    names = len(found.operations) + len(found.services) + len(found.spans.store.tag_keys())
    return await asyncio.to_thread(_trace, found) if names > MANY_NAMES else _trace(found)


def _trace(found: Trace) -> ops_pb2.ShowTraceResp:
    return ops_pb2.ShowTraceResp(
        id=found.trace_id,
        operations=found.operations,
        errors=[error.sentence for error in found.errors[:MOST_ERRORS]],
        tags=found.tags(),
        duration=_duration(found.duration),
        url=found.jaeger_url,
        site=found.site,
        start=int64(found.start),
        root_service=found.service,
        root_operation=found.operation,
        services=found.services,
        span_count=found.span_count,
        error_count=found.error_count,
        missing_parents=found.missing_parents,
        warnings=found.warnings,
        as_of=found.as_of,
        processes=[
            ops_pb2.Process(
                service=each.process.service,
                version=each.process.version,
                instance=each.process.instance,
                host=each.process.host,
                span_count=each.spans,
            )
            for each in found.ran[:MOST_PROCESSES]
        ],
        links=map(_span_link, found.links),
        linked_from=map(_span_link, found.linked_from),
    )


def _span_link(link: SpanLink) -> ops_pb2.SpanLink:
    return ops_pb2.SpanLink(
        trace_id=link.trace_id,
        span_id=link.span_id,
        to_trace_id=link.to_trace_id,
        to_span_id=link.to_span_id,
    )


def wish(request: ops_pb2.ChangeSamplingReq) -> dict[str, Any]:
    """Read a change as the arguments of the actions that make it or ask for it."""
    return {
        "policy": policy(request),
        "service": request.service,
        "site": request.site,
        "term": term(request),
        "reason": request.reason,
        "then": then_policy(request),
    }


def policy(request: ops_pb2.ChangeSamplingReq) -> Policy:
    """Read a policy; raises InvalidInput for an unknown type or a rate out of bounds."""
    return _base_policy(request).by_operation(parse_operations(request.operations))


def _base_policy(request: ops_pb2.ChangeSamplingReq) -> Policy:
    if request.traces_per_second:
        if request.type != ops_pb2.STUnknown:
            raise InvalidInput("set either a type or traces_per_second, not both")
        return per_second(request.traces_per_second)
    if request.type == ops_pb2.STNever:
        return NEVER
    if request.type == ops_pb2.STAlways:
        return ALWAYS
    if request.type == ops_pb2.STFloat:
        return rate(request.float_value)
    given = "STUnknown" if request.type == ops_pb2.STUnknown else request.type
    raise InvalidInput(
        f"{given} is not a sampling policy; accepted: STNever, STAlways, or STFloat with a "
        "float_value above 0 and up to 1, or traces_per_second instead of a type"
    )


def term(request: ops_pb2.ChangeSamplingReq) -> Term:
    """Read how long a change lasts; without an end it is permanent."""
    return Term(end=max(request.until, 0))


def then_policy(request: ops_pb2.ChangeSamplingReq) -> Policy | None:
    """Read what follows a change; raises InvalidInput."""
    return parse_policy(request.then_policy) if request.then_policy else None


def sampling_change(change: SamplingChange) -> ops_pb2.ChangeSamplingResp:
    """Write a change, with each instance's result."""
    return ops_pb2.ChangeSamplingResp(
        site=change.site,
        service=change.service,
        previous=str(change.previous),
        policy=str(change.policy.base),
        operations=change.policy.lines,
        instances=[
            ops_pb2.InstanceResult(
                address=instance.address,
                confirmed=instance.confirmed,
                reason=instance.reason,
                way=instance.way.value,
                proof=instance.proof.value if instance.proof else "",
            )
            for instance in change.instances
        ],
        revision=change.revision,
        until=timerange.from_datetime(change.until) if change.until else 0,
        then_policy=str(change.then.base) if change.then else "",
        then_operations=change.then.lines if change.then else (),
        reason=change.reason,
    )


def deployed_version(found: ServiceVersions) -> ops_pb2.DeployedVersionResp:
    """Write which version runs where."""
    return ops_pb2.DeployedVersionResp(
        version=_readable(found),
        site=found.site,
        service=found.service,
        instances=[
            ops_pb2.InstanceVersion(
                instance=each.instance, version=each.version, lack=each.lack.value
            )
            for each in found.instances
        ],
        total=found.total,
        state=found.rollout.state.value,
        since=found.rollout.since,
        previous=found.rollout.previous,
        warnings=found.warnings,
    )


def _readable(found: ServiceVersions) -> str:
    """Return the version if there is only one, else `1.3.0 (1 of 3), 1.2.0 (2 of 3)`."""
    if len(found.counts) == 1:
        return found.counts[0][0]
    return ", ".join(f"{version} ({count} of {found.total})" for version, count in found.counts)


def alert_filter(request: ops_pb2.AlertsReq) -> AlertFilter:
    """Read the alert filter; raises InvalidInput."""
    return AlertFilter(
        matchers=(
            *map(_label, request.labels),
            *chain.from_iterable(map(matchers, request.matchers)),
        ),
        states=tuple(state.lower() for state in request.states),
        since=max(request.active_at, 0),
        site=request.site,
    )


def _label(text: str) -> Matcher:
    """Read a matcher, or the name of a label that must exist."""
    try:
        name = parse_name(text.strip())
    except InvalidInput:
        return parse_matcher(text)
    return exists(name)


def matchers(text: str) -> tuple[Matcher, ...]:
    """Read a list of matchers, or, if it is none, one with commas in its value."""
    try:
        return parse_matchers(text) or (parse_matcher(text),)
    except InvalidInput:
        if text.startswith("{"):
            raise
        return (parse_matcher(text),)


def _duration(nanoseconds: int) -> Duration:
    seconds, nanos = divmod(nanoseconds, timerange.SECOND)
    return Duration(seconds=seconds, nanos=nanos)


def int64(nanoseconds: int) -> int:
    """Clamp to int64: one span with an absurd 64-bit duration must not break the whole answer."""
    return min(nanoseconds, _LARGEST)
