"""What is known of sampling, as messages that fit into what every gRPC client accepts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ops.errors import InvalidInput, OpsError
from ops.sampling.actions import MOST_CHANGES, InstanceSampling, SamplingChange, ServiceSampling
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy
from proto.ops import ops_pb2

LARGEST = 4_000_000  # bytes of instances per response, below 4 MiB with the fields around them
USUAL_LIMIT = 20
MOST_UNCONFIRMED = 20
_AROUND = 6  # bytes for tag and length of each instance, at most


def sampling(site: str, found: Mapping[str, ServiceSampling | OpsError]) -> ops_pb2.SamplingResp:
    """Write the sampling of some services; instances that do not fit are counted only."""
    answer = ops_pb2.SamplingResp(site=site)
    room = LARGEST
    for name, each in sorted(found.items()):
        if isinstance(each, OpsError):
            answer.services.add(service=name, problem=str(each))
            continue
        message = _service(each)
        answer.services.append(message)
        for instance in map(_instance, each.instances):
            room -= instance.ByteSize() + _AROUND
            if room < 0:
                break
            answer.services[-1].instances.append(instance)
    return answer


def _service(found: ServiceSampling) -> ops_pb2.ServiceSampling:
    message = ops_pb2.ServiceSampling(
        service=found.service,
        baseline=_policy(found.baseline),
        baseline_operations=_lines(found.baseline),
        return_overdue=found.is_overdue,
        total=len(found.instances),
        confirmed=found.confirmed,
    )
    if now := found.in_force:
        message.policy, message.operations[:] = str(now.policy.base), now.policy.lines
        message.since, message.revision = now.since, now.revision
        message.until, message.then_policy = now.until or 0, _policy(now.then)
        message.then_operations[:] = _lines(now.then)
    if change := found.change:
        message.actor, message.door, message.reason = change.actor, change.door, change.reason
    return message


def _instance(found: InstanceSampling) -> ops_pb2.SampledInstance:
    return ops_pb2.SampledInstance(
        instance=found.address,
        way=found.way.value,
        client=found.client,
        policy=_policy(found.policy),
        operations=_lines(found.policy),
        sent_at=_time(found.told_at),
        revision=found.revision,
        proof=found.proof.value if found.proof else "",
        reason=found.reason,
        said=_policy(found.said),
        heard=_time(found.heard),
        unauthenticated=found.unauthenticated,
        is_asker=found.is_asker,
    )


def history_limit(request: ops_pb2.SamplingHistoryReq) -> int:
    """Read how many revisions are asked for; raises InvalidInput."""
    if not 0 <= request.limit <= MOST_CHANGES:
        raise InvalidInput(
            f"limit is {request.limit}; it must be between 1 and {MOST_CHANGES}, or 0 for "
            f"{USUAL_LIMIT}"
        )
    return request.limit or USUAL_LIMIT


def history(site: str, found: Sequence[SamplingChange], limit: int) -> ops_pb2.SamplingHistoryResp:
    """Write a page of revisions; a page of fewer than `limit` is the last."""
    return ops_pb2.SamplingHistoryResp(
        site=site,
        revisions=map(_revision, found),
        next_before=found[-1].revision if len(found) == limit else 0,
    )


def _revision(change: SamplingChange) -> ops_pb2.SamplingRevision:
    failed = [each for each in change.instances if not each.confirmed]
    return ops_pb2.SamplingRevision(
        revision=change.revision,
        service=change.service,
        at=_time(change.at),
        previous=str(change.previous),
        policy=str(change.policy.base),
        operations=change.policy.lines,
        until=_time(change.until),
        then_policy=_policy(change.then),
        then_operations=_lines(change.then),
        actor=change.actor,
        door=change.door,
        reason=change.reason,
        request_id=change.request_id,
        total=change.total,
        confirmed=change.confirmed,
        unconfirmed=[
            ops_pb2.InstanceResult(address=each.address, reason=each.reason)
            for each in failed[:MOST_UNCONFIRMED]
        ],
    )


def _policy(policy: Policy | None) -> str:
    return "" if policy is None else str(policy.base)


def _lines(policy: Policy | None) -> list[str]:
    return policy.lines if policy else []


def _time(at: datetime | None) -> int:
    return 0 if at is None else timerange.from_datetime(at)
