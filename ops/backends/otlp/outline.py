"""Outlines: what a list of spans needs, parsed from a piece of a trace without the rest of it.

Reading a field of a message takes longer than everything done with it. So protobuf merges all
spans of a piece into one message, whose lists are columns (see proto/outline/outline.proto):

    span {id: 1, name: a, start: 5}        ids    [1, 2]
    span {id: 2, name: b, start: 6}   ->   names  [a, b]
                                           starts [5, 6]

Jaeger writes every field of every span. Others leave out those that are 0 or empty, so that a
column has fewer entries than there are spans, and does not show which span lacks one:

    span {id: 1, name: a}                  ids    [1, 2]
    span {id: 2, name: b, start: 6}   ->   names  [a, b]
                                           starts [6]      whose?

Then the spans are parsed one by one.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Literal

from google.protobuf.message import DecodeError

from ops.backends.otlp.span_ids import ENCODED, as_numbers
from ops.backends.otlp.wire_format import fields
from ops.vocabulary.columns import Numbers
from proto.outline import outline_pb2

_TRACE_STATES, _KEYS = (1, 2, 2, 3), (1, 2, 2, 9, 1)  # paths of fields, from TracesData inwards
_OTHERS = {*outline_pb2.Columns.DESCRIPTOR.fields_by_name} - {"span_ids", "parent_span_ids"}
_EMPTY = {"event": b"\x5a\x00", "link": b"\x6a\x00"}  # an empty one, as encoded in a span


def read_columns(piece: bytes) -> tuple[outline_pb2.Columns, set[str]]:
    """Return the columns of a piece, which may be incomplete, and the keys of its attributes."""
    try:
        found = outline_pb2.MergedTraces.FromString(piece).resource_spans.scope_spans.spans
    except DecodeError:
        # A tag's key is not UTF-8. If it is an operation's name, `each_span` fails too.
        keys = {key.decode(errors="replace") for key in _inside(piece, _KEYS)}
        return outline_pb2.Columns(trace_states=_inside(piece, _TRACE_STATES)), keys
    return found, set(found.attributes)


def is_complete(found: outline_pb2.Columns, count: int) -> bool:
    """Return whether each column has an entry for each span.

    Jaeger writes every field, others leave out those that are 0 or empty; none writes one twice.
    """
    columns = (
        found.span_ids, found.parent_span_ids, found.names, found.kinds,
        found.starts, found.ends, found.statuses,
    )  # fmt: skip
    return all(len(column) == count for column in columns)


def take_ids(
    found: outline_pb2.Columns,
) -> tuple[Numbers | list[bytes], Numbers | list[bytes]]:
    """Return the columns of span IDs and of parents' IDs; the others are gone afterwards.

    Without the others, encoding what was found gives both as numpy needs them.
    """
    for column in _OTHERS:
        found.ClearField(column)  # type: ignore[arg-type]  # one of its names
    encoded, own = found.SerializeToString(), len(found.span_ids) * ENCODED.itemsize
    return (
        as_numbers(found.span_ids, found.SPAN_IDS_FIELD_NUMBER, encoded[:own]),
        as_numbers(found.parent_span_ids, found.PARENT_SPAN_IDS_FIELD_NUMBER, encoded[own:]),
    )


def each_span(piece: bytes) -> list[outline_pb2.Span]:
    """Return the outline of each span, which takes several times as long as columns."""
    return [
        span
        for resource_spans in outline_pb2.TracesData.FromString(piece).resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


def as_columns(spans: Sequence[outline_pb2.Span]) -> outline_pb2.Columns:
    """Return complete columns, with the defaults of what a span left out."""
    return outline_pb2.Columns(
        span_ids=[span.span_id for span in spans],
        parent_span_ids=[span.parent_span_id for span in spans],
        names=[span.name for span in spans],
        kinds=[span.kind for span in spans],
        starts=[span.start_time_unix_nano for span in spans],
        ends=[span.end_time_unix_nano for span in spans],
        statuses=[span.status for span in spans],
    )


def numbers_having(
    field: Literal["event", "link"],
    spans: Sequence[outline_pb2.Span],
    first: int,
    piece: bytes,
) -> list[int]:
    """Return the spans that have such a field, numbered from `first` on.

    Reading its content is quicker than checking whether it is there, which is only needed if
    one may be empty.
    """
    if _EMPTY[field] in piece:
        return [number for number, span in enumerate(spans, first) if span.HasField(field)]
    contents = map(attrgetter(field), spans)
    return [number for number, content in enumerate(contents, first) if content]


def _inside(piece: bytes, path: Sequence[int]) -> Iterator[bytes]:
    """Yield the contents of all fields at a path."""
    field, *rest = path
    for number, start, end in fields(piece, 0, len(piece)):
        if number == field:
            content = piece[start:end]
            yield from _inside(content, rest) if rest else (content,)
