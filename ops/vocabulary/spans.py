"""Spans as all code about traces sees them: OTLP's concepts in Python types.

Times are Unix nanoseconds, durations nanoseconds, IDs lower-case hex (32 digits for a trace,
16 for a span). Attribute values are what OTLP's AnyValue can hold, as plain Python values.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from ops.vocabulary.columns import Coded

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
Attributes: TypeAlias = Mapping[str, Value]
Pairs: TypeAlias = tuple[tuple[str, Value], ...]
FAILURES = ("exception", "error")  # names of events that report an error
NO_SERVICE = "(no service name)"
KINDS = ("", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class Event:
    """An event during a span: a log line, an exception.

    `repeated` are further values of keys that appeared more than once.
    """

    time: int
    name: str
    attributes: Attributes
    repeated: Pairs = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A reference to a span of this or another trace."""

    trace_id: str
    span_id: str
    attributes: Attributes
    trace_state: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The library that made a span, as OpenTelemetry's instrumentation scope names it."""

    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict)


NO_SCOPE = Scope()


@dataclass(frozen=True, slots=True)
class Process:
    """The process of a span, from its resource's attributes; "" for missing ones.

    Processes with the same `clock` share a clock; if it is empty, nothing is known about it.
    """

    service: str
    version: str = ""
    instance: str = ""
    host: str = ""
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of one service.

    `parent_id` is "" for a root. `kind` is "internal", "server", "client", "producer",
    "consumer" or "". `error` means that it failed, by its status or by a tag (see
    ops.vocabulary.tags.says_failed); `status` is "ok", "error" or "", `message` the status message.
    `warnings` is what Jaeger adds about the span (clock skew, truncation), taken from the
    attribute `@jaeger@warnings`. `process` holds the resource's attributes. `repeated` are
    further values of attributes that appeared more than once; searches use the first value.
    `trace_state` is W3C's, unchanged.
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    operation: str
    kind: str
    start: int
    duration: int
    error: bool
    message: str
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    warnings: tuple[str, ...]
    process: Attributes
    status: str = ""
    repeated: Pairs = ()
    scope: Scope = NO_SCOPE
    trace_state: str = ""

    @property
    def end(self) -> int:
        """Unix nanoseconds."""
        return self.start + self.duration


class Events(Protocol):
    """The events of all spans of a trace, in time order, then in span order.

    `times` are Unix nanoseconds, `spans` the numbers of the spans; the rest of an event is
    parsed when it is accessed.
    """

    @property
    def times(self) -> Sequence[int]: ...

    @property
    def spans(self) -> Sequence[int]: ...

    def __getitem__(self, number: int) -> Event: ...


class SpanStore(Protocol):
    """The store of a trace's full spans, numbered as in Spans; `size` is in bytes."""

    @property
    def size(self) -> int: ...

    @property
    def events(self) -> Events:
        """Slow on first access: it looks through every span that has events."""

    def __getitem__(self, number: int) -> Span: ...

    def otlp_json(self) -> Iterator[bytes]:
        """Yield the unchanged trace as one OTLP JSON document, in pieces of some 100 kB."""

    def tag_keys(self) -> AbstractSet[str]:
        """Return the distinct tag keys of all spans, with those that api_v2 derives."""

    def find(self, text: str) -> Sequence[int]:
        """Return the spans that contain a string, or `key=value`, anywhere."""


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of one trace, numbered by start, then by ID.

    Data that is needed of all spans is in columns with one entry per span; a hundred thousand full
    spans would take gigabytes, so they stay in the store until one is accessed. `names` are pairs
    of service and operation, `events` counts, `ran_by` numbers of `processes`. `kinds` are numbers
    as in KINDS; `ids` and `parent_ids` are numbers too, a root's parent "" as 0. `ends` is at least
    `starts`; `endless` are the spans that came without an end, or with an impossible one.

    `untimed` came without a possible start: theirs is a guess, see ops.traces.missing_times.
    `copies` is how many duplicate spans are left out, `as_of` when the trace was requested from the
    backend (Unix nanoseconds).
    """

    ids: Coded[str]
    parent_ids: Coded[str]
    starts: Sequence[int]
    ends: Sequence[int]
    names: Coded[tuple[str, str]]
    kinds: Coded[str]
    ran_by: Sequence[int]
    processes: Sequence[Process]
    events: Sequence[int]
    failing: AbstractSet[int]
    linked: AbstractSet[int]
    endless: AbstractSet[int]
    warnings: Mapping[int, tuple[str, ...]]
    store: SpanStore
    untimed: AbstractSet[int] = frozenset()
    copies: int = 0
    as_of: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def start(self) -> int:
        """When the first span started, Unix nanoseconds."""
        return int(np.min(self.starts))

    @property
    def end(self) -> int:
        """When the last span ended, Unix nanoseconds."""
        return int(np.max(self.ends))

    @property
    def event_count(self) -> int:
        """How many events all spans have."""
        return int(np.sum(self.events, dtype=np.uint64))

    def __iter__(self) -> Iterator[Span]:
        """Yield every span in full."""
        return map(self.store.__getitem__, range(len(self)))


def failure(operation: str, message: str) -> str:
    """Return a failing span's sentence: `store.Query: deadline exceeded`.

    It has only the message's first line, or is `store.Query failed` if there is none.
    """
    first_line = message.strip().partition("\n")[0]
    return f"{operation}: {first_line}" if first_line else f"{operation} failed"


def failure_in(operation: str, message: str) -> str:
    """Return what failed for the middle of a sentence: `deadline exceeded in store.Query`."""
    first_line = message.strip().partition("\n")[0]
    return f"{first_line} in {operation}" if first_line else f"{operation} failed"


def what_failed(span: Span) -> str:
    """Return a failing span's error message, from wherever libraries put it, or ""."""
    if span.message:
        return span.message
    for event in reversed(span.events):
        if event.name in FAILURES:
            keys = ("exception.message", "message", "error.object", "exception.type")
            if text := _first_text(event.attributes, keys):
                return text
    return _first_text(
        span.attributes,
        ("otel.status_description", "error.message", "exception.message", "error", "error.type"),
    )


def _first_text(attributes: Attributes, keys: Iterable[str]) -> str:
    for key in keys:
        value = attributes.get(key)
        if isinstance(value, str) and value not in ("", "true", "false"):
            return value
    return ""
