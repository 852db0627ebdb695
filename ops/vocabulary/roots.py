"""What the first span of a kept trace says of the rate at which it was kept."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ops.vocabulary.policies import ALWAYS, MOST_PER_SECOND, NEVER, Policy, per_second, rate

# As Jaeger's clients and opsportal-sampler write them, and Go's sampler.
TYPES = ("sampler.type", "jaeger.sampler.type")
PARAMS = ("sampler.param", "jaeger.sampler.param")
LONGEST_STATE = 512
_THRESHOLD = re.compile(r"(?:^|,)[ \t]*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?=[;, \t]|$)")


@dataclass(frozen=True, slots=True)
class Root:
    """The first span of a trace; `start` is Unix nanoseconds, `carried` the policy that it carries.

    `instance` is the ID that its process gives itself, `hosts` are the names and addresses of its
    process's host.
    """

    start: int
    operation: str
    carried: Policy
    instance: str = ""
    hosts: frozenset[str] = frozenset()


def carried(attributes: Mapping[str, object], trace_state: str) -> Policy | None:
    """Return the policy that a root carries, None if it carries none that could be ours.

    Samplers write it as attributes, or as the threshold `th` of OpenTelemetry's tracestate.
    """
    kind = next((attributes[key] for key in TYPES if key in attributes), None)
    param = next((attributes[key] for key in PARAMS if key in attributes), None)
    if kind is None:
        return _threshold(trace_state)
    value = _number(param)
    if kind in ("probabilistic", "const"):
        return share(value)
    if kind == "ratelimiting" and value in range(1, MOST_PER_SECOND + 1):
        return per_second(int(value))
    return None


def share(value: float) -> Policy | None:
    """Return the policy that keeps this share of the traces, None if it is not from 0 to 1."""
    if value in (0, 1):
        return ALWAYS if value else NEVER
    return rate(value) if 0 < value < 1 else None


def _threshold(trace_state: str) -> Policy | None:
    """Read `ot=th:fd70a4`: traces are kept if their random number is at least that, as a fraction.

    Zeros at its end are left out.
    """
    found = _THRESHOLD.search(trace_state[:LONGEST_STATE])
    return share(1 - int(found[1].ljust(14, "0"), 16) / 2**56) if found else None


def _number(value: object) -> float:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return float(value.lower() == "true")
    try:
        return float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return math.nan
