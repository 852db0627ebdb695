"""Spans for tests, with everything but the ids left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ops.traces.trace import Trace, align, build_trace
from ops.vocabulary.columns import Coded
from ops.vocabulary.spans import KINDS, Event, Process, Span, Spans

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


@dataclass(frozen=True)
class Listed:
    """A store of spans that are there as they are."""

    spans: Sequence[Span]
    size: int = 0

    @property
    def events(self) -> "ListedEvents":
        return ListedEvents(
            sorted(
                (
                    (event, number)
                    for number, each in enumerate(self.spans)
                    for event in each.events
                ),
                key=lambda item: item[0].time,
            )
        )

    def otlp_json(self) -> Iterator[bytes]:
        raise NotImplementedError

    def __getitem__(self, number: int) -> Span:
        return self.spans[number]

    def tag_keys(self) -> set[str]:
        return {key for span in self.spans for key in span.attributes}

    def find(self, text: str) -> list[int]:
        return [number for number, span in enumerate(self.spans) if text in span.operation]


@dataclass(frozen=True)
class ListedEvents:
    """Events that are there as they are, each with its span's number."""

    events: Sequence[tuple[Event, int]]

    @property
    def times(self) -> list[int]:
        return [event.time for event, _ in self.events]

    @property
    def spans(self) -> list[int]:
        return [number for _, number in self.events]

    def __getitem__(self, number: int) -> Event:
        return self.events[number][0]


def process_of(span: Span) -> Process:
    """What ran a span; its host, where it names one, has a clock."""
    version, instance, host = (
        str(span.process.get(key, "")) for key in ("version", "instance", "host")
    )
    return Process(span.service, version, instance, host, clock=host or instance)


def spans_of(*given: Span) -> Spans:
    """The spans as a trace has them."""
    found = sorted(given, key=lambda each: (each.start, each.span_id))
    processes = list(dict.fromkeys(map(process_of, found)))
    ids = sorted({"", *(id_ for each in found for id_ in (each.span_id, each.parent_id))})
    return Spans(
        ids=Coded.of((each.span_id for each in found), known=ids),
        parent_ids=Coded.of((each.parent_id for each in found), known=ids),
        starts=[each.start for each in found],
        ends=[each.end for each in found],
        names=Coded.of((each.service, each.operation) for each in found),
        kinds=Coded.of((each.kind for each in found), known=KINDS),
        ran_by=[processes.index(process) for process in map(process_of, found)],
        processes=processes,
        events=[len(each.events) for each in found],
        failing={number for number, each in enumerate(found) if each.error},
        linked={number for number, each in enumerate(found) if each.links},
        endless=frozenset(),
        warnings={number: each.warnings for number, each in enumerate(found) if each.warnings},
        store=Listed(found),
    )


def tree(*spans: Span, moved: bool = False, jaeger_url: str = "http://jaeger/trace/1") -> Trace:
    """The trace of these spans, with its clocks aligned if they are `moved`."""
    trace = build_trace("production", "1".zfill(32), spans_of(*spans), jaeger_url)
    return align(trace) if moved else trace


def times(trace: Trace) -> dict[str, tuple[int, int]]:
    """When each operation began after START, and how long it took."""
    spans = trace.spans
    return {
        operation: (start - START, end - start)
        for (_, operation), start, end in zip(spans.names, spans.starts, spans.ends, strict=True)
    }
