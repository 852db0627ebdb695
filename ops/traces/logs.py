"""The logs of a trace's spans as one list, which can be filtered."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from ops.traces.trace import Trace
from ops.vocabulary.spans import FAILURES, Attributes, Event, Events, Pairs, Spans, Value
from ops.vocabulary.tags import shown


@dataclass(frozen=True, slots=True)
class LogFilter:
    """A filter for log lines; "" means any.

    `text` matches a line's name, keys and values, and `key=value` as a whole, in any case.
    `field` is an exact `key=value`, or only a key.
    """

    text: str = ""
    service: str = ""
    field: str = ""
    span_id: str = ""


ANY_LINE = LogFilter()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One span event. `time` is Unix nanoseconds, `repeated` as in Event."""

    time: int
    service: str
    operation: str
    span_id: str
    name: str
    attributes: Attributes
    repeated: Pairs = ()

    @property
    def failed(self) -> bool:
        """Whether it is an event with which libraries report an error."""
        return self.name in FAILURES


@dataclass(frozen=True, slots=True)
class Lines(Sequence[LogLine]):
    """Log lines as numbers of a trace's events; each line is parsed when it is accessed."""

    spans: Spans
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: slice) -> "Lines": ...
    def __getitem__(self, index: int | slice) -> "LogLine | Lines":
        if isinstance(index, slice):
            return Lines(self.spans, self.numbers[index])
        number = self.numbers[index]
        events = self.spans.store.events
        span, event = events.spans[number], events[number]
        return LogLine(
            event.time,
            *self.spans.names[span],
            self.spans.ids[span],
            event.name,
            event.attributes,
            event.repeated,
        )


@dataclass(frozen=True, slots=True)
class TraceLogs:
    """The span events of a trace that a filter selects, in time order.

    `start` (Unix nanoseconds), `service` and `operation` are the trace's, as in Trace. `total`
    counts the lines without the filter, `services` counts them by service.
    """

    site: str
    trace_id: str
    start: int
    service: str
    operation: str
    lines: Sequence[LogLine]
    jaeger_url: str
    filter: LogFilter
    total: int
    services: Mapping[str, int]


def build_logs(trace: Trace, filter: LogFilter = ANY_LINE) -> TraceLogs:
    """Collect the events of a trace's spans."""
    spans = trace.spans
    services = Counter[str]()
    for (service, _), count in zip(spans.names, spans.events, strict=True):
        if count:
            services[service] += count
    return TraceLogs(
        site=trace.site,
        trace_id=trace.trace_id,
        start=trace.start,
        service=trace.service,
        operation=trace.operation,
        lines=Lines(spans, _matching(spans, filter)),
        jaeger_url=trace.jaeger_url,
        filter=filter,
        total=services.total(),
        services=dict(services),
    )


def _matching(spans: Spans, filter: LogFilter) -> Sequence[int]:
    """Return the numbers of the matching events; conditions that need no parsing come first."""
    events = spans.store.events
    numbers: Sequence[int] = range(len(events.times))
    if filter.service or filter.span_id:
        wanted = {
            number
            for number, ((service, _), span_id) in enumerate(
                zip(spans.names, spans.ids, strict=True)
            )
            if filter.service in ("", service) and filter.span_id in ("", span_id)
        }
        numbers = [number for number in numbers if events.spans[number] in wanted]
    if filter.field:
        numbers = _passing(events, numbers, _has_field(filter.field))
    if filter.text:
        numbers = _passing(events, numbers, _has_text(filter.text))
    return numbers


def _passing(
    events: Events, numbers: Iterable[int], test: Callable[[Event], bool]
) -> Sequence[int]:
    return [number for number in numbers if test(events[number])]


def _has_field(field: str) -> Callable[[Event], bool]:
    key, equals, value = field.partition("=")
    if not equals:
        return lambda event: key in event.attributes
    return lambda event: key in event.attributes and _as_text(event.attributes[key]) == value


def _has_text(text: str) -> Callable[[Event], bool]:
    wanted = text.casefold()

    def test(event: Event) -> bool:
        said = [f"{key}={_as_text(value)}" for key, value in event.attributes.items()]
        said.append(event.name)
        return wanted in "\n".join(said).casefold()

    return test


def _as_text(value: Value) -> str:
    """Write a value for searching: as users see it, but with all bytes in hex."""
    return value.hex() if isinstance(value, bytes) else shown(value)
