"""A trace kept as it came over the wire, and found in again.

Parsed at once, a hundred thousand spans are four times as large as their 40 MB of OTLP, and as
Python objects ten times. So the messages stay bytes; what is noted is where in them each span
lies.
"""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any, Literal, TypeVar

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
    MOST_ALIKE,
    SAYING_FAILED,
    WARNINGS,
    all_carried,
    attributes,
    derived_tags,
    failed,
    read_process,
    read_scope,
    read_span,
    service_name,
    span_warnings,
)
from ops.timerange import DAY
from ops.traces.spans import Process, Span, Spans
from ops.traces.tags import TRACE_STATE
from proto.outline import outline_pb2

_RESOURCE, _SCOPES, _SPANS = 1, 2, 2  # fields of ResourceSpans and ScopeSpans
_SCOPE = 1  # field of ScopeSpans
_LONGEST = 366 * DAY  # what claims to have taken longer has an end that cannot be
_PIECE = 1_000_000  # bytes
_ID = 8  # bytes
_NO_EVENT, _NO_LINK = b"\x5a\x00", b"\x6a\x00"  # an empty one, as a span has it
_KIND_NAMES: Mapping[int, str] = {int(number): name for number, name in KINDS.items()}
_WARNED = WARNINGS.encode()
# How Jaeger begins to say that a span ended before its start, and that it wrote a nanosecond later.
_NO_END = "Negative duration detected"
T = TypeVar("T")


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

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """Give the messages in pieces of about a megabyte, which are TracesData as well.

        With each comes how many spans it has.
        """
        start = first = 0
        for index, group in enumerate(self.groups):
            last = index + 1 == len(self.groups) or self.groups[index + 1].message != group.message
            if last or group.end - start >= _PIECE:
                end = self._end(index)
                yield self.messages[group.message][start : group.end], end - first
                start, first = 0 if last else group.end, end

    def scopes(self) -> set[bytes]:
        """Return the serialized scopes that have spans."""
        ends = [*self._scope_firsts[1:], len(self)]
        scopes = zip(self._scopes, self._scope_firsts, ends, strict=True)
        return {scope for scope, first, end in scopes if first < end}

    def counts(self) -> Iterator[tuple[bytes, int]]:
        """Give the resource of each group, and how many spans it has."""
        for index, group in enumerate(self.groups):
            yield group.resource, self._end(index) - group.first

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
        kinds: set[int] = set()
        statuses: set[bytes] = set()
        for piece, _ in self._wire.pieces():
            found = outline_pb2.TaggedTraces.FromString(piece).resource_spans.scope_spans.spans
            keys.update(found.attributes)
            kinds.update(found.kinds)
            statuses.update(found.statuses)
            if any(found.trace_states):
                keys.add(TRACE_STATE)
        return keys.union(derived_tags(kinds, statuses, self._wire.scopes())) - {WARNINGS}

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
    columns = _Columns()
    for resource, count in wire.counts():
        columns.run_by(resource, count)
    for piece, count in wire.pieces():
        columns.take(piece, count)
    columns.look_into(wire)
    return columns.ordered(wire) if len(wire) else None


class _Columns:
    """What is noted of the spans, in the order in which they lie there.

    An access to a field of a message takes longer than all that is done with it, so all spans
    of a piece are read as one message, whose lists are the columns.
    """

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
        self.logged: list[int] = []
        self.warnings: dict[int, tuple[str, ...]] = {}
        self._numbers: dict[bytes, int] = {}
        self._services: list[str] = []
        self._names: dict[tuple[str, str], tuple[str, str]] = {}

    def run_by(self, resource: bytes, count: int) -> None:
        """Note what ran the next spans."""
        process = self._process(resource)
        self.ran_by.extend([process] * count)
        self._services += [self.processes[process].service] * count

    def take(self, piece: bytes, count: int) -> None:
        """Take in the spans of a message, which follow those before; `run_by` has been noted."""
        first, names = len(self.ids), self._names
        found = outline_pb2.MergedTraces.FromString(piece).resource_spans.scope_spans.spans
        whole = _is_whole(found, count)
        if not whole or found.events or found.links:
            spans = _each(piece)
            self.linked.update(_having("link", _NO_LINK, spans, first, piece))
            self.logged += _having("event", _NO_EVENT, spans, first, piece)
            found = found if whole else _as_columns(spans)
        self.starts.extend(found.starts)
        self.ends.extend(found.ends)
        self.ids += _ids(list(found.span_ids))
        parents = {number: _parent_id(number) for number in set(found.parent_span_ids)}
        self.parent_ids += map(parents.__getitem__, found.parent_span_ids)
        named = zip(self._services[first : first + count], found.names, strict=True)
        self.names += [names.setdefault(name, name) for name in named]
        kinds = {kind: _KIND_NAMES.get(kind, "") for kind in set(found.kinds)}
        self.kinds += map(kinds.__getitem__, found.kinds)
        self.events.extend(bytes(self.events.itemsize * count))
        if failures := set(filter(_is_failure, set(found.statuses))):
            statuses = enumerate(found.statuses, first)
            self.failing.update([number for number, status in statuses if status in failures])

    def _process(self, resource: bytes) -> int:
        number = self._numbers.get(resource)
        if number is None:
            number = self._numbers[resource] = len(self.processes)
            self.processes.append(read_process(Resource.FromString(resource)))
        return number

    def look_into(self, wire: WireTrace) -> None:
        """Note what an outline does not say, of those spans that have it."""
        for number in self.logged:
            self.events[number] = len(outline_pb2.Events.FromString(wire.raw(number)).events)
        for number in {n for key in SAYING_FAILED for n in wire.holding(key)} - self.failing:
            if failed(trace_pb2.Span.FromString(wire.raw(number))):
                self.failing.add(number)
        for number in set(wire.holding(_WARNED)):
            self._warn(number, span_warnings(trace_pb2.Span.FromString(wire.raw(number))))

    def _warn(self, number: int, warnings: Sequence[str]) -> None:
        """Note what Jaeger says of a span; one whose end it made up has none, as it came."""
        others = tuple(each for each in warnings if not each.startswith(_NO_END))
        if len(others) < len(warnings):
            self.ends[number] = 0
        if others:
            self.warnings[number] = others

    def ordered(self, wire: WireTrace) -> Spans:
        """Return them by start, then by id; of what was delivered twice, one."""
        copies = self._copies(wire)
        places = [place for place in range(len(self.ids)) if place not in copies]
        if len(set(self.starts)) < len(self.starts):
            places.sort(key=self.ids.__getitem__)
        places.sort(key=self.starts.tolist().__getitem__)
        starts, ends = array("Q", _picked(self.starts, places)), _picked(self.ends, places)
        endless = [
            number
            for number, (start, end) in enumerate(zip(starts, ends, strict=True))
            if end < start or (end - start > _LONGEST and start > 0)  # without a start it may
        ]
        ended = array("Q", ends)
        for number in endless:
            ended[number] = starts[number]
        events = array("I", _picked(self.events, places))
        logged = array("L", [number for number, count in enumerate(events) if count])
        return Spans(
            ids=_picked(self.ids, places),
            parent_ids=_picked(self.parent_ids, places),
            starts=starts,
            ends=ended,
            names=_picked(self.names, places),
            kinds=_picked(self.kinds, places),
            ran_by=array("I", _picked(self.ran_by, places)),
            processes=self.processes,
            events=events,
            failing=_where(self.failing, places),
            linked=_where(self.linked, places),
            endless=frozenset(endless),
            warnings={
                number: self.warnings[place]
                for number, place in enumerate(places if self.warnings else ())
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
        times = Counter(self.ids)
        if len(times) == len(self.ids):
            return set()
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


def _is_whole(found: outline_pb2.Columns, count: int) -> bool:
    """Tell whether each column has an entry of each span.

    Jaeger writes every field, other writers leave out what is 0 or empty; none writes one twice.
    """
    columns = (
        found.span_ids, found.parent_span_ids, found.names, found.kinds,
        found.starts, found.ends, found.statuses,
    )  # fmt: skip
    return all(len(column) == count for column in columns)


def _each(piece: bytes) -> list[outline_pb2.Span]:
    """Return the outline of each span, which takes several times as long as columns."""
    return [
        span
        for resource_spans in outline_pb2.TracesData.FromString(piece).resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


def _as_columns(spans: Sequence[outline_pb2.Span]) -> outline_pb2.Columns:
    return outline_pb2.Columns(
        span_ids=[span.span_id for span in spans],
        parent_span_ids=[span.parent_span_id for span in spans],
        names=[span.name for span in spans],
        kinds=[span.kind for span in spans],
        starts=[span.start_time_unix_nano for span in spans],
        ends=[span.end_time_unix_nano for span in spans],
        statuses=[span.status for span in spans],
    )


def _ids(numbers: Sequence[bytes]) -> list[str]:
    """Return ids as text, all at once if they have the usual length."""
    if set(map(len, numbers)) != {_ID}:
        return list(map(_id, numbers))
    text = b"".join(numbers).hex()
    return [text[start : start + 2 * _ID] for start in range(0, len(text), 2 * _ID)]


def _id(number: bytes) -> str:
    return number.hex() if len(number) == _ID else number.hex().zfill(2 * _ID)


def _parent_id(number: bytes) -> str:
    """Return a parent's id, "" where there is none."""
    return _id(number) if number.strip(b"\0") else ""


def _is_failure(status: bytes) -> bool:
    return trace_pb2.Status.FromString(status).code == ERROR


def _having(
    field: Literal["event", "link"],
    empty: bytes,
    spans: Sequence[outline_pb2.Span],
    first: int,
    piece: bytes,
) -> list[int]:
    """Return the spans that have such a part, by numbers from `first` on.

    To ask for its content is quicker than to ask whether it is there, which is only needed
    where one may be empty.
    """
    if empty in piece:
        return [number for number, span in enumerate(spans, first) if span.HasField(field)]
    contents = map(attrgetter(field), spans)
    return [number for number, content in enumerate(contents, first) if content]


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
        carried = all_carried(trace_pb2.Span.FromString(raw))
        if len(kept) < MOST_ALIKE and any(carried <= other for other in kept.values()):
            copies.add(place)
        else:
            kept[raw] = carried
    return copies


def _picked(column: Sequence[T], places: Sequence[int]) -> Sequence[T]:
    """Return the entries at these places, several times as quickly as one by one."""
    if len(places) < 2:
        return [column[place] for place in places]
    found: tuple[T, ...] = itemgetter(*places)(column)
    return found


def _where(flagged: AbstractSet[int], places: Sequence[int]) -> frozenset[int]:
    """Return which of the places are flagged, by their index."""
    if not flagged:
        return frozenset()
    return frozenset([number for number, place in enumerate(places) if place in flagged])
