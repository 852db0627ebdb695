"""A service's ceiling in traces a second: a change above it needs two people. One rule for all.

    policy, and what the person says follows it ──> the most that either lets through
    at most the ceiling                         ──> one person makes the change
    above it, or unknown                        ──> somebody else approves it first

Keeping no traces never needs approval, whatever is unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ops.errors import Conflict
from ops.sampling.effect import amount
from ops.sampling.volume import Seen, forecast_of
from ops.vocabulary.policies import Policy

MINUTES = 10  # in which somebody else can approve a change


@dataclass(frozen=True, slots=True)
class Over:
    """Why a change needs somebody else's approval: it may let through more than the ceiling.

    `traces` is how many a second, None if that is unknown.
    """

    service: str
    ceiling: float
    traces: float | None = None

    @property
    def beforehand(self) -> str:
        """Describe what is needed before the change is asked for."""
        return f"{self}. Somebody else has to approve this change."

    @property
    def asked(self) -> str:
        """Describe what is needed once the change is asked for."""
        return f"{self}. Somebody else with the right to approve has {MINUTES} minutes."

    def refused(self) -> Conflict:
        """Return the error for the attempt to make the change alone."""
        return Conflict(
            f"nothing was changed. {self}. Ask for the change on the sampling page, with the bot "
            f"or with AskSampling; somebody else can approve it within {MINUTES} minutes"
        )

    def __str__(self) -> str:
        """Return `Over petstore's ceiling of 50 traces/s: about 200 traces/s`."""
        of = f"{self.service}'s ceiling of {amount(self.ceiling)} traces/s"
        if self.traces is None:
            return f"Maybe over {of}: its requests/s are unknown"
        return f"Over {of}: about {_above(self.traces, self.ceiling)} traces/s"


def over(
    service: str,
    ceiling: float | None,
    policies: Iterable[Policy],
    requests: float | None,
    seen: Seen,
    instances: int,
) -> Over | None:
    """Return why setting these policies, one after the other, needs approval; None if not."""
    if ceiling is None:
        return None
    most = 0.0
    for policy in policies:
        if policy.highest == 0:
            continue
        volume = forecast_of(service, requests, seen, None, policy, instances=instances).after
        if volume is None:
            return Over(service, ceiling)
        most = max(most, volume.traces)
    return Over(service, ceiling, most) if most > ceiling else None


def _above(traces: float, ceiling: float) -> str:
    """Write a number so that it reads as above the ceiling."""
    rounded = amount(traces)
    return rounded if rounded != amount(ceiling) else f"{traces:,.2f}"
