"""A trace kept as it came over the wire, and found in again.

Parsed at once, a hundred thousand spans are four times as large as their 40 MB of OTLP, and as
Python objects ten times. So the messages stay bytes; what is noted is where in them each span
lies.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import gt
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ops.backends import otlp_json
from ops.backends.events import WireEvents
from ops.backends.fields import fields
from ops.backends.otlp import (
    ERROR,
    WARNINGS,
    attributes,
    derived_tags,
    failed,
    may_say_failed,
    read_span,
    service_name,
    span_warnings,
)
from ops.traces.spans import Span, Spans

_RESOURCE, _SCOPES, _SPANS = 1, 2, 2  # fields of ResourceSpans and ScopeSpans
_WARNED = WARNINGS.encode()


@dataclass(frozen=True, slots=True)
class Group:
    """The spans of one resource in one message: from where to where, and where the first is."""

    message: int
    start: int
    end: int
    resource: bytes
    first: int


class WireTrace:
    """The messages of a trace; spans are numbered in the order in which they lie there.

    Raises DecodeError when they are no TracesData.
    """

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.messages = messages
        self.groups: list[Group] = []
        self.starts = array("Q")
        self.ends = array("Q")
        try:
            for number, message in enumerate(messages):
                self._note(number, message)
        except (IndexError, ValueError) as error:
            raise DecodeError("a message is cut short") from error
        self._firsts = [group.first for group in self.groups]

    def _note(self, number: int, message: bytes) -> None:
        for _, start, end in fields(message, 0, len(message)):
            parts = list(fields(message, start, end))
            resource = next((message[s:e] for field, s, e in parts if field == _RESOURCE), b"")
            self.groups.append(Group(number, start, end, resource, len(self.starts)))
            for field, scope_start, scope_end in parts:
                if field == _SCOPES:
                    for inner, span_start, span_end in fields(message, scope_start, scope_end):
                        if inner == _SPANS:
                            self.starts.append(span_start)
                            self.ends.append(span_end)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.messages))

    def group(self, number: int) -> Group:
        """Return the group that a span is in."""
        return self.groups[bisect_right(self._firsts, number) - 1]

    def raw(self, number: int) -> bytes:
        """Return one span's bytes."""
        return self.messages[self.group(number).message][self.starts[number] : self.ends[number]]

    def each(self) -> Iterator[tuple[Group, bytes]]:
        """Give every span's group and bytes."""
        for index, group in enumerate(self.groups):
            message = self.messages[group.message]
            for number in range(group.first, self._end(index)):
                yield group, message[self.starts[number] : self.ends[number]]

    def holding(self, needle: bytes, *, any_case: bool = False) -> Iterator[int]:
        """Give the spans that have these bytes in them or in their resource, some perhaps twice.

        With `any_case` the needle is in small letters, and ASCII's capitals are read as such.
        """
        haystacks: dict[int, bytes] = {}
        for index, group in enumerate(self.groups):
            if group.message not in haystacks:
                message = self.messages[group.message]
                haystacks = {group.message: message.lower() if any_case else message}
            haystack = haystacks[group.message]
            last = self._end(index)
            place = haystack.find(needle, group.start, group.end)
            while place >= 0:
                number = bisect_right(self.starts, place, group.first, last) - 1
                if number >= group.first and place < self.ends[number]:
                    yield number
                    place = self.ends[number]
                else:
                    yield from range(group.first, last)
                    place += 1
                place = haystack.find(needle, place, group.end)

    def _end(self, index: int) -> int:
        return self._firsts[index + 1] if index + 1 < len(self._firsts) else len(self.starts)


class _Store:
    """The whole spans of a WireTrace, in the order of `numbers`; `logged` are those with events."""

    def __init__(self, wire: WireTrace, numbers: Sequence[int], logged: Sequence[int]) -> None:
        self._wire = wire
        self._numbers = numbers
        self._logged = logged

    @property
    def size(self) -> int:
        return self._wire.size

    def __getitem__(self, number: int) -> Span:
        place = self._numbers[number]
        resource = Resource.FromString(self._wire.group(place).resource)
        span = trace_pb2.Span.FromString(self._wire.raw(place))
        return read_span(span, service_name(resource), attributes(resource.attributes))

    @cached_property
    def events(self) -> WireEvents:
        wire = self._wire
        places = (
            (number, wire.group(place).message, wire.starts[place], wire.ends[place])
            for number in self._logged
            for place in (self._numbers[number],)
        )
        return WireEvents(wire.messages, places)

    def otlp_json(self) -> Iterator[bytes]:
        return otlp_json.written(self._wire.messages)

    def tag_keys(self) -> set[str]:
        keys: set[str] = set()
        for group in self._wire.groups:
            content = self._wire.messages[group.message][group.start : group.end]
            for scope_spans in trace_pb2.ResourceSpans.FromString(content).scope_spans:
                for span in scope_spans.spans:
                    keys.update(item.key for item in span.attributes)
                    keys.update(derived_tags(span, scope_spans.scope))
        return keys - {WARNINGS}

    def find(self, text: str) -> Sequence[int]:
        """As `key=value` first; only when nothing has that, as a text in any case."""
        places = {place for needle in _encoded(text) for place in self._wire.holding(needle)}
        if not places:
            places = set(self._wire.holding(text.lower().encode(), any_case=True))
        return [number for number, place in enumerate(self._numbers) if place in places]


def _encoded(text: str) -> Iterator[bytes]:
    """Give `key=value` in each form that an attribute of that key and value can have.

    Jaeger writes fields from the last to the first, most others the other way round.
    """
    key, equals, value = text.partition("=")
    if not (key and equals):
        return
    named = KeyValue(key=key).SerializeToString()
    for kind, read in _KINDS.items():
        try:
            valued = KeyValue(value=AnyValue(**{kind: read(value)})).SerializeToString()
        except (KeyError, ValueError):
            continue
        yield named + valued
        yield valued + named


_KINDS: dict[str, Callable[[str], Any]] = {
    "string_value": str,
    "bool_value": {"true": True, "false": False}.__getitem__,
    "int_value": int,
    "double_value": float,
}


def read_trace(messages: Sequence[bytes]) -> Spans | None:
    """Read serialized TracesData messages of one trace, None without a span; raises DecodeError.

    Columns are filled one by one, and then put into order: a hundred thousand rows would keep
    the interpreter's lock for as long as it takes to sort and to collect them.
    """
    wire = WireTrace(messages)
    services: dict[bytes, str] = {}
    names: dict[tuple[str, str], tuple[str, str]] = {}
    columns = _Columns()
    for place, (group, raw) in enumerate(wire.each()):
        service = services.get(group.resource)
        if service is None:
            service = service_name(Resource.FromString(group.resource))
            services[group.resource] = service
        span = trace_pb2.Span.FromString(raw)
        name = (service, span.name)
        columns.starts.append(span.start_time_unix_nano)
        columns.ends.append(span.end_time_unix_nano)
        columns.ids.append(span.span_id.hex().zfill(16))
        columns.parent_ids.append(span.parent_span_id.hex())
        columns.names.append(names.setdefault(name, name))
        columns.events.append(len(span.events))
        if span.status.code == ERROR or (may_say_failed(raw) and failed(span)):
            columns.failing.add(place)
        if span.links:
            columns.linked.add(place)
        if _WARNED in raw:
            columns.warnings[place] = span_warnings(span)
    return columns.ordered(wire) if len(wire) else None


class _Columns:
    """What is noted of the spans, in the order in which they lie there."""

    def __init__(self) -> None:
        self.starts, self.ends, self.events = array("Q"), array("Q"), array("I")
        self.ids: list[str] = []
        self.parent_ids: list[str] = []
        self.names: list[tuple[str, str]] = []
        self.failing: set[int] = set()
        self.linked: set[int] = set()
        self.warnings: dict[int, tuple[str, ...]] = {}

    def ordered(self, wire: WireTrace) -> Spans:
        """Return them by start, then by id."""
        places = sorted(range(len(self.starts)), key=self.ids.__getitem__)
        places.sort(key=self.starts.__getitem__)
        starts = array("Q", (self.starts[place] for place in places))
        ends = array("Q", (self.ends[place] for place in places))
        events = array("I", (self.events[place] for place in places))
        logged = array("L", (number for number, count in enumerate(events) if count))
        return Spans(
            ids=[self.ids[place] for place in places],
            parent_ids=[self.parent_ids[place] for place in places],
            starts=starts,
            ends=array("Q", map(max, starts, ends)),
            names=[self.names[place] for place in places],
            events=events,
            failing=_where(place in self.failing for place in places),
            linked=_where(place in self.linked for place in places),
            endless=_where(map(gt, starts, ends)),
            warnings={
                number: self.warnings[place]
                for number, place in enumerate(places)
                if place in self.warnings
            },
            store=_Store(wire, array("L", places), logged),
        )


def _where(flags: Iterable[bool]) -> frozenset[int]:
    return frozenset(number for number, flag in enumerate(flags) if flag)
