"""A trace's logs as messages: all of them if they fit, else the newest, in pages.

A gRPC client accepts 4 MiB per message by default. Jaeger's own logs come first: our additions
are left out if the logs alone just fit.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from ops.errors import InvalidInput
from ops.traces.actions import LogLine, TraceLogs
from ops.vocabulary import timerange
from ops.vocabulary.spans import Value
from ops.vocabulary.tags import EVENT, compared
from proto.jaeger.api_v2 import model_pb2
from proto.ops import ops_pb2

LARGEST = 4 * 1024**2  # bytes that a client accepts
MANY_LINES = 400  # from here on, writing takes more than about 5 ms
_AROUND = 6  # bytes for tag and length of each message, at most
_INDEX = 5  # bytes of the index of a log's span, at most
_REST = 200  # bytes for the page token and the other single fields
_TOKEN = re.compile(r"(\d{1,20})\.(\d{1,9})", re.ASCII)
_OVERSIZE = "the fields are omitted: they are larger than a response can be"


@dataclass(frozen=True, slots=True)
class LogPage:
    """`size` lines (0: as many as fit) before a position (None: the newest).

    The position is a time, and how many lines of exactly that time come before it; lines that
    arrive later do not move it.
    """

    size: int = 0
    before: tuple[int, int] | None = None


def log_page(request: ops_pb2.ShowLogsReq) -> LogPage:
    """Read which page the request is for; raises InvalidInput."""
    if request.page_size < 0:
        raise InvalidInput(
            f"page_size is {request.page_size}; it must be 1 or more, or 0 for as many as fit"
        )
    if not request.page_token:
        return LogPage(request.page_size)
    found = _TOKEN.fullmatch(request.page_token)
    if not found:
        raise InvalidInput(
            "the page token is invalid. Send the next_page_token of the previous response, or "
            "none for the newest lines"
        )
    return LogPage(request.page_size, (int(found[1]), int(found[2])))


async def logs(found: TraceLogs, page: LogPage = LogPage()) -> bytes:
    """Write one page of a trace's logs, in time order, as a serialized ShowLogsResp."""
    many = len(found.lines) > MANY_LINES
    return await asyncio.to_thread(_serialized, found, page) if many else _serialized(found, page)


def _serialized(found: TraceLogs, page: LogPage) -> bytes:
    return _logs(found, page).SerializeToString()


def _logs(found: TraceLogs, page: LogPage) -> ops_pb2.ShowLogsResp:
    end = _end(found.lines, page.before)
    answer = ops_pb2.ShowLogsResp(id=found.trace_id)
    if not page.size and page.before is None:
        written = _whole(found, LARGEST - answer.ByteSize())
        if written is not None:
            answer.logs.extend(written)
            _add_what_fits(answer, found)
            return answer
    answer.url, answer.total = found.jaeger_url, len(found.lines)
    room = LARGEST - answer.ByteSize() - _REST
    first, messages, owners = end, [], _Owners()
    for message, line in _newest_first(found.lines, end, room):
        room -= message.ByteSize() + _AROUND + owners.cost(line)
        if room < 0 or (page.size and end - first == page.size):
            break
        owners.add(line)
        messages.append(message)
        first -= 1
    answer.logs.extend(reversed(messages))
    answer.spans.extend(owners.spans)
    answer.span_of.extend(reversed(owners.numbers))
    answer.truncated = room < 0
    if first > 0:
        answer.next_page_token = "{}.{}".format(*_place(found.lines, first))
    return answer


def _whole(found: TraceLogs, room: int) -> list[model_pb2.Log] | None:
    """Return all logs, or None if they do not fit."""
    written = []
    for line in found.lines:
        message = _log(line)
        size = message.ByteSize()
        room -= size + 1 + _length_of(size)
        if room < 0:
            return None
        written.append(message)
    return written


def _length_of(number: int) -> int:
    """Return how many bytes a number takes on the wire."""
    return max(-(-number.bit_length() // 7), 1)


def _add_what_fits(answer: ops_pb2.ShowLogsResp, found: TraceLogs) -> None:
    owners = _Owners()
    for line in found.lines:
        owners.add(line)
    addition = ops_pb2.ShowLogsResp(
        url=found.jaeger_url,
        total=len(found.lines),
        spans=owners.spans,
        span_of=owners.numbers,
    )
    if answer.ByteSize() + addition.ByteSize() <= LARGEST:
        answer.MergeFrom(addition)


class _Owners:
    """The spans that logged: each span once, and for each log the index of its span."""

    def __init__(self) -> None:
        self.spans: list[ops_pb2.LogSpan] = []
        self.numbers: list[int] = []
        self._known: dict[str, int] = {}

    def cost(self, line: LogLine) -> int:
        """Return the bytes that a line would add, at most."""
        known = line.span_id in self._known
        return _INDEX + (0 if known else _owner(line).ByteSize() + _AROUND)

    def add(self, line: LogLine) -> None:
        number = self._known.setdefault(line.span_id, len(self.spans))
        if number == len(self.spans):
            self.spans.append(_owner(line))
        self.numbers.append(number)


def _owner(line: LogLine) -> ops_pb2.LogSpan:
    return ops_pb2.LogSpan(service=line.service, operation=line.operation, span_id=line.span_id)


def _newest_first(
    lines: Sequence[LogLine], end: int, room: int
) -> Iterator[tuple[model_pb2.Log, LogLine]]:
    """Yield the lines before `end`; one that is larger than a response comes without fields."""
    for number in range(end - 1, -1, -1):
        line = lines[number]
        message = _log(line)
        if message.ByteSize() + _AROUND + _owner(line).ByteSize() + _AROUND + _INDEX > room:
            message = model_pb2.Log(timestamp=message.timestamp)
            message.fields.append(_key_value("opsportal", _OVERSIZE))
        yield message, line


def _end(lines: Sequence[LogLine], before: tuple[int, int] | None) -> int:
    """Return the index before which a page ends."""
    if before is None:
        return len(lines)
    time, ordinal = before
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        if lines[middle].time < time:
            low = middle + 1
        else:
            high = middle
    last = low
    while last < len(lines) and last - low < ordinal and lines[last].time == time:
        last += 1
    return last


def _place(lines: Sequence[LogLine], index: int) -> tuple[int, int]:
    """Return the position before which the next page ends: right after the line at `index`."""
    time = lines[index - 1].time
    ordinal = 0
    while index - ordinal > 0 and lines[index - ordinal - 1].time == time:
        ordinal += 1
    return time, ordinal


def _log(line: LogLine) -> model_pb2.Log:
    """Write a line as in Jaeger's api_v2: the event's name is a field, types are preserved."""
    pairs = [*line.attributes.items(), *line.repeated]
    if line.name and EVENT not in line.attributes:
        pairs.insert(0, (EVENT, line.name))
    seconds, nanos = divmod(line.time, timerange.SECOND)
    return model_pb2.Log(
        timestamp=Timestamp(seconds=seconds, nanos=nanos),
        fields=[_key_value(key, value) for key, value in pairs],
    )


def _key_value(key: str, value: Value) -> model_pb2.KeyValue:
    if isinstance(value, bool):
        return model_pb2.KeyValue(key=key, v_type=model_pb2.BOOL, v_bool=value)
    if isinstance(value, int):
        return model_pb2.KeyValue(key=key, v_type=model_pb2.INT64, v_int64=value)
    if isinstance(value, float):
        return model_pb2.KeyValue(key=key, v_type=model_pb2.FLOAT64, v_float64=value)
    if isinstance(value, bytes):
        return model_pb2.KeyValue(key=key, v_type=model_pb2.BINARY, v_binary=value)
    return model_pb2.KeyValue(key=key, v_type=model_pb2.STRING, v_str=compared(value))
