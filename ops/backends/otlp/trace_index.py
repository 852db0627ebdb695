"""Where each span is in the messages of a trace.

Parsed, a hundred thousand spans are four times as large as their 40 MB of OTLP, and as Python
objects ten times. So the messages stay bytes, and only the place of each span is noted:

    TracesData      [ResourceSpans          ][ResourceSpans              ]    Group: one of these
    ResourceSpans   [resource][ScopeSpans   ][ScopeSpans                 ]
    ScopeSpans      [scope][span][span][span]
                          ^     ^     ^     ^
                    starts[0] ends[0]=starts[1] ... (without tag and length bytes)

Spans are numbered as they occur. Everything else about a span, such as its resource and scope, is
found by bisecting the numbers of the first spans.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from ops.backends.otlp.pieces import pieces
from ops.backends.otlp.wire_format import fields

# Numbers of fields: https://github.com/open-telemetry/opentelemetry-proto, trace.proto
_RESOURCE, _SCOPE_SPANS = 1, 2  # of ResourceSpans
_SCOPE, _SPANS = 1, 2  # of ScopeSpans
_SPAN_TAG = _SPANS << 3 | 2  # the byte before a span's length: its field's number and wire type


@dataclass(frozen=True, slots=True)
class Group:
    """The spans of one resource in one message: its byte range, and its first span's number."""

    message: int
    start: int
    end: int
    resource: bytes
    first: int


class TraceIndex:
    """The messages of a trace; spans are numbered in the order in which they occur.

    Raises DecodeError if they are not TracesData.
    """

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.messages = messages
        self.groups: list[Group] = []
        self.starts = array("Q")
        self.ends = array("Q")
        self._lasts: list[int] = []  # the number after the last span of each message
        self._scopes: list[bytes] = []
        self._scope_firsts = array("L")
        try:
            for number, message in enumerate(messages):
                self._add_message(number, message)
                self._lasts.append(len(self.starts))
        except (IndexError, ValueError) as error:
            raise DecodeError("a message is cut short") from error
        self._firsts = [group.first for group in self.groups]

    def _add_message(self, number: int, message: bytes) -> None:
        for _, start, end in fields(message, 0, len(message)):
            parts = list(fields(message, start, end))
            resource = next((message[s:e] for field, s, e in parts if field == _RESOURCE), b"")
            self.groups.append(Group(number, start, end, resource, len(self.starts)))
            for field, scope_start, scope_end in parts:
                if field == _SCOPE_SPANS:
                    self._scope_firsts.append(len(self.starts))
                    self._scopes.append(b"")
                    self._add_scope(message, scope_start, scope_end)

    def _add_scope(self, message: bytes, position: int, end: int) -> None:
        """Note the spans of a scope.

        This is the one loop that runs for every span of a trace in Python. Most spans take 128 to
        16,383 bytes, so that their length has two bytes, low seven bits first. Those are read
        here, because calling `fields` for each takes longer than everything else.
        """
        start_at, end_at = self.starts.append, self.ends.append
        while position < end:
            if (
                message[position] == _SPAN_TAG
                and (low := message[position + 1]) >= 0x80
                and (high := message[position + 2]) < 0x80
            ):
                start_at(position + 3)  # behind the tag and two bytes of length
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

    def pieces(self) -> Iterator[tuple[bytes, int]]:
        """Yield the messages in pieces of about half a megabyte, which are TracesData as well.

        With each piece, yield how many spans it has.
        """
        first = 0
        for message, last in zip(self.messages, self._lasts, strict=True):
            for piece, until in pieces(message):
                end = bisect_left(self.starts, until, first, last)
                yield piece, end - first
                first = end

    def scopes(self) -> set[bytes]:
        """Return the serialized scopes that have spans."""
        ends = [*self._scope_firsts[1:], len(self)]
        scopes = zip(self._scopes, self._scope_firsts, ends, strict=True)
        return {scope for scope, first, end in scopes if first < end}

    def counts(self) -> Iterator[tuple[bytes, int]]:
        """Yield the resource of each group, and how many spans it has."""
        for index, group in enumerate(self.groups):
            yield group.resource, self._end(index) - group.first

    def containing(self, needle: bytes, *, any_case: bool = False) -> Iterator[int]:
        """Yield the spans that have these bytes in them or in their resource, some perhaps twice.

        With `any_case`, the needle must be lower-case, and ASCII capitals match it too.
        """
        # A message has many groups; only the current message's lower-case copy is kept.
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
                else:  # outside of all spans: in the resource, or in a scope
                    yield from range(group.first, last)
                    place += 1
                place = haystack.find(needle, place, group.end)

    def _end(self, index: int) -> int:
        return self._firsts[index + 1] if index + 1 < len(self._firsts) else len(self.starts)
