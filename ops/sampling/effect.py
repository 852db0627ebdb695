"""What a sampling policy will do, in sentences, before it is sent."""

import math

from ops.sampling.volume import Forecast, Seen, Volume
from ops.vocabulary.figures import listed
from ops.vocabulary.policies import Policy, Strategy, percent
from ops.vocabulary.spreads import Spread

_STEP = 5  # percent, to which a margin is rounded up
_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


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
    }.get(policy.strategy, f"Keeps {policy.base} of the {traces}")
    against = _against(before.policy and before.policy.base, policy.base)
    if before.policy is None and not before.is_unknown:
        against = f"instances differ so far: {before}"
    return f"{kept}; {against}.{_apart(policy, before.by_operation)}"


def _apart(policy: Policy, had_operations: bool) -> str:
    """Return ` GET /health has a rate of its own: 0.1%.`, "" if no operation has or had one."""
    if len(policy.operations) == 1:
        ((name, share),) = policy.operations
        return f" {name} has a rate of its own: {percent(share)}."
    if policy.operations:
        return f" {len(policy.operations)} operations have a rate of their own."
    return " Operations no longer have rates of their own." if had_operations else ""


def _against(before: Policy | None, policy: Policy) -> str:
    """Compare with the last setting. Whether an instance still applies it is unknown."""
    if before is None:
        return "the current setting is unknown"
    if before == policy or (before.share is not None and before.share == policy.share):
        return "the same rate as the last setting"
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


def described(effect: str, found: Forecast, by_operation: bool = False) -> tuple[str, ...]:
    """Describe a forecast after the effect: the volume with its margin, and who starts the traces.

    If the service starts none, that is said first. `by_operation` says that the forecast is of a
    policy with rates of single operations.
    """
    volume = _volume(found)
    if volume and by_operation and found.after and not found.problems:
        volume += " That counts all operations at the highest of their rates."
    starts = _starts(found.service, found.seen)
    sentences = (starts, effect, volume) if found.seen.started == 0 else (effect, volume, starts)
    return tuple(filter(None, sentences))


def _volume(found: Forecast) -> str:
    if found.problems:
        return f"The volume is unknown: {'; '.join(found.problems)}."
    if found.requests is None or found.after is None:
        return "The volume is unknown, because the site file has no query for the requests."
    at = f"At {amount(found.requests)} requests/s"
    before, after = found.before, found.after
    if after.spans is None:
        traces = amount(after.traces)
        return f"{at}: up to {traces} traces/s. Jaeger has none of the last hour to measure."
    if found.seen.started == 0:
        return ""
    parts = (
        _change(before, after, "traces", "{} traces/s"),
        _change(before, after, "spans", "{} spans/s"),
        _change_of_size(before, after),
    )
    return f"{at}: {', '.join(parts)}{_margin(found.seen)}."


def _change(before: Volume | None, after: Volume, name: str, form: str) -> str:
    values = [getattr(each, name) for each in (before, after) if each]
    return form.format(" → ".join(dict.fromkeys(map(amount, values))))


def _change_of_size(before: Volume | None, after: Volume) -> str:
    sizes = [each.bytes for each in (before, after) if each and each.bytes is not None]
    words = list(dict.fromkeys(map(_size, sizes)))
    units = {each.partition(" ")[2] for each in words}
    if len(units) == 1:  # 1.8 → 18 GB
        words[:-1] = [each.partition(" ")[0] for each in words[:-1]]
    return f"{' → '.join(words)} a day"


def _margin(seen: Seen) -> str:
    if math.isinf(seen.margin):
        return ", roughly: only one trace was measured"
    percent = max(math.ceil(seen.margin * 100 / _STEP) * _STEP, _STEP)
    return f", ±{percent}%"


def _starts(service: str, seen: Seen) -> str:
    if seen.started is None or not seen.starters:
        follow = (
            f"; {listed(seen.followers)} {_verb(seen.followers, 'follow')} its decision"
            if seen.followers
            else ""
        )
        return f"{service} starts these traces{follow}." if seen.started else ""
    if not seen.started:
        return (
            f"{service} started none of its last {seen.traces:,} traces: {listed(seen.starters)} "
            "did, and whoever starts a trace decides. This change has no effect on those."
        )
    return (
        f"{service} starts {seen.started:.0%} of its traces; {listed(seen.starters)} "
        f"{_verb(seen.starters, 'decide')} on the rest."
    )


def _verb(names: tuple[str, ...], verb: str) -> str:
    return verb if len(names) > 1 else f"{verb}s"


def amount(value: float) -> str:
    """Return `1,200`, `12`, `1.2`, `0`."""
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.2g}"


def _size(value: float) -> str:
    for unit, name in _UNITS:
        if value >= unit:
            number = value / unit
            return f"{number:,.0f} {name}" if number >= 10 else f"{number:.2g} {name}"
    return f"{value:,.0f} B"
