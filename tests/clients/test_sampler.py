"""The sampler in the SDK: one object, whatever is in force."""

from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.trace.span import TraceState
from opsportal_sampler import RemoteSampler
from opsportal_sampler.sampler import Phase
from opsportal_sampler.strategies import Document, Probabilistic, RateLimiting

from tests.clients.conftest import Clock

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
END = NOW + timedelta(minutes=15)
RAISED = Document(Probabilistic(1.0), 17, END, Probabilistic(0.0))


@pytest.fixture
def sampler(clock: Clock) -> RemoteSampler:
    return RemoteSampler(0.0, clock)


def spans_of(sampler: RemoteSampler) -> list[ReadableSpan]:
    """What a tracer exports that keeps its sampler, of a root with a child."""
    provider, exporter = TracerProvider(sampler=ParentBased(sampler)), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with (
        tracer.start_as_current_span("root", attributes={"a": 1}),
        tracer.start_as_current_span("child"),
    ):
        pass
    return list(exporter.get_finished_spans())


def test_it_says_on_the_first_span_why_a_trace_is_kept(sampler: RemoteSampler) -> None:
    assert spans_of(sampler) == []
    sampler.apply(Document(Probabilistic(1.0)), NOW)
    child, root = spans_of(sampler)
    assert root.attributes == {"a": 1, "sampler.type": "probabilistic", "sampler.param": 1.0}
    assert not child.attributes


def test_a_tracer_follows_although_it_keeps_its_sampler(sampler: RemoteSampler) -> None:
    tracer = TracerProvider(sampler=sampler).get_tracer("test")
    seen = []
    for rate in 0.0, 1.0, 0.0:
        sampler.apply(Document(Probabilistic(rate)), NOW)
        seen.append(tracer.start_span("root").is_recording())
    assert seen == [False, True, False]


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_it_keeps_the_state_of_the_trace(sampler: RemoteSampler, rate: float) -> None:
    sampler.apply(Document(Probabilistic(rate)), NOW)
    state = TraceState([("vendor", "1")])
    parent = NonRecordingSpan(SpanContext(1, 2, True, TraceFlags(0), state))
    result = sampler.should_sample(set_span_in_context(parent), 1, "child", attributes={"a": 1})
    assert result.trace_state == state
    assert dict(result.attributes) == ({"a": 1} if rate else {})


def test_it_returns_by_itself_at_the_end(sampler: RemoteSampler, clock: Clock) -> None:
    sampler.apply(RAISED, NOW)
    clock.now += 15 * 60 - 1
    assert len(spans_of(sampler)) == 2
    assert (sampler.report().phase, sampler.report().applied) == (Phase.DOCUMENT, "1")
    clock.now += 1
    assert spans_of(sampler) == []
    report = sampler.report()
    assert (report.phase, report.applied, report.revision) == (Phase.THEN, "0", 17)


def test_it_goes_by_the_clock_of_the_server(sampler: RemoteSampler, clock: Clock) -> None:
    sampler.apply(RAISED, NOW)
    clock.now += 60
    sampler.set_clock(END - timedelta(seconds=10))
    clock.now += 10
    assert sampler.report().phase is Phase.THEN
    sampler.set_clock(END - timedelta(seconds=1))  # it has no fractions of a second
    assert sampler.report().phase is Phase.THEN


def test_an_end_that_has_passed_puts_in_force_what_follows(sampler: RemoteSampler) -> None:
    sampler.apply(RAISED, END)
    assert sampler.report().phase is Phase.THEN


def test_a_repeated_document_does_not_refill_a_rate_limit(
    sampler: RemoteSampler, clock: Clock
) -> None:
    kept = 0
    for _ in range(5):
        sampler.apply(Document(RateLimiting(2)), NOW)
        kept += len(spans_of(sampler)) // 2
    assert kept == 2
    sampler.forked()
    assert len(spans_of(sampler)) == 2


def test_its_description_says_what_is_in_force(sampler: RemoteSampler) -> None:
    sampler.apply(Document(RateLimiting(5)), NOW)
    assert sampler.get_description() == "JaegerRemoteSampler{5/s}"
