"""Write what came of a request as JSON, and read it: a change of sampling, or an error."""

from datetime import datetime
from typing import Any

from ops import errors
from ops.errors import BackendUnavailable, NotConfirmed, OpsError
from ops.sampling.actions import InstanceSampling, SamplingChange
from ops.vocabulary.policies import Policy
from ops.vocabulary.spreads import Spread

_KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, OpsError) and kind is not NotConfirmed
}


def written(change: SamplingChange) -> dict[str, Any]:
    """Return a change as JSON."""
    return {
        "site": change.site,
        "service": change.service,
        "previous": change.previous.text,
        "before": change.previous.parts,
        "policy": change.policy.parts,
        "actor": change.actor,
        "door": change.door,
        "at": change.at.isoformat(),
        "request_id": change.request_id,
        "instances": [
            {
                "address": each.address,
                "told_at": each.told_at.isoformat() if each.told_at else None,
                "confirmed": each.confirmed,
                "reason": each.reason,
            }
            for each in change.instances
        ],
        "undo": change.undo.parts if change.undo else None,
        "revision": change.revision,
        "until": change.until.isoformat() if change.until else None,
        "then": change.then.parts if change.then else None,
        "reason": change.reason,
        "asking": change.asking,
    }


def read(found: dict[str, Any]) -> SamplingChange:
    """Return the change that `written` wrote, maybe before there were revisions."""
    until, then = found.get("until"), found.get("then")
    policy = Policy.read(found["policy"])
    return SamplingChange(
        site=found["site"],
        service=found["service"],
        previous=Spread.read(found["previous"], found.get("before")),
        policy=policy,
        actor=found["actor"],
        door=found["door"],
        at=datetime.fromisoformat(found["at"]),
        request_id=found["request_id"],
        instances=tuple(
            InstanceSampling(
                address=each["address"],
                policy=policy,
                told_at=datetime.fromisoformat(each["told_at"]) if each["told_at"] else None,
                confirmed=each["confirmed"],
                reason=each["reason"],
            )
            for each in found["instances"]
        ),
        undo=Policy.read(found["undo"]) if found["undo"] else None,
        revision=found.get("revision", 0),
        until=datetime.fromisoformat(until) if until else None,
        then=Policy.read(then) if then else None,
        reason=found.get("reason", ""),
        asking=found.get("asking", 0),
    )


def kind_of(error: OpsError) -> str:
    """Return the name under which an error's kind is stored: the nearest public one."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _KINDS)


def problem(kind: str, sentence: str) -> OpsError:
    """Return a stored error, so that each door shows it like any other."""
    found = _KINDS.get(kind, OpsError)
    if issubclass(found, BackendUnavailable):
        return found(sentence, backend="")
    return found(sentence)
