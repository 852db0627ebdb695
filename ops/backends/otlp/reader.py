"""Read a trace into columns: one pass over the outline, and a look at the few spans with more.

    TraceIndex ── pieces of 500 kB ──> outline ──> columns of each piece      every span
        │                                              │
        └── spans with events, warnings, error tags ───┤                      few spans
                                                       v
                  joined, duplicates removed, ordered by start ──> Spans

Nothing is done in Python for each span here, unless the trace leaves out fields.
"""

import itertools
from array import array
from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ops.backends.otlp import outline
from ops.backends.otlp.convert import (
    ERROR,
    ERROR_TAGS,
    WARNINGS,
    derived_tags,
    failed,
    read_process,
    span_warnings,
)
from ops.backends.otlp.duplicates import find_duplicates
from ops.backends.otlp.span_ids import number_ids
from ops.backends.otlp.stored_spans import StoredSpans
from ops.backends.otlp.trace_index import TraceIndex
from ops.vocabulary.columns import Coded, Numbers, distinct_with_places, packed
from ops.vocabulary.spans import KINDS, Process, Spans
from ops.vocabulary.tags import TRACE_STATE
from ops.vocabulary.timerange import DAY
from proto.outline import outline_pb2

_LONGEST = 366 * DAY  # a span that claims to have taken longer has an impossible end
_WARNED = WARNINGS.encode()
# The start of Jaeger's warning that a span ended before its start, so Jaeger made up an end.
_NO_END = "Negative duration detected"


def read_trace(messages: Sequence[bytes]) -> Spans | None:
    """Read one trace from serialized TracesData, None if it has no span; raises DecodeError."""
    index = TraceIndex(messages)
    columns = _Columns()
    for resource, count in index.counts():
        columns.add_resource(resource, count)
    for piece, count in index.pieces():
        columns.add_piece(piece, count)
    columns.add_details(index)
    return columns.to_spans(index) if len(index) else None


class _Columns:
    """What is noted about the spans, in the order in which they occur."""

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

    def add_resource(self, resource: bytes, count: int) -> None:
        """Note the resource of the next spans."""
        number = self._process_numbers.setdefault(resource, len(self._process_numbers))
        self._ran_by.extend([number] * count)

    def add_piece(self, piece: bytes, count: int) -> None:
        """Add the spans of the next piece; `add_resource` must have been called for them."""
        first, self._count = self._count, self._count + count
        found, keys = outline.read_columns(piece)
        self._keys |= keys
        if any(found.trace_states):
            self._derived_keys.add(TRACE_STATE)
        complete = outline.is_complete(found, count)
        # A column of events shows only that there are some, not which spans have them.
        if not complete or found.events or found.links:
            spans = outline.each_span(piece)
            self._linked.update(outline.numbers_having("link", spans, first, piece))
            logged = outline.numbers_having("event", spans, first, piece)
            self._logged.update(dict.fromkeys(logged, 0))
            found = found if complete else outline.as_columns(spans)
        kinds = np.array(found.kinds, np.int32)
        self._starts.append(np.array(found.starts, np.uint64))
        self._ends.append(np.array(found.ends, np.uint64))
        self._kinds.append(np.where((kinds >= 0) & (kinds < len(KINDS)), kinds, 0))
        self._operation_numbers.extend(map(self._operations.__getitem__, found.names))
        # Serialized statuses of a trace are few and repeat, so only distinct ones are parsed.
        statuses = set(found.statuses)
        self._derived_keys.update(derived_tags(np.unique(kinds).tolist(), statuses, ()))
        if failures := set(filter(_is_failure, statuses)):
            all_statuses = enumerate(found.statuses, first)
            self._failing.update([number for number, each in all_statuses if each in failures])
        ids, parent_ids = outline.take_ids(found)
        self._ids.append(ids)
        self._parent_ids.append(parent_ids)

    def add_details(self, index: TraceIndex) -> None:
        """Note what an outline does not show, for the spans that have it.

        The bytes are searched for it, so that only those spans are parsed.
        """
        for number in self._logged:
            self._logged[number] = len(outline_pb2.Events.FromString(index.raw(number)).events)
        error_tags = [raw for key, raw in ERROR_TAGS.items() if key in self._keys]
        for number in {n for raw in error_tags for n in index.containing(raw)} - self._failing:
            if failed(trace_pb2.Span.FromString(index.raw(number))):
                self._failing.add(number)
        for number in set(index.containing(_WARNED)) if WARNINGS in self._keys else ():
            self._warn(number, span_warnings(trace_pb2.Span.FromString(index.raw(number))))

    def _warn(self, number: int, warnings: Sequence[str]) -> None:
        """Note Jaeger's warnings about a span, and whether it made up the span's end."""
        others = tuple(each for each in warnings if not each.startswith(_NO_END))
        if len(others) < len(warnings):
            self._ended_by_jaeger.append(number)
        if others:
            self._warnings[number] = others

    def _names(self, processes: Sequence[Process]) -> Coded[tuple[str, str]]:
        # A pair of service and operation is one number, so that numpy finds the distinct pairs.
        operations, many = list(self._operations), len(self._operations)
        services = Coded.of(process.service for process in processes)
        numbers = np.asarray(services.numbers)[self._ran_by].astype(np.int64) * many
        numbers += np.asarray(self._operation_numbers)
        pairs, places = distinct_with_places(numbers)
        names = [(services.value(n // many), operations[n % many]) for n in pairs.tolist()]
        return Coded(packed("I", places), names.__getitem__)

    def to_spans(self, index: TraceIndex) -> Spans:
        """Return the spans by start, then by ID, without duplicates."""
        processes = [read_process(Resource.FromString(each)) for each in self._process_numbers]
        starts, ends = np.concatenate(self._starts), np.concatenate(self._ends)
        ends[self._ended_by_jaeger] = 0  # before its start, so it counts as having no end below
        kinds, names = np.concatenate(self._kinds), self._names(processes)
        ids, parent_ids, id_text, parent_id_text = number_ids(self._ids, self._parent_ids)
        columns = (ids, parent_ids, np.asarray(names.numbers), kinds, starts, ends)
        duplicates = find_duplicates(index, columns)
        places = _by_start_and_id(starts, ids)
        if duplicates:
            places = places[~np.isin(places, list(duplicates))]
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
            failing=_indexes_of(self._failing, places),
            linked=_indexes_of(self._linked, places),
            endless=frozenset(np.flatnonzero(endless).tolist()),
            warnings={
                number: self._warnings[int(places[number])]
                for number in sorted(_indexes_of(self._warnings.keys(), places))
            },
            store=StoredSpans(
                index,
                packed("Q", places),
                packed("Q", np.flatnonzero(events)),
                self._keys.union(self._derived_keys, derived_tags((), (), index.scopes()))
                - {WARNINGS},
            ),
            copies=len(duplicates),
        )


def _by_start_and_id(starts: Numbers, ids: Numbers) -> Numbers:
    """Return the order of the spans.

    Sorting all by both takes several times as long; few spans start at the same nanosecond.
    """
    order = np.argsort(starts)
    same = np.diff(starts[order]) == 0
    if same.any():
        places = np.flatnonzero(np.append(same, False) | np.append(False, same))
        tied = order[places]
        order[places] = tied[np.lexsort((tied, ids[tied], starts[tied]))]
    return order


def _is_failure(status: bytes) -> bool:
    return trace_pb2.Status.FromString(status).code == ERROR


def _indexes_of(flagged: AbstractSet[int], places: Numbers) -> frozenset[int]:
    """Return the indexes of the flagged places."""
    if not flagged:
        return frozenset()
    return frozenset(np.flatnonzero(np.isin(places, list(flagged))).tolist())
