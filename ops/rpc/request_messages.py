"""Requests for a change of sampling, as messages."""

from collections.abc import Iterable

from ops.errors import OpsError
from ops.requests.actions import RequestedChange
from ops.rpc import messages
from ops.sampling.actions import SamplingChange
from ops.vocabulary import timerange
from proto.ops import ops_pb2


def sampling_requests(found: Iterable[RequestedChange]) -> ops_pb2.SamplingRequestsResp:
    """Write a list of requests."""
    return ops_pb2.SamplingRequestsResp(requests=map(sampling_request, found))


def sampling_request(found: RequestedChange) -> ops_pb2.SamplingRequest:
    """Write a request, and what came of it."""
    decided = timerange.from_datetime(found.decided_at) if found.decided_at else 0
    made = found.result if isinstance(found.result, SamplingChange) else None
    return ops_pb2.SamplingRequest(
        key=found.key,
        state=found.state.value,
        site=found.site,
        service=found.service,
        previous=str(found.previous),
        policy=str(found.policy.base),
        operations=found.policy.lines,
        instances=found.instances,
        duration=found.term.duration,
        until=found.term.end,
        then_policy=str(found.then) if found.then else "",
        reason=found.reason,
        asked_by=found.asker,
        door=found.door,
        asked_at=timerange.from_datetime(found.asked_at),
        expires=timerange.from_datetime(found.expires),
        needs_approval=str(found.over) if found.over else "",
        decided_by=found.decided_by,
        decided_at=decided,
        why_not=found.why_not,
        result=messages.sampling_change(made) if made else None,
        problem=str(found.result) if isinstance(found.result, OpsError) else "",
        request_id=found.request_id,
    )
