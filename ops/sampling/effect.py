"""What a sampling policy will do, in one sentence, before it is sent."""

from ops.vocabulary.policies import Policy, Spread, Strategy


def effect(service: str, before: Spread, policy: Policy) -> str:
    """Describe the effect, compared with the last setting of the instances."""
    traces = f"traces that start in {service}"
    kept = {
        Strategy.NEVER: f"Keeps none of the {traces}",
        Strategy.ALWAYS: f"Keeps all {traces}",
    }.get(policy.strategy, f"Keeps {policy} of the {traces}")
    return f"{kept}; {_against(before.policy, policy)}."


def _against(before: Policy | None, policy: Policy) -> str:
    """Compare with the last setting. Whether an instance still applies it is unknown."""
    if before is None:
        return "the current setting is unknown"
    if before.rate == policy.rate:
        return "the same as the last setting"
    if not (before.rate and policy.rate):
        kept = {0.0: "none", 1.0: "all"}.get(before.rate, str(before))
        return f"the last setting keeps {kept}"
    if policy.rate > before.rate:
        return f"{_times(policy.rate / before.rate)} as many as the last setting, {before}"
    return f"1/{_number(before.rate / policy.rate)} of the last setting, {before}"


def _times(factor: float) -> str:
    return "twice" if round(factor, 9) == 2 else f"{_number(factor)} times"


def _number(factor: float) -> str:
    return f"{factor:,.0f}" if factor >= 10 else f"{factor:.2g}"
