"""What a trace's spans logged, as one list."""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.traces.spans import Attributes, Span
from ops.traces.tree import root_of


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


def build_logs(site: str, trace_id: str, spans: Sequence[Span], jaeger_url: str = "") -> TraceLogs:
    """Collect the events of a trace's spans; there must be at least one span."""
    ordered = sorted(spans, key=lambda span: (span.start, span.span_id))
    root = root_of(ordered)
    lines = [
        LogLine(
            event.time, span.service, span.operation, span.span_id, event.name, event.attributes
        )
        for span in ordered
        for event in span.events
    ]
    lines.sort(key=lambda line: line.time)
    return TraceLogs(
        site=site,
        trace_id=trace_id,
        start=ordered[0].start,
        service=root.service if root else "",
        operation=root.operation if root else "",
        lines=tuple(lines),
        jaeger_url=jaeger_url,
    )
