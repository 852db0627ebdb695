"""What a sampling policy will do, in words, before it is sent."""

from ops.sampling.actions import ServiceSampling
from ops.sampling.policy import Policy, Strategy
from opsportal.dashboard import words


def running(now: ServiceSampling) -> Policy | None:
    """Return the policy that every instance confirmed, None where they differ or one did not."""
    policies = {each.policy if each.confirmed else None for each in now.instances}
    return policies.pop() if len(policies) == 1 else None


def effect(now: ServiceSampling, policy: Policy) -> str:
    """Say it in one sentence, against the last setting."""
    traces = f"traces that start in {words.name(now.service)}"
    kept = {
        Strategy.NEVER: f"Keeps none of the {traces}",
        Strategy.ALWAYS: f"Keeps every one of the {traces}",
    }.get(policy.strategy, f"Keeps {policy} of the {traces}")
    return f"{kept}, {_against(running(now), policy)}."


def _against(before: Policy | None, policy: Policy) -> str:
    """Compare with the last setting: whether an instance still goes by it is not known."""
    if before is None:
        return "how many are kept now is not known"
    if before.rate == policy.rate:
        return "the same as the last setting"
    if not (before.rate and policy.rate):
        kept = {0.0: "none", 1.0: "every one"}.get(before.rate, str(before))
        return f"where the last setting keeps {kept}"
    if policy.rate > before.rate:
        return f"{_times(policy.rate / before.rate)} as many as the last setting, {before}"
    return f"1/{_number(before.rate / policy.rate)} of what the last setting, {before}, keeps"


def _times(factor: float) -> str:
    return "twice" if round(factor, 9) == 2 else f"{_number(factor)} times"


def _number(factor: float) -> str:
    return f"{factor:,.0f}" if factor >= 10 else f"{factor:.2g}"
