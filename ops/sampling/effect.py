"""What a sampling policy will do, in one sentence, before it is sent."""

from ops.vocabulary.policies import Policy, Spread, Strategy


def effect(service: str, before: Spread, policy: Policy) -> str:
    """Describe the effect, compared with the last setting of the instances."""
    traces = f"traces that start in {service}"
    kept = {
        Strategy.NEVER: f"Keeps none of the {traces}",
        Strategy.ALWAYS: f"Keeps all {traces}",
        Strategy.PER_SECOND: (
            f"Keeps at most {policy.rate:.0f} per second of the traces that start in each instance "
            f"of {service}"
        ),
    }.get(policy.strategy, f"Keeps {policy} of the {traces}")
    return f"{kept}; {_against(before.policy, policy)}."


def _against(before: Policy | None, policy: Policy) -> str:
    """Compare with the last setting. Whether an instance still applies it is unknown."""
    if before is None:
        return "the current setting is unknown"
    if before == policy or (before.share is not None and before.share == policy.share):
        return "the same as the last setting"
    if not (before.share and policy.share):
        kept = "none" if before.share == 0 else "all" if before.share == 1 else str(before)
        return f"the last setting keeps {kept}"
    if policy.share > before.share:
        return f"{_times(policy.share / before.share)} as many as the last setting, {before}"
    return f"1/{_number(before.share / policy.share)} of the last setting, {before}"


def _times(factor: float) -> str:
    return "twice" if round(factor, 9) == 2 else f"{_number(factor)} times"


def _number(factor: float) -> str:
    return f"{factor:,.0f}" if factor >= 10 else f"{factor:.2g}"
