"""The sampler that the SDK gets, and keeps: what it holds is exchanged while the service runs."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, get_current_span
from opentelemetry.trace.span import TraceState

from opsportal_sampler.deciders import Clock, Decider, decider
from opsportal_sampler.polling import Poller
from opsportal_sampler.strategies import Document, Probabilistic, Strategy, describe


class Phase(str, Enum):
    """Where the strategy in force comes from."""

    INITIAL = "initial"
    DOCUMENT = "document"
    THEN = "then"


@dataclass(frozen=True)
class Report:
    """What is in force now, as servers see it."""

    phase: Phase
    applied: str
    strategy: Strategy
    revision: int | None


@dataclass(frozen=True)
class _Part:
    phase: Phase
    strategy: Strategy
    decider: Decider


@dataclass(frozen=True)
class _Held:
    """All that is held, exchanged in one assignment: what is in force follows from the time."""

    first: _Part
    then: _Part | None = None
    ends: float = math.inf
    document: Document | None = None


class RemoteSampler(Sampler):
    """Samples as the last document says, and after its end as that document said beforehand."""

    def __init__(self, initial_rate: float, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        initial = Probabilistic(initial_rate)
        self._held = _Held(_Part(Phase.INITIAL, initial, decider(initial, clock)))
        self._poller: Poller | None = None

    def follow(self, poller: Poller) -> None:
        """Poll until the process ends or `close` is called."""
        self._poller = poller
        poller.start()

    def close(self) -> None:
        """Stop polling; what is in force stays in force."""
        if self._poller:
            self._poller.stop()

    def apply(self, document: Document, now: datetime) -> None:
        """Put a document in force; `now` is the time where its end was set."""
        first = self._part(Phase.DOCUMENT, document.strategy)
        then = None if document.then is None else self._part(Phase.THEN, document.then)
        self._held = _Held(first, then, self._end(document, now), document)

    def set_clock(self, now: datetime) -> None:
        """Correct when the document ends: this is the time where its end was set.

        Once it has ended it stays so, though a server's time has no fractions of a second.
        """
        held = self._held
        if held.document and self._clock() < held.ends:
            self._held = replace(held, ends=self._end(held.document, now))

    def forked(self) -> None:
        """Start anew in a child process, where another thread's lock may be held for ever."""
        held = self._held
        then = self._fresh(held.then) if held.then else None
        self._held = replace(held, first=self._fresh(held.first), then=then)

    def report(self) -> Report:
        """Return what is in force now."""
        held, part = self._held, self._in_force()
        return Report(
            part.phase,
            describe(part.strategy),
            part.strategy,
            held.document.revision if held.document else None,
        )

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide by what is in force; of a trace's first span, say why in its attributes."""
        parent = get_current_span(parent_context).get_span_context()
        trace_state = parent.trace_state if parent.is_valid else None
        reason = self._in_force().decider.decide(trace_id, name)
        if reason is None:
            return SamplingResult(Decision.DROP, None, trace_state)
        if not parent.is_valid:
            said = {"sampler.type": reason.kind, "sampler.param": reason.param}
            attributes = {**(attributes or {}), **said}
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, trace_state)

    def get_description(self) -> str:
        """Return the name of the sampler and what is in force."""
        return f"JaegerRemoteSampler{{{describe(self._in_force().strategy)}}}"

    def _end(self, document: Document, now: datetime) -> float:
        if document.until is None:
            return math.inf
        return self._clock() + (document.until - now).total_seconds()

    def _in_force(self) -> _Part:
        held = self._held
        return held.then if held.then and self._clock() >= held.ends else held.first

    def _part(self, phase: Phase, strategy: Strategy) -> _Part:
        """Return a part with the decider that is at work, if the strategy is the same.

        A server that knows no ETag repeats its document: its rate limit must not start anew.
        """
        before = self._in_force()
        same = before.strategy == strategy
        return _Part(phase, strategy, before.decider if same else decider(strategy, self._clock))

    def _fresh(self, part: _Part) -> _Part:
        return replace(part, decider=decider(part.strategy, self._clock))
