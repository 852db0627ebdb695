"""A trace as it came over the wire, with an index of its spans.

Parsed, a hundred thousand spans are four times as large as their 40 MB of OTLP, and as Python
objects ten times. So the messages stay bytes, and only the place of each span is noted.
"""

import itertools
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

import numpy as np
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ops.backends import otlp_json
from ops.backends.events import WireEvents
from ops.backends.fields import fields
from ops.backends.otlp import (
    ERROR,
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
from ops.once import Once
from ops.vocabulary.columns import Coded, Numbers, packed
from ops.vocabulary.spans import KINDS, Process, Span, Spans
from ops.vocabulary.tags import TRACE_STATE
from ops.vocabulary.timerange import DAY
from proto.outline import outline_pb2

_RESOURCE, _SCOPES, _SPANS = 1, 2, 2  # fields of ResourceSpans and ScopeSpans
_SCOPE = 1  # field of ScopeSpans
_SPAN_TAG = _SPANS << 3 | 2
_TRACE_STATES, _KEYS = (1, 2, 2, 3), (1, 2, 2, 9, 1)  # paths of fields, from TracesData inwards
_LONGEST = 366 * DAY  # a span that claims to have taken longer has an impossible end
_PIECE = 500_000  # bytes
_ID = 8  # bytes
_NO_EVENT, _NO_LINK = b"\x5a\x00", b"\x6a\x00"  # an empty one, as encoded in a span
_WARNED = WARNINGS.encode()
# The start of Jaeger's warning that a span ended before its start, so Jaeger made up an end.
_NO_END = "Negative duration detected"


@dataclass(frozen=True, slots=True)
class Group:
    """The spans of one resource in one message: its byte range, and its first span's number."""

    message: int
    start: int
    end: int
    resource: bytes
    first: int


class WireTrace:
    """The messages of a trace; spans are numbered in the order in which they occur.

    Raises DecodeError if they are not TracesData.
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
                    self._note_scope(message, scope_start, scope_end)

    def _note_scope(self, message: bytes, position: int, end: int) -> None:
        """Note the spans of a scope; most take 128 to 16,383 bytes, which has a fast path."""
        start_at, end_at = self.starts.append, self.ends.append
        while position < end:
            if (
                message[position] == _SPAN_TAG
                and (low := message[position + 1]) >= 0x80
                and (high := message[position + 2]) < 0x80
            ):
                start_at(position + 3)
                position += 3 + (high << 7) + low - 0x80
                end_at(position)
                continue
            field, start, stop = next(fields(message, position, end), (0, end, end))
            if field == _SPANS:
                start_at(start)
                end_at(stop)
            elif field == _SCOPE:
                self._scopes[-1] = message[start:stop]
            position = stop
        if position > end:
            raise ValueError("a span is longer than the message around it")

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(map(len, self.messages))

    def group(self, number: int) -> Group:
        """Return the group that a span is in."""
        return self.groups[bisect_right(self._firsts, number) - 1]

    def scope(self, number: int) -> bytes:
        """Return the serialized scope of a span, b"" if it has none."""
        return self._scopes[bisect_right(self._scope_firsts, number) - 1]

    def raw(self, number: int) -> bytes:
        """Return one span's bytes."""
        return self.messages[self.group(number).message][self.starts[number] : self.ends[number]]

    def each(self) -> Iterator[tuple[Group, bytes]]:
        """Yield every span's group and bytes."""
        for index, group in enumerate(self.groups):
            message = self.messages[group.message]
            for number in range(group.first, self._end(index)):
                yield group, message[self.starts[number] : self.ends[number]]

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """Yield the messages in pieces of about half a megabyte, which are TracesData as well.

        With each piece, yield how many spans it has.
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
        """Yield the resource of each group, and how many spans it has."""
        for index, group in enumerate(self.groups):
            yield group.resource, self._end(index) - group.first

    def holding(self, needle: bytes, *, any_case: bool = False) -> Iterator[int]:
        """Yield the spans that have these bytes in them or in their resource, some perhaps twice.

        With `any_case`, the needle must be lower-case, and ASCII capitals match it too.
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
    """The full spans of a WireTrace, in the order of `numbers`; `logged` are those with events."""

    def __init__(
        self,
        wire: WireTrace,
        numbers: Sequence[int],
        logged: Sequence[int],
        tag_keys: AbstractSet[str],
    ) -> None:
        self._wire = wire
        self._numbers = numbers
        self._logged = logged
        self._tag_keys = tag_keys
        self._events: Once[WireEvents] = Once()

    @property
    def size(self) -> int:
        return self._wire.size

    def __getitem__(self, number: int) -> Span:
        place = self._numbers[number]
        resource = Resource.FromString(self._wire.group(place).resource)
        span = trace_pb2.Span.FromString(self._wire.raw(place))
        scope = read_scope(InstrumentationScope.FromString(self._wire.scope(place)))
        return read_span(span, service_name(resource), attributes(resource.attributes), scope)

    @property
    def events(self) -> WireEvents:
        """Slow on first access, which belongs on a thread."""
        return self._events.get(self._all_events)

    def _all_events(self) -> WireEvents:
        wire = self._wire
        places = (
            (number, wire.group(place).message, wire.starts[place], wire.ends[place])
            for number in self._logged
            for place in (self._numbers[number],)
        )
        return WireEvents(wire.messages, places)

    def otlp_json(self) -> Iterator[bytes]:
        return otlp_json.written(self._wire.messages)

    def tag_keys(self) -> AbstractSet[str]:
        return self._tag_keys

    def find(self, text: str) -> Sequence[int]:
        """Look for `key=value`; if no span has it, for the text in any case."""
        places = {place for needle in _encoded(text) for place in self._wire.holding(needle)}
        if not places:
            places = set(self._wire.holding(text.lower().encode(), any_case=True))
        return [number for number, place in enumerate(self._numbers) if place in places]


def _encoded(text: str) -> Iterator[bytes]:
    """Yield each form in which `key=value` can be encoded as an attribute.

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
    """Read one trace from serialized TracesData, None if it has no span; raises DecodeError."""
    wire = WireTrace(messages)
    columns = _Columns()
    for resource, count in wire.counts():
        columns.run_by(resource, count)
    for piece, count in wire.pieces():
        columns.take(piece, count)
    columns.look_into(wire)
    return columns.ordered(wire) if len(wire) else None


class _Columns:
    """What is noted about the spans, in the order in which they occur.

    Reading a field of a message takes longer than everything done with it, so all spans of a
    piece are parsed as one message, whose lists are the columns.
    """

    def __init__(self) -> None:
        self._count = 0
        self._starts: list[Numbers] = []  # of each piece
        self._ends: list[Numbers] = []
        self._kinds: list[Numbers] = []
        self._ids: list[Numbers | list[bytes]] = []
        self._parent_ids: list[Numbers | list[bytes]] = []
        self._operations = defaultdict[str, int](itertools.count().__next__)
        self._operation_numbers = array("I")
        self._ran_by = array("I")
        self._process_numbers: dict[bytes, int] = {}
        self._failing: set[int] = set()
        self._linked: set[int] = set()
        self._logged: dict[int, int] = {}
        self._ended_by_jaeger: list[int] = []
        self._warnings: dict[int, tuple[str, ...]] = {}
        self._keys: set[str] = set()
        self._derived_keys: set[str] = set()

    def run_by(self, resource: bytes, count: int) -> None:
        """Note the resource of the next spans."""
        number = self._process_numbers.setdefault(resource, len(self._process_numbers))
        self._ran_by.extend([number] * count)

    def take(self, piece: bytes, count: int) -> None:
        """Add the spans of the next piece; `run_by` must have been called for them."""
        first, self._count = self._count, self._count + count
        try:
            found = outline_pb2.MergedTraces.FromString(piece).resource_spans.scope_spans.spans
        except DecodeError:  # a tag's key is not UTF-8; if it is an operation, `_each` fails too
            found = outline_pb2.Columns(trace_states=_inside(piece, _TRACE_STATES))
            self._keys.update(key.decode(errors="replace") for key in _inside(piece, _KEYS))
        self._keys.update(found.attributes)
        if any(found.trace_states):
            self._derived_keys.add(TRACE_STATE)
        whole = _is_whole(found, count)
        if not whole or found.events or found.links:
            spans = _each(piece)
            self._linked.update(_having("link", _NO_LINK, spans, first, piece))
            self._logged.update(dict.fromkeys(_having("event", _NO_EVENT, spans, first, piece), 0))
            found = found if whole else _as_columns(spans)
        kinds = np.array(found.kinds, np.int32)
        self._starts.append(np.array(found.starts, np.uint64))
        self._ends.append(np.array(found.ends, np.uint64))
        self._kinds.append(np.where((kinds >= 0) & (kinds < len(KINDS)), kinds, 0))
        self._ids.append(_usual(list(found.span_ids)))
        self._parent_ids.append(_usual(list(found.parent_span_ids)))
        self._operation_numbers.extend(map(self._operations.__getitem__, found.names))
        statuses = set(found.statuses)
        self._derived_keys.update(derived_tags(np.unique(kinds).tolist(), statuses, ()))
        if failures := set(filter(_is_failure, statuses)):
            all_statuses = enumerate(found.statuses, first)
            self._failing.update([number for number, each in all_statuses if each in failures])

    def look_into(self, wire: WireTrace) -> None:
        """Note what an outline does not show, for the spans that have it."""
        for number in self._logged:
            self._logged[number] = len(outline_pb2.Events.FromString(wire.raw(number)).events)
        saying = [raw for key, raw in SAYING_FAILED.items() if key in self._keys]
        for number in {n for raw in saying for n in wire.holding(raw)} - self._failing:
            if failed(trace_pb2.Span.FromString(wire.raw(number))):
                self._failing.add(number)
        for number in set(wire.holding(_WARNED)) if WARNINGS in self._keys else ():
            self._warn(number, span_warnings(trace_pb2.Span.FromString(wire.raw(number))))

    def _warn(self, number: int, warnings: Sequence[str]) -> None:
        """Note Jaeger's warnings about a span, and whether it made up the span's end."""
        others = tuple(each for each in warnings if not each.startswith(_NO_END))
        if len(others) < len(warnings):
            self._ended_by_jaeger.append(number)
        if others:
            self._warnings[number] = others

    def _names(self, processes: Sequence[Process]) -> Coded[tuple[str, str]]:
        operations, many = list(self._operations), len(self._operations)
        services = Coded.of(process.service for process in processes)
        numbers = np.asarray(services.numbers)[self._ran_by].astype(np.uint64) * many
        numbers += np.asarray(self._operation_numbers)
        distinct, places = np.unique(numbers, return_inverse=True)
        names = [(services.value(n // many), operations[n % many]) for n in distinct.tolist()]
        return Coded(packed("I", places), names.__getitem__)

    def ordered(self, wire: WireTrace) -> Spans:
        """Return the spans by start, then by ID, without duplicates."""
        processes = [read_process(Resource.FromString(each)) for each in self._process_numbers]
        starts, ends = np.concatenate(self._starts), np.concatenate(self._ends)
        ends[self._ended_by_jaeger] = 0
        kinds, names = np.concatenate(self._kinds), self._names(processes)
        ids, parent_ids, id_text, parent_id_text = _numbered(self._ids, self._parent_ids)
        columns = (ids, parent_ids, np.asarray(names.numbers), kinds, starts, ends)
        copies = _copies(wire, columns)
        places = np.argsort(starts, kind="stable")
        if (np.diff(starts[places]) == 0).any():
            places = np.lexsort((ids, starts))
        if copies:
            places = places[~np.isin(places, list(copies))]
        starts, ends = starts[places], ends[places]
        endless = (ends < starts) | ((ends - starts > _LONGEST) & (starts > 0))  # 0: no start
        events = np.zeros(self._count, np.uint32)
        events[list(self._logged)] = list(self._logged.values())
        events = events[places]
        return Spans(
            ids=Coded(packed("Q", ids[places]), id_text),
            parent_ids=Coded(packed("Q", parent_ids[places]), parent_id_text),
            starts=packed("Q", starts),
            ends=packed("Q", np.where(endless, starts, ends)),
            names=Coded(packed("I", np.asarray(names.numbers)[places]), names.value),
            kinds=Coded(packed("B", kinds[places]), KINDS.__getitem__),
            ran_by=packed("I", np.asarray(self._ran_by)[places]),
            processes=processes,
            events=packed("I", events),
            failing=_where(self._failing, places),
            linked=_where(self._linked, places),
            endless=frozenset(np.flatnonzero(endless).tolist()),
            warnings={
                number: self._warnings[int(places[number])]
                for number in sorted(_where(self._warnings.keys(), places))
            },
            store=_Store(
                wire,
                packed("Q", places),
                packed("Q", np.flatnonzero(events)),
                self._keys.union(self._derived_keys, derived_tags((), (), wire.scopes()))
                - {WARNINGS},
            ),
            copies=len(copies),
        )


def _is_whole(found: outline_pb2.Columns, count: int) -> bool:
    """Return whether each column has an entry for each span.

    Jaeger writes every field, others leave out those that are 0 or empty; none writes one twice.
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


def _usual(ids: list[bytes]) -> Numbers | list[bytes]:
    """Return IDs as numbers, 0 for none, or unchanged if any has an unusual length."""
    lengths = set(map(len, ids))
    if not lengths <= {0, _ID}:
        return ids
    joined = b"".join([each or bytes(_ID) for each in ids] if 0 in lengths else ids)
    return np.frombuffer(joined, ">u8").astype(np.uint64)


def _numbered(
    ids: Sequence[Numbers | list[bytes]], parent_ids: Sequence[Numbers | list[bytes]]
) -> tuple[Numbers, Numbers, Callable[[int], str], Callable[[int], str]]:
    """Return numbers for the IDs, which sort like them, and functions from number to ID.

    The IDs come in pieces.
    """
    usual = [[part for part in each if isinstance(part, np.ndarray)] for each in (ids, parent_ids)]
    if len(usual[0]) + len(usual[1]) == len(ids) + len(parent_ids):
        return np.concatenate(usual[0]), np.concatenate(usual[1]), _TEXT, _parent_text
    texts = _texts(ids, _TEXT, _id)
    parent_texts = _texts(parent_ids, _parent_text, _parent_id)
    known = sorted({"", *texts, *parent_texts})
    numbers = {text: number for number, text in enumerate(known)}
    found = [
        np.array([numbers[text] for text in each], np.uint64) for each in (texts, parent_texts)
    ]
    return found[0], found[1], known.__getitem__, known.__getitem__


def _texts(
    ids: Sequence[Numbers | list[bytes]],
    of_number: Callable[[int], str],
    of_bytes: Callable[[bytes], str],
) -> list[str]:
    return [
        text
        for part in ids
        for text in (
            map(of_number, part.tolist()) if isinstance(part, np.ndarray) else map(of_bytes, part)
        )
    ]


_TEXT: Callable[[int], str] = f"%0{2 * _ID}x".__mod__


def _parent_text(number: int) -> str:
    return _TEXT(number) if number else ""


def _id(number: bytes) -> str:
    return number.hex().zfill(2 * _ID)


def _parent_id(number: bytes) -> str:
    """Return a parent's ID, "" if there is none."""
    return _id(number) if number.strip(b"\0") else ""


def _is_failure(status: bytes) -> bool:
    return trace_pb2.Status.FromString(status).code == ERROR


def _inside(piece: bytes, path: Sequence[int]) -> Iterator[bytes]:
    """Yield the contents of all fields at a path."""
    field, *rest = path
    for number, start, end in fields(piece, 0, len(piece)):
        if number == field:
            content = piece[start:end]
            yield from _inside(content, rest) if rest else (content,)


def _having(
    field: Literal["event", "link"],
    empty: bytes,
    spans: Sequence[outline_pb2.Span],
    first: int,
    piece: bytes,
) -> list[int]:
    """Return the spans that have such a field, numbered from `first` on.

    Reading its content is quicker than checking whether it is there, which is only needed if
    one may be empty.
    """
    if empty in piece:
        return [number for number, span in enumerate(spans, first) if span.HasField(field)]
    contents = map(attrgetter(field), spans)
    return [number for number, content in enumerate(contents, first) if content]


def _copies(wire: WireTrace, columns: Sequence[Numbers]) -> set[int]:
    """Return duplicate spans; they occur because a sender that gets no answer sends again.

    A duplicate equals another span in all columns, the first of which are the IDs, and carries
    nothing that the other lacks. It may carry less: each route that spans take adds to them.
    """
    ids = np.sort(columns[0])
    if not (shared := ids[1:] == ids[:-1]).any():
        return set()
    sharing = np.flatnonzero(np.isin(columns[0], ids[1:][shared]))
    rows = zip(*(column[sharing].tolist() for column in columns), strict=True)
    alike: dict[tuple[int, ...], list[int]] = {}
    for place, row in zip(sharing.tolist(), rows, strict=True):
        alike.setdefault(row, []).append(place)
    copies: set[int] = set()
    for places in alike.values():
        if len(places) > 1:
            copies |= _again(wire, places)
    return copies


def _again(wire: WireTrace, places: Sequence[int]) -> set[int]:
    """Return the places that carry no more than another of them; the fullest is looked at first."""
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


def _where(flagged: AbstractSet[int], places: Numbers) -> frozenset[int]:
    """Return the indexes of the flagged places."""
    if not flagged:
        return frozenset()
    return frozenset(np.flatnonzero(np.isin(places, list(flagged))).tolist())
