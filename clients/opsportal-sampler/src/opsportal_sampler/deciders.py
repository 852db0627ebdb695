"""What decides, trace by trace, as a strategy says. Deciders are used from many threads."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from opsportal_sampler.strategies import PerOperation, Probabilistic, RateLimiting, Strategy

Clock = Callable[[], float]
# Names of operations can be as many as URLs: beyond these, only the default rate counts.
MOST_OPERATIONS = 2_000


class Reason(NamedTuple):
    """Why a trace is kept, as Jaeger names it in `sampler.type` and `sampler.param`."""

    kind: str
    param: float


class Decider:
    """Decides whether a trace is kept."""

    def decide(self, trace_id: int, operation: str) -> Reason | None:
        """Return why this trace is kept, or None."""
        raise NotImplementedError


def decider(strategy: Strategy, clock: Clock) -> Decider:
    """Return what decides by this strategy."""
    match strategy:
        case Probabilistic(rate):
            return _Ratio(rate)
        case RateLimiting(traces_per_second):
            return _Limited(traces_per_second, clock)
        case PerOperation():
            return _Operations(strategy, clock)


class TokenBucket:
    """Lets so many through a second, and as many at once; of less than one a second, one."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_second, self._clock = per_second, clock
        self._most = max(per_second, 1.0) if per_second else 0.0
        self._tokens, self._filled = self._most, clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one token, if there is one."""
        with self._lock:
            now = self._clock()
            gained = (now - self._filled) * self._per_second
            self._tokens, self._filled = min(self._most, self._tokens + gained), now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


class _Ratio(Decider):
    def __init__(self, rate: float) -> None:
        self._bound = TraceIdRatioBased.get_bound_for_rate(rate)
        self._reason = Reason("probabilistic", rate)

    def decide(self, trace_id: int, operation: str) -> Reason | None:
        kept = trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound
        return self._reason if kept else None


class _Limited(Decider):
    def __init__(self, per_second: float, clock: Clock) -> None:
        self._bucket = TokenBucket(per_second, clock)
        self._reason = Reason("ratelimiting", per_second)

    def decide(self, trace_id: int, operation: str) -> Reason | None:
        return self._reason if self._bucket.take() else None


class _Operation(Decider):
    """One operation: its rate, at least the lower bound, at most the upper bound."""

    def __init__(self, rate: float, strategy: PerOperation, clock: Clock) -> None:
        self._ratio = _Ratio(rate)
        lower, upper = strategy.lower_bound, strategy.upper_bound
        self._lower = TokenBucket(lower, clock) if lower else None
        self._upper = TokenBucket(upper, clock) if upper else None
        self._at_least = Reason("lowerbound", strategy.lower_bound)

    def decide(self, trace_id: int, operation: str) -> Reason | None:
        # What the rate keeps counts towards the lower bound, so both take a token.
        guaranteed = self._lower is not None and self._lower.take()
        reason = self._ratio.decide(trace_id, operation)
        if reason is None and guaranteed:
            reason = self._at_least
        if reason is None or (self._upper and not self._upper.take()):
            return None
        return reason


class _Operations(Decider):
    def __init__(self, strategy: PerOperation, clock: Clock) -> None:
        self._strategy, self._clock = strategy, clock
        self._known = {
            name: _Operation(rate, strategy, clock) for name, rate in strategy.rates.items()
        }
        self._others = _Operation(strategy.default_rate, strategy, clock)

    def decide(self, trace_id: int, operation: str) -> Reason | None:
        found = self._known.get(operation)
        if found is None and len(self._known) < MOST_OPERATIONS:
            of_its_own = _Operation(self._strategy.default_rate, self._strategy, self._clock)
            found = self._known.setdefault(operation, of_its_own)
        return (found or self._others).decide(trace_id, operation)
