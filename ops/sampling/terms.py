"""How long a change of sampling lasts, and why it is made: what is accepted, at every door."""

from dataclasses import dataclass
from typing import Required, TypedDict

from ops.errors import InvalidInput
from ops.sites import Service
from ops.sites.sampling import NOT_PUSHED
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy

USUAL = 30 * timerange.MINUTE
SHORTEST = 10 * timerange.SECOND
LONGEST = 7 * timerange.DAY
LONGEST_REASON = 300
_SLACK = timerange.SECOND  # a term of exactly SHORTEST is a little shorter when it is checked


@dataclass(frozen=True, slots=True)
class Term:
    """How long a change lasts: for nanoseconds from when it is made, or until a moment.

    Neither of them means for good.
    """

    duration: int = 0
    end: int = 0  # Unix nanoseconds

    def until(self, now: int) -> int | None:
        """Return when a change ends that is made now (Unix nanoseconds), None for never."""
        return self.end or (now + self.duration if self.duration else None)

    def __str__(self) -> str:
        if self.end:
            second = self.end // timerange.SECOND * timerange.SECOND
            return f"until {timerange.format_moment(second)}"
        if self.duration:
            return f"for {timerange.format_duration(self.duration)}"
        return "permanent"


PERMANENT = Term()


class Wish(TypedDict, total=False):
    """What somebody wants: a policy, for how long and why.

    `then` is what follows, if nothing permanent is set. Without a term it is permanent.
    """

    policy: Required[Policy]
    term: Term
    reason: str
    then: Policy | None


def is_raise(baseline: Policy | None, policy: Policy) -> bool:
    """Return whether a policy may keep more traces than the baseline, None for an unknown one."""
    if baseline is None:
        return True
    if baseline.share is None or policy.share is None:
        return baseline != policy
    named = {name for name, _ in (*baseline.operations, *policy.operations)}
    return policy.share > baseline.share or any(
        (policy.of_operation(name) or 0) > (baseline.of_operation(name) or 0) for name in named
    )


def usual(baseline: Policy | None, policy: Policy) -> Term:
    """Return how long a person's change lasts who does not say so.

    A raise ends by itself, if there is something to return to.
    """
    return Term(USUAL) if baseline and is_raise(baseline, policy) else PERMANENT


def check(term: Term, now: int, reason: str) -> None:
    """Raise InvalidInput unless a change may last so long from now, with such a reason."""
    until = term.until(now)
    if until is not None and not SHORTEST - _SLACK <= until - now <= LONGEST:
        raise InvalidInput(
            f"a change lasts at least {timerange.format_duration(SHORTEST)} and at most "
            f"{timerange.format_duration(LONGEST)}; this one would end at "
            f"{timerange.format_moment(until // timerange.SECOND * timerange.SECOND)}"
        )
    check_reason(reason)


def check_reason(reason: str) -> None:
    """Raise InvalidInput unless a reason can be recorded."""
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise InvalidInput(f"a reason is one line of at most {LONGEST_REASON} characters")


def check_carried(service: Service, *policies: Policy | None) -> None:
    """Raise InvalidInput if the service's instances cannot be sent one of these policies."""
    for policy in policies:
        if service.is_pushed and policy and (policy.share is None or policy.operations):
            raise InvalidInput(f"{service.name} cannot be sampled at {policy}: {NOT_PUSHED}")


def check_then(
    service: str, term: Term, baseline: Policy | None, then: Policy | None
) -> Policy | None:
    """Return what follows a change, None after a permanent one.

    Raises InvalidInput if that is not known, or if more is said than is needed.
    """
    if term == PERMANENT:
        if then:
            raise InvalidInput("what follows is for a change with an end only; leave it out")
        return None
    if baseline is None and then and then.operations:
        raise InvalidInput("what follows is one rate, without rates of single operations")
    if baseline and then and then not in (baseline, baseline.base):
        raise InvalidInput(
            f"{service} returns to {baseline}, its permanent sampling; leave out what follows, or "
            "change that first"
        )
    if not (baseline or then):
        raise InvalidInput(
            f"{service} has no permanent sampling to return to; say what follows, such as then=10%"
        )
    return baseline or then
