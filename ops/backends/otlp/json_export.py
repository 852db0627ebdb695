"""A trace as OTLP JSON, which Jaeger and every collector can import.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding describes it: protobuf's JSON
with numbers for enumerations and with ids in hex. A string for a hundred thousand spans would be
a hundred megabytes, and that many parsed spans even more, so the JSON is written in pieces.
"""

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from ops.backends.otlp.wire_format import fields

_PIECE = 100_000  # characters
_HELD = 2  # field number of the scopes in ResourceSpans, and of the spans in ScopeSpans
_IDS = ("traceId", "spanId", "parentSpanId")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def write(messages: Sequence[bytes]) -> Iterator[bytes]:
    """Write serialized TracesData messages as one JSON document, in pieces."""
    waiting: list[str] = []
    size = 0
    for text in _trace(messages):
        waiting.append(text)
        size += len(text)
        if size >= _PIECE:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()


def _trace(messages: Sequence[bytes]) -> Iterator[str]:
    resources = (
        _resource(message, start, end)
        for message in messages
        for _, start, end in fields(message, 0, len(message))
    )
    yield '{"resourceSpans":['
    yield from _listed(resources)
    yield "]}"


def _resource(message: bytes, start: int, end: int) -> Iterator[str]:
    around, held = _apart(message, start, end)
    scopes = (_scope(message, *each) for each in held)
    yield from _object(ResourceSpans.FromString(around), "scopeSpans", scopes)


def _scope(message: bytes, start: int, end: int) -> Iterator[str]:
    around, held = _apart(message, start, end)
    spans = ((_span(message[place:until]),) for place, until in held)
    yield from _object(ScopeSpans.FromString(around), "spans", spans)


def _apart(message: bytes, start: int, end: int) -> tuple[bytes, list[tuple[int, int]]]:
    """Return a message without its repeated field, and where the entries of that field are."""
    # Cut out, not parsed: `around` is a valid message, because fields just follow each other.
    around, held = [], []
    for field, inner_start, inner_end in fields(message, start, end):
        if field == _HELD:
            held.append((inner_start, inner_end))
        else:
            around.append(message[start:inner_end])
        start = inner_end
    return b"".join(around), held


def _object(around: Message, name: str, items: Iterable[Iterable[str]]) -> Iterator[str]:
    # The object's other fields, left open for the one with the items.
    before = _encode(_plain(around)).removesuffix("}")
    yield f'{before}{"," if len(before) > 1 else ""}"{name}":['
    yield from _listed(items)
    yield "]}"


def _listed(items: Iterable[Iterable[str]]) -> Iterator[str]:
    for number, item in enumerate(items):
        if number:
            yield ","
        yield from item


def _span(raw: bytes) -> str:
    found = _plain(Span.FromString(raw))
    for holder in (found, *found.get("links", ())):
        for key in _IDS:  # protobuf's JSON has base64, OTLP's has hex
            if key in holder:
                holder[key] = b64decode(holder[key]).hex()
    return _encode(found)


def _plain(message: Message) -> dict[str, Any]:
    return MessageToDict(message, use_integers_for_enums=True)
