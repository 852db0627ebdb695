"""The full spans of a trace, parsed from the messages one by one when somebody looks at them."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ops.backends.otlp import json_export
from ops.backends.otlp.convert import attributes, read_scope, read_span, service_name
from ops.backends.otlp.stored_events import StoredEvents
from ops.backends.otlp.trace_index import TraceIndex
from ops.once import Once
from ops.vocabulary.spans import Span


class StoredSpans:
    """The full spans of a trace; see ops.vocabulary.spans.SpanStore.

    `numbers` says which span of the index each of them is, `logged` which of them have events.
    """

    def __init__(
        self,
        index: TraceIndex,
        numbers: Sequence[int],
        logged: Sequence[int],
        tag_keys: AbstractSet[str],
    ) -> None:
        self._index = index
        self._numbers = numbers
        self._logged = logged
        self._tag_keys = tag_keys
        self._events: Once[StoredEvents] = Once()

    @property
    def size(self) -> int:
        return self._index.size

    def __getitem__(self, number: int) -> Span:
        place = self._numbers[number]
        resource = Resource.FromString(self._index.group(place).resource)
        span = trace_pb2.Span.FromString(self._index.raw(place))
        scope = read_scope(InstrumentationScope.FromString(self._index.scope(place)))
        return read_span(span, service_name(resource), attributes(resource.attributes), scope)

    @property
    def events(self) -> StoredEvents:
        """Slow on first access, which belongs on a thread."""
        return self._events.get(self._all_events)

    def _all_events(self) -> StoredEvents:
        index = self._index
        places = (
            (number, index.group(place).message, index.starts[place], index.ends[place])
            for number in self._logged
            for place in (self._numbers[number],)
        )
        return StoredEvents(index.messages, places)

    def otlp_json(self) -> Iterator[bytes]:
        return json_export.write(self._index.messages)

    def tag_keys(self) -> AbstractSet[str]:
        return self._tag_keys

    def find(self, text: str) -> Sequence[int]:
        """Look for `key=value`; if no span has it, for the text in any case.

        The bytes are searched as they are: parsing every span would take seconds.
        """
        places = {place for needle in _encodings(text) for place in self._index.containing(needle)}
        if not places:
            places = set(self._index.containing(text.lower().encode(), any_case=True))
        return [number for number, place in enumerate(self._numbers) if place in places]


def _encodings(text: str) -> Iterator[bytes]:
    """Yield each form in which `key=value` can be encoded as an attribute.

    Jaeger writes fields from the last to the first, most others the other way round.
    """
    key, equals, value = text.partition("=")
    if not (key and equals):
        return
    named = KeyValue(key=key).SerializeToString()
    for kind, read in _VALUES.items():
        try:
            valued = KeyValue(value=AnyValue(**{kind: read(value)})).SerializeToString()
        except (KeyError, ValueError):
            continue
        yield named + valued
        yield valued + named


_VALUES: dict[str, Callable[[str], Any]] = {
    "string_value": str,
    "bool_value": {"true": True, "false": False}.__getitem__,
    "int_value": int,
    "double_value": float,
}
