"""Convert searches to Jaeger's queries, and its summaries to ours."""

import re

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ops.backends.trace_search.search import TraceSearch, Window
from ops.backends.trace_search.tags import Tags
from ops.vocabulary import timerange
from ops.vocabulary.spans import NO_SERVICE
from ops.vocabulary.summaries import TraceSummary, between
from proto.jaeger.api_v3 import query_pb2

_LONGEST = 10 * 365 * timerange.DAY
_LUCENE = re.compile(r'[.?+*|{}\[\]()"\\#@&<>~]')


def query(
    search: TraceSearch, window: Window, tags: Tags, tag_values: str
) -> query_pb2.TraceQueryParameters:
    """Return the query for these tags of a search; `tag_values` comes from the site file."""
    escaped = tag_values == "regex"
    longest = search.span_max
    if search.span_min and not longest:
        # Elasticsearch takes a missing maximum to be 24 hours.
        longest = max(_LONGEST, search.span_min)
    return query_pb2.TraceQueryParameters(
        service_name=search.service,
        operation_name=search.operation,
        attributes={key: _as_expression(value) if escaped else value for key, value in tags},
        start_time_min=_timestamp(window.start),
        start_time_max=_timestamp(window.end),
        duration_min=_duration(search.span_min),
        duration_max=_duration(longest),
        search_depth=window.depth,
        # Summaries do not need adjusted spans, and Jaeger 2.13 adjusts traces of its memory
        # storage in place: overlapping searches at the same time crash it.
        raw_traces=True,
    )


def summary(found: query_pb2.TraceSummary, window: Window) -> TraceSummary:
    """Return what Jaeger says about a trace with a matching span in a window.

    Neither the error's sentence nor when the span matched is in it. A start of 0 is that of a
    span that has no time, and hides when the trace began.
    """
    start, end = found.min_start_time_unix_nano, found.max_end_time_unix_nano
    matched_from, matched = between(start, end, (window.start, window.end))
    return TraceSummary(
        trace_id=found.trace_id.lower().zfill(32),
        start=start,
        duration=max(end - start, 0) if start else 0,
        service=found.root_service_name or (NO_SERVICE if found.root_operation_name else ""),
        operation=found.root_operation_name,
        span_count=found.span_count,
        error_count=found.error_span_count,
        services=tuple(sorted(service.name or NO_SERVICE for service in found.services)),
        matched=matched,
        matched_from=matched_from,
        as_stored=True,
    )


def _as_expression(value: str) -> str:
    return _LUCENE.sub(r"\\\g<0>", value)


def _timestamp(nanoseconds: int) -> Timestamp:
    seconds, nanos = divmod(nanoseconds, timerange.SECOND)
    return Timestamp(seconds=seconds, nanos=nanos)


def _duration(nanoseconds: int) -> Duration | None:
    seconds, nanos = divmod(nanoseconds, timerange.SECOND)
    return Duration(seconds=seconds, nanos=nanos) if nanoseconds else None
