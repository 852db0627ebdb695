"""What machines are sent, in the form of each protocol.

Every document has a finite rate from 0 to 1 or a whole number of traces per second: clients
take anything else for 100%, or stop listening. None has a key that its reader does not know.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ops.sampling.revisions import InForce
from ops.sites.sampling import OURS
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy, Strategy


def default(policy: Policy) -> InForce:
    """Return what a service is answered for which nobody has set anything: revision 0."""
    return InForce(revision=0, policy=policy, since=0)


def strategy(policy: Policy) -> dict[str, Any]:
    """Return Jaeger's SamplingStrategyResponse as JSON, with enums as text."""
    if policy.strategy is Strategy.PER_SECOND:
        return {
            "strategyType": "RATE_LIMITING",
            "rateLimitingSampling": {"maxTracesPerSecond": int(policy.rate)},
        }
    found: dict[str, Any] = {
        "strategyType": "PROBABILISTIC",
        "probabilisticSampling": {"samplingRate": policy.rate},
    }
    if policy.operations:  # clients look at these first
        found["operationSampling"] = {
            "defaultSamplingProbability": policy.rate,
            "defaultLowerBoundTracesPerSecond": 0,
            "perOperationStrategies": [
                {"operation": name, "probabilisticSampling": {"samplingRate": rate}}
                for name, rate in policy.operations
            ],
        }
    return found


def answer(sampling: InForce, *, ours: bool = False) -> dict[str, Any]:
    """Return what `/sampling` answers.

    `ours` adds what only opsportal-sampler knows: Go's sampler refuses members that it does not.
    """
    found = strategy(sampling.policy)
    if ours and sampling.revision:
        found[OURS] = {"revision": sampling.revision}
        if sampling.until is not None and sampling.then is not None:
            found[OURS] |= {
                "until": timerange.to_datetime(sampling.until).isoformat(timespec="milliseconds"),
                "then": strategy(sampling.then),
            }
    return found


def strategies(otherwise: InForce, services: Mapping[str, InForce]) -> dict[str, Any]:
    """Return the document that Jaeger and the collector read from a file or a URL."""
    return {
        "default_strategy": _of_file(otherwise),
        "service_strategies": [
            {"service": name, **_of_file(services[name])} for name in sorted(services)
        ],
    }


def _of_file(sampling: InForce) -> dict[str, Any]:
    policy = sampling.policy
    if policy.strategy is Strategy.PER_SECOND:
        return {"type": "ratelimiting", "param": int(policy.rate)}
    found: dict[str, Any] = {"type": "probabilistic", "param": policy.rate}
    if policy.operations:
        found["operation_strategies"] = [
            {"operation": name, "type": "probabilistic", "param": rate}
            for name, rate in policy.operations
        ]
    return found


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON; raises ValueError for a number that is not finite."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def etag(body: bytes, revision: int) -> str:
    """Return the entity tag of a document: another one for each revision."""
    return f'"r{revision}-{_digest(body, revision).hex()[:12]}"'


def remote_config(
    sampling: InForce, *, key: str, ours: bool
) -> tuple[Mapping[str, bytes], bytes] | None:
    """Return OpAMP's configuration by entry, and its hash.

    `key` is the entry that EDOT and OpenTelemetry Java read: a rate alone, as text. Only
    opsportal-sampler is sent an entry of its own beside it. None if the agent cannot do it.
    """
    bodies = {}
    if sampling.policy.share is not None and (ours or not sampling.policy.operations):
        bodies[key] = encoded({"sampling_rate": repr(sampling.policy.rate)})
    if ours:
        bodies[OURS] = encoded(answer(sampling, ours=True))
    whole = b"\0".join(bodies.values())
    return (bodies, _digest(whole, sampling.revision)) if bodies else None


def _digest(body: bytes, revision: int) -> bytes:
    return sha256(b"%d %s" % (revision, body)).digest()[:16]
