"""Spans as every part of the traces service sees them: OTLP's words in Python's types.

Times are Unix nanoseconds, durations nanoseconds, ids lower-case hex (32 digits a trace,
16 a span). Attribute values are what OTLP's AnyValue holds, as plain Python values.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from ops.traces.columns import Coded

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
Attributes: TypeAlias = Mapping[str, Value]
Pairs: TypeAlias = tuple[tuple[str, Value], ...]
FAILURES = ("exception", "error")  # names of the events that report one
NO_SERVICE = "(no service name)"
KINDS = ("", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span: a log line, an exception.

    `repeated` are further values of keys that it was given more than once.
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
    """What ran a span, by its resource's attributes; "" for what they do not say.

    Processes with the same `clock` read the same clock; of one without, nothing is known.
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
    "consumer" or "". `error` means that it failed, by its status or by a tag, see
    ops.traces.tags.says_failed; `status` is "ok", "error" or "", `message` the status message.
    `warnings` is what Jaeger adds about the span (clock skew, truncation), lifted out of
    the attribute `@jaeger@warnings`. `process` holds the resource's attributes. `repeated` are
    further values of attributes that it was given more than once; searches find the first.
    `trace_state` is W3C's, as it came.
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
    """All that the spans of a trace logged, in time order, then in the spans' order.

    `times` are Unix nanoseconds, `spans` the numbers of the spans; the rest of an event is
    read when it is asked for.
    """

    @property
    def times(self) -> Sequence[int]: ...

    @property
    def spans(self) -> Sequence[int]: ...

    def __getitem__(self, number: int) -> Event: ...


class SpanStore(Protocol):
    """Where the whole spans of a trace are, numbered as in Spans; `size` is in bytes."""

    @property
    def size(self) -> int: ...

    @property
    def events(self) -> Events:
        """Slow when it is asked for first: it looks through every span that has events."""

    def __getitem__(self, number: int) -> Span: ...

    def otlp_json(self) -> Iterator[bytes]:
        """Give the trace as it came, as one JSON text of OTLP in pieces of some 100 kB."""

    def tag_keys(self) -> AbstractSet[str]:
        """Return the distinct keys of all spans' tags, those that api_v2 derives among them."""

    def find(self, text: str) -> Sequence[int]:
        """Return the spans that have a text, or `key=value`, anywhere in what they carry."""


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of one trace, numbered by start, then by id.

    What is asked of all of them stands in columns with an entry a span; a hundred thousand
    whole ones would be gigabytes, so they stay in the store until one is asked for. `names`
    are pairs of service and operation, `events` counts, `ran_by` numbers of `processes`. `kinds`
    are numbered as KINDS, and `ids` and `parent_ids` alike, a root's parent "" as 0. `ends` is at
    least `starts`; `endless` are the spans that came without an end, or with one that cannot be.

    `untimed` came without a start that can be: theirs is a guess, see ops.traces.clocks.
    `copies` is how many spans were delivered again and are left out, `as_of` when the backend
    was asked for them (Unix nanoseconds).
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

    def __iter__(self) -> Iterator[Span]:
        """Give each span whole."""
        return map(self.store.__getitem__, range(len(self)))


def failure(operation: str, message: str) -> str:
    """Return a failing span's sentence: `store.Query: deadline exceeded`.

    Only the message's first line is in it, and `store.Query failed` where there is none.
    """
    first_line = message.strip().partition("\n")[0]
    return f"{operation}: {first_line}" if first_line else f"{operation} failed"


def what_failed(span: Span) -> str:
    """Return what a failing span says of it, from the places where libraries put it, or ""."""
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
