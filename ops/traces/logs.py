"""What a trace's spans logged, as one list."""

from dataclasses import dataclass

from ops.traces.spans import Attributes
from ops.traces.tree import Trace


@dataclass(frozen=True, slots=True)
class LogLine:
    """One span event. `time` is Unix nanoseconds."""

    time: int
    service: str
    operation: str
    span_id: str
    name: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class TraceLogs:
    """Every span event of a trace, in time order.

    `start` (Unix nanoseconds), `service` and `operation` are the trace's, as in Trace.
    """

    site: str
    trace_id: str
    start: int
    service: str
    operation: str
    lines: tuple[LogLine, ...]
    jaeger_url: str


def build_logs(trace: Trace) -> TraceLogs:
    """Collect the events of a trace's spans."""
    spans = trace.rows.spans
    lines = [
        LogLine(
            event.time, span.service, span.operation, span.span_id, event.name, event.attributes
        )
        for number, count in enumerate(spans.events)
        if count
        for span in (spans.store[number],)
        for event in span.events
    ]
    lines.sort(key=lambda line: line.time)
    return TraceLogs(
        site=trace.site,
        trace_id=trace.trace_id,
        start=trace.start,
        service=trace.service,
        operation=trace.operation,
        lines=tuple(lines),
        jaeger_url=trace.jaeger_url,
    )
