"""A trace kept as it came over the wire, and found in again.

Parsed at once, a hundred thousand spans are four times as large as their 40 MB of OTLP, and as
Python objects ten times. So the messages stay bytes; what is noted is where in them each span
lies.
"""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ops.backends import otlp_json
from ops.backends.events import WireEvents
from ops.backends.fields import fields
from ops.backends.otlp import (
    ERROR,
    KINDS,
    WARNINGS,
    attributes,
    derived_tags,
    failed,
    may_say_failed,
    read_process,
    read_scope,
    read_span,
    service_name,
    span_warnings,
)
from ops.timerange import DAY
from ops.traces.spans import Process, Span, Spans

_RESOURCE, _SCOPES, _SPANS = 1, 2, 2  # fields of ResourceSpans and ScopeSpans
_SCOPE = 1  # field of ScopeSpans
_MOST_ALIKE = 100  # versions of one span that are compared with each other
_LONGEST = 366 * DAY  # what claims to have taken longer has an end that cannot be
_DIGITS = 16  # of a span's id
_NO_PARENT = "0" * _DIGITS
_WARNED = WARNINGS.encode()
# How Jaeger begins to say that a span ended before its start, and that it wrote a nanosecond later.
_NO_END = "Negative duration detected"


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
        self._scopes: list[bytes] = []
        self._scope_firsts = array("L")
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
                    self._scope_firsts.append(len(self.starts))
                    self._scopes.append(b"")
                    for inner, span_start, span_end in fields(message, scope_start, scope_end):
                        if inner == _SPANS:
                            self.starts.append(span_start)
                            self.ends.append(span_end)
                        elif inner == _SCOPE:
                            self._scopes[-1] = message[span_start:span_end]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.messages))

    def group(self, number: int) -> Group:
        """Return the group that a span is in."""
        return self.groups[bisect_right(self._firsts, number) - 1]

    def scope(self, number: int) -> bytes:
        """Return the serialized scope of a span, b"" where it has none."""
        return self._scopes[bisect_right(self._scope_firsts, number) - 1]

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
        scope = read_scope(InstrumentationScope.FromString(self._wire.scope(place)))
        return read_span(span, service_name(resource), attributes(resource.attributes), scope)

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
    numbers: dict[bytes, int] = {}
    services: list[str] = []
    names: dict[tuple[str, str], tuple[str, str]] = {}
    columns = _Columns()
    for place, (group, raw) in enumerate(wire.each()):
        process = numbers.get(group.resource)
        if process is None:
            process = numbers[group.resource] = len(columns.processes)
            columns.processes.append(read_process(Resource.FromString(group.resource)))
            services.append(columns.processes[-1].service)
        span = trace_pb2.Span.FromString(raw)
        name = (services[process], span.name)
        columns.starts.append(span.start_time_unix_nano)
        columns.ends.append(span.end_time_unix_nano)
        columns.ids.append(span.span_id.hex().zfill(16))
        parent = span.parent_span_id.hex()
        usual = len(parent) == _DIGITS and parent != _NO_PARENT
        columns.parent_ids.append(parent if usual else _parent_id(parent))
        columns.names.append(names.setdefault(name, name))
        columns.kinds.append(KINDS.get(span.kind, ""))
        columns.ran_by.append(process)
        columns.events.append(len(span.events))
        if span.status.code == ERROR or (may_say_failed(raw) and failed(span)):
            columns.failing.add(place)
        if span.links:
            columns.linked.add(place)
        if _WARNED in raw:
            columns.warn(place, span_warnings(span))
    return columns.ordered(wire) if len(wire) else None


def _parent_id(parent: str) -> str:
    """Return a parent's id as others are, "" for none."""
    return parent.zfill(_DIGITS) if parent.strip("0") else ""


class _Columns:
    """What is noted of the spans, in the order in which they lie there."""

    def __init__(self) -> None:
        self.starts, self.ends, self.events = array("Q"), array("Q"), array("I")
        self.ids: list[str] = []
        self.parent_ids: list[str] = []
        self.names: list[tuple[str, str]] = []
        self.kinds: list[str] = []
        self.ran_by = array("I")
        self.processes: list[Process] = []
        self.failing: set[int] = set()
        self.linked: set[int] = set()
        self.warnings: dict[int, tuple[str, ...]] = {}

    def warn(self, place: int, warnings: Sequence[str]) -> None:
        """Note what Jaeger says of a span; one whose end it made up has none, as before."""
        others = tuple(each for each in warnings if not each.startswith(_NO_END))
        if len(others) < len(warnings):
            self.ends[place] = 0
        if others:
            self.warnings[place] = others

    def ordered(self, wire: WireTrace) -> Spans:
        """Return them by start, then by id; of what was delivered twice, one."""
        copies = self._copies(wire)
        places = sorted(range(len(self.starts)), key=self.ids.__getitem__)
        if copies:
            places = [place for place in places if place not in copies]
        places.sort(key=self.starts.__getitem__)
        starts = array("Q", (self.starts[place] for place in places))
        ends = array("Q", (self.ends[place] for place in places))
        endless = frozenset(
            number
            for number, (start, end) in enumerate(zip(starts, ends, strict=True))
            if end < start or (end - start > _LONGEST and start)
        )
        for number in endless:
            ends[number] = starts[number]
        events = array("I", (self.events[place] for place in places))
        logged = array("L", (number for number, count in enumerate(events) if count))
        return Spans(
            ids=[self.ids[place] for place in places],
            parent_ids=[self.parent_ids[place] for place in places],
            starts=starts,
            ends=ends,
            names=[self.names[place] for place in places],
            kinds=[self.kinds[place] for place in places],
            ran_by=array("I", (self.ran_by[place] for place in places)),
            processes=self.processes,
            events=events,
            failing=_where(place in self.failing for place in places),
            linked=_where(place in self.linked for place in places),
            endless=endless,
            warnings={
                number: self.warnings[place]
                for number, place in enumerate(places)
                if place in self.warnings
            },
            store=_Store(wire, array("L", places), logged),
            copies=len(copies),
        )

    def _copies(self, wire: WireTrace) -> set[int]:
        """Return what was delivered again, because a sender that hears nothing sends again.

        That is a span like another in all columns, which carries nothing that the other does
        not: it may be less, as each way that spans take adds to them.
        """
        if len(set(self.ids)) == len(self.ids):
            return set()
        times = Counter(self.ids)
        columns = self.ids, self.parent_ids, self.names, self.kinds, self.starts, self.ends
        alike: dict[tuple[object, ...], list[int]] = {}
        for place, key in enumerate(zip(*columns, strict=True)):
            if times[key[0]] > 1:
                alike.setdefault(key, []).append(place)
        copies: set[int] = set()
        for places in alike.values():
            if len(places) > 1:
                copies |= _again(wire, places)
        return copies


def _again(wire: WireTrace, places: Sequence[int]) -> set[int]:
    """Return those of some places that carry no more than another of them, the fullest first."""
    fullest = sorted(places, key=lambda place: wire.ends[place] - wire.starts[place], reverse=True)
    kept: dict[bytes, frozenset[bytes]] = {}
    copies = set()
    for place in fullest:
        raw = wire.raw(place)
        if raw in kept:
            copies.add(place)
            continue
        carried = _carried(raw)
        if len(kept) < _MOST_ALIKE and any(carried <= other for other in kept.values()):
            copies.add(place)
        else:
            kept[raw] = carried
    return copies


def _carried(raw: bytes) -> frozenset[bytes]:
    """Return all that a span carries beside its columns, in no order."""
    span = trace_pb2.Span.FromString(raw)
    found = [
        part.SerializeToString(deterministic=True)
        for part in (*span.attributes, *span.events, *span.links)
    ]
    found.append(b"status " + span.status.SerializeToString())  # one that failed is another
    if span.trace_state:
        found.append(span.trace_state.encode())
    return frozenset(found)


def _where(flags: Iterable[bool]) -> frozenset[int]:
    return frozenset(number for number, flag in enumerate(flags) if flag)
