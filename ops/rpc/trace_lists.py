"""Lists of traces as messages."""

from cachetools import LRUCache

from ops.metrics import watched
from ops.rpc.messages import int64
from ops.traces.actions import TraceList
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import Moment
from proto.ops import ops_pb2

_LARGE = 10_000  # bytes of a trace; a larger one is not cached

# Traces that were recently written, because writing ten takes longer than finding them. Each is
# stored beside its bytes so that its id is not reused for another trace.
_written: LRUCache[int, tuple[TraceSummary, bytes]] = watched(
    "written traces", LRUCache(maxsize=5_000)
)


def trace_list(found: TraceList) -> bytes:
    """Write the result of a search as a serialized ListTracesResp."""
    rest = ops_pb2.ListTracesResp(
        fetched=found.fetched,
        more=found.more,
        older_start=found.start if found.more else 0,
        older_end=found.back_to if found.more else 0,
        next_page_token=_token(found),
        limit=found.query.limit,
        failed_by_status=found.by_status,
    )
    # Concatenated messages are one message with the fields of all of them.
    return b"".join((*map(_trace, found.traces), rest.SerializeToString()))


def _token(found: TraceList) -> str:
    """Return what `messages.trace_query` reads as the start of the next page, "" at the end."""
    return f"{Moment(found.searched_to)}/{found.rest}" if found.rest else ""


def _trace(summary: TraceSummary) -> bytes:
    """Return a ListTracesResp that has this trace and nothing else."""
    try:
        return _written[id(summary)][1]
    except KeyError:
        written = ops_pb2.ListTracesResp(traces=[_item(summary)]).SerializeToString()
    if len(written) <= _LARGE:
        _written[id(summary)] = summary, written
    return written


def _item(summary: TraceSummary) -> ops_pb2.TraceItem:
    return ops_pb2.TraceItem(
        id=summary.trace_id,
        start=int64(summary.start),
        duration=int64(summary.duration),
        root_service=summary.service,
        root_operation=summary.operation,
        span_count=summary.span_count,
        error_count=summary.error_count,
        services=summary.services,
        error=summary.error,
        matched=int64(summary.matched),
        matched_from=int64(summary.matched_from),
        counted_as_stored=summary.as_stored,
    )
