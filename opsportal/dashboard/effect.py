"""What a sampling policy will do, in words, before it is sent."""

from ops.sampling.actions import ServiceSampling
from ops.sampling.policy import Policy, Strategy
from opsportal.dashboard import words


def running(now: ServiceSampling) -> Policy | None:
    """Return the policy that every instance confirmed, None where they differ or one did not."""
    policies = {each.policy if each.confirmed else None for each in now.instances}
    return policies.pop() if len(policies) == 1 else None


def effect(now: ServiceSampling, policy: Policy) -> str:
    """Say it in one sentence, `Keeps 10 % of the traces that …, 10 times as many as now.`."""
    traces = f"traces that start in {words.name(now.service)}"
    kept = {
        Strategy.NEVER: f"Keeps none of the {traces}",
        Strategy.ALWAYS: f"Keeps every one of the {traces}",
    }.get(policy.strategy, f"Keeps {policy} of the {traces}")
    return f"{kept}, {_against(running(now), policy)}."


def _against(before: Policy | None, policy: Policy) -> str:
    if before is None:
        return "how many are kept now is not known"
    if before.rate == policy.rate:
        return "as now"
    if not before.rate:
        return "while none is kept now"
    if not policy.rate:
        return f"while {before if before.strategy is Strategy.RATE else 'every one'} is kept now"
    if policy.rate > before.rate:
        return f"{_times(policy.rate / before.rate)} as many as now"
    return f"1/{_number(before.rate / policy.rate)} of what is kept now"


def _times(factor: float) -> str:
    return "twice" if factor == 2 else f"{_number(factor)} times"


def _number(factor: float) -> str:
    return f"{factor:,.0f}" if factor >= 10 else f"{factor:.2g}"
