"""The events of spans that stay serialized: where each one is, parsed only when needed."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

from opentelemetry.proto.trace.v1 import trace_pb2

from ops.backends.otlp.convert import read_event
from ops.backends.otlp.wire_format import fields
from ops.vocabulary.spans import Event

_EVENTS = 11  # field of Span
Place = tuple[int, int, int, int]  # a span's number, its message, start and end in the message


class StoredEvents:
    """The events of all spans, in time order; see ops.vocabulary.spans.Events."""

    def __init__(self, messages: Sequence[bytes], places: Iterable[Place]) -> None:
        self._messages = messages
        self.times = array("Q")
        self.spans = array("L")
        self._of_message = array("L")
        self._starts = array("Q")
        self._ends = array("Q")
        # Kept as arrays of numbers, because a trace may have a million events.
        for time, span, message, start, end in sorted(_found(messages, places)):
            self.times.append(time)
            self.spans.append(span)
            self._of_message.append(message)
            self._starts.append(start)
            self._ends.append(end)

    def __getitem__(self, number: int) -> Event:
        message = self._messages[self._of_message[number]]
        raw = message[self._starts[number] : self._ends[number]]
        return read_event(trace_pb2.Span.Event.FromString(raw))


def _found(
    messages: Sequence[bytes], places: Iterable[Place]
) -> Iterator[tuple[int, int, int, int, int]]:
    read = trace_pb2.Span.Event.FromString
    for number, message, span_start, span_end in places:
        content = messages[message]
        for field, start, end in fields(content, span_start, span_end):
            if field == _EVENTS:
                yield read(content[start:end]).time_unix_nano, number, message, start, end
