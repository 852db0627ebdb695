"""Spans for tests, with everything but the ids left out."""

from typing import Any

from ops.traces.spans import Event, Span

START = 1_795_521_600_000_000_000  # 2026-11-24T12:00:00Z


def span(span_id: str, parent_id: str = "", **fields: Any) -> Span:
    """A span of the service "petstore" named after its id; `start` is counted from START."""
    values: dict[str, Any] = {
        "trace_id": "1".zfill(32),
        "service": "petstore",
        "operation": span_id,
        "kind": "internal",
        "duration": 0,
        "error": False,
        "message": "",
        "attributes": {},
        "events": (),
        "links": (),
        "warnings": (),
        "process": {},
    }
    values.update(fields, start=START + fields.get("start", 0))
    return Span(span_id=span_id, parent_id=parent_id, **values)


def exception(**attributes: str) -> Event:
    """The event that OpenTelemetry records for an exception."""
    return Event(START, "exception", {f"exception.{key}": text for key, text in attributes.items()})
