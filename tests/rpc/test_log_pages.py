"""A trace's logs as a gRPC client takes them: Jaeger's own, within 4 MiB, else in pages."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest

from ops.errors import InvalidInput
from ops.rpc import log_pages
from ops.rpc.log_pages import LARGEST, LogPage, log_page
from ops.traces.actions import LogFilter, LogLine, TraceLogs
from ops.vocabulary.spans import Pairs, Value
from ops.vocabulary.timerange import SECOND
from proto.jaeger.api_v2 import model_pb2
from proto.ops import ops_pb2

ID = "1" * 32
NEWEST = LogPage()


def line(time: int, span: int = 7, name: str = "retry", **attributes: Value) -> LogLine:
    return LogLine(time, "store", "store.Query", f"{span:016x}", name, attributes)


def logs_of(*lines: LogLine) -> TraceLogs:
    return TraceLogs("demo", ID, 0, "a", "b", lines, "http://ui", LogFilter(), len(lines), {})


async def logs(found: TraceLogs, page: LogPage = NEWEST) -> ops_pb2.ShowLogsResp:
    return ops_pb2.ShowLogsResp.FromString(await log_pages.logs(found, page))


def log(time: int, *fields: model_pb2.KeyValue) -> model_pb2.Log:
    made = model_pb2.Log(fields=fields)
    made.timestamp.FromNanoseconds(time)
    return made


def text(key: str, value: str) -> model_pb2.KeyValue:
    return model_pb2.KeyValue(key=key, v_str=value)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("two", model_pb2.KeyValue(v_type=model_pb2.STRING, v_str="two")),
        (True, model_pb2.KeyValue(v_type=model_pb2.BOOL, v_bool=True)),
        (-2, model_pb2.KeyValue(v_type=model_pb2.INT64, v_int64=-2)),
        (0.5, model_pb2.KeyValue(v_type=model_pb2.FLOAT64, v_float64=0.5)),
        (b"\xff", model_pb2.KeyValue(v_type=model_pb2.BINARY, v_binary=b"\xff")),
        (["a", 1.0], model_pb2.KeyValue(v_type=model_pb2.STRING, v_str='["a",1]')),
        ({"a": "<"}, model_pb2.KeyValue(v_type=model_pb2.STRING, v_str='{"a":"\\u003c"}')),
        (None, model_pb2.KeyValue(v_type=model_pb2.STRING)),
    ],
)
async def test_it_keeps_the_type_of_a_logged_value(value: Value, field: model_pb2.KeyValue) -> None:
    field.key = "key"
    (found,) = (await logs(logs_of(line(1, key=value)))).logs
    assert list(found.fields) == [text("event", "retry"), field]


@pytest.mark.parametrize(
    ("name", "attributes", "repeated", "fields"),
    [
        ("", {"a": "1"}, (), [text("a", "1")]),
        ("retry", {"event": "own"}, (), [text("event", "own")]),
        ("x", {"a": "1"}, (("a", "2"),), [text("event", "x"), text("a", "1"), text("a", "2")]),
        ("", {"service": "x", "span_id": "y"}, (), [text("service", "x"), text("span_id", "y")]),
    ],
)  # fmt: skip
async def test_a_log_is_what_jaeger_has(
    name: str, attributes: dict[str, Any], repeated: Pairs, fields: list[model_pb2.KeyValue]
) -> None:
    found = LogLine(3 * SECOND + 7, "store", "Query", "7", name, attributes, repeated)
    assert list((await logs(logs_of(found))).logs) == [log(3 * SECOND + 7, *fields)]


async def test_it_says_whose_each_log_is() -> None:
    answer = await logs(logs_of(line(1, 5), line(2, 6), line(3, 5)))
    assert [each.span_id[-1] for each in answer.spans] == ["5", "6"]
    assert (answer.spans[0].service, answer.spans[0].operation) == ("store", "store.Query")
    assert list(answer.span_of) == [0, 1, 0]
    assert (answer.total, answer.url, answer.truncated) == (3, "http://ui", False)
    assert answer.next_page_token == ""


def filling(room: int) -> list[LogLine]:
    """Lines each of a span of its own, which make logs of just so many bytes in one answer."""
    lines = [line(number, number, "", body="x" * 1000) for number in range(1, room // 1100)]
    missing = room - reference(lines).ByteSize() - 60
    last = line(len(lines) + 1, 1, "", body="x" * missing)
    while (short := room - reference([*lines, last]).ByteSize()) > 0:
        last = line(len(lines) + 1, 1, "", body="x" * (len(str(last.attributes["body"])) + short))
    return [*lines, last]


def reference(lines: Sequence[LogLine]) -> ops_pb2.ShowLogsResp:
    """What the reference's answer would be."""
    made = [log(each.time, text("body", str(each.attributes["body"]))) for each in lines]
    return ops_pb2.ShowLogsResp(id=ID, logs=made)


@pytest.mark.parametrize("beyond", [0, 1])
async def test_logs_fit_where_the_reference_s_did(beyond: int) -> None:
    lines = filling(LARGEST + beyond)
    assert reference(lines).ByteSize() == LARGEST + beyond
    answer = await logs(logs_of(*lines))
    assert answer.ByteSize() <= LARGEST
    assert answer.truncated == bool(beyond)
    if not beyond:
        assert answer.logs == reference(lines).logs
    else:
        assert answer.logs[-1] == reference(lines[-1:]).logs[0], "the newest are there"


async def every_page(found: TraceLogs, size: int) -> list[ops_pb2.ShowLogsResp]:
    pages = []
    page = LogPage(size)
    while True:
        pages.append(await logs(found, page))
        if not pages[-1].next_page_token:
            return pages
        request = ops_pb2.ShowLogsReq(page_size=size, page_token=pages[-1].next_page_token)
        page = log_page(request)


@pytest.mark.parametrize(("count", "size"), [(10, 3), (10, 0), (9, 3), (1, 5), (0, 5)])
@pytest.mark.parametrize("times", [1, 4, 100])
async def test_each_line_is_on_one_page(count: int, size: int, times: int) -> None:
    found = logs_of(*(line(number // times, number, n=number) for number in range(count)))
    pages = await every_page(found, size)
    numbers = [[each.fields[1].v_int64 for each in page.logs] for page in pages]
    assert list(chain.from_iterable(reversed(numbers))) == list(range(count))
    assert all(len(page) <= size for page in numbers if size)
    assert not any(page.truncated for page in pages)
    assert [page.total for page in pages] == [count] * len(pages)


async def test_many_large_lines_come_newest_first_and_each_once() -> None:
    found = logs_of(*(line(number, number, n=number, body="x" * 9000) for number in range(1200)))
    pages = await every_page(found, 0)
    numbers = [[each.fields[1].v_int64 for each in page.logs] for page in pages]
    assert len(pages) == 3 and numbers[0][-1] == 1199
    assert list(chain.from_iterable(reversed(numbers))) == list(range(1200))
    assert [page.truncated for page in pages] == [True, True, False]
    for page in pages:
        assert page.ByteSize() <= LARGEST
        owners = [int(page.spans[index].span_id, 16) for index in page.span_of]
        assert owners == [each.fields[1].v_int64 for each in page.logs]


async def test_a_line_that_arrives_late_moves_no_other() -> None:
    lines = [line(number, n=number) for number in range(10)]
    first = await logs(logs_of(*lines), LogPage(4))
    request = ops_pb2.ShowLogsReq(page_token=first.next_page_token)
    rest = await logs(logs_of(line(0), *lines, line(10), line(10)), log_page(request))
    assert [each.fields[1].v_int64 for each in rest.logs[1:]] == [0, 1, 2, 3, 4, 5]


async def test_a_line_that_no_answer_could_carry_says_so() -> None:
    found = logs_of(line(1, n=1), line(2, body="x" * LARGEST), line(3, n=3))
    answer = await logs(found)
    assert answer.ByteSize() < LARGEST
    assert [each.timestamp.nanos for each in answer.logs] == [1, 2, 3]
    assert "larger than a response" in answer.logs[1].fields[0].v_str


@pytest.mark.parametrize("token", ["x", "1", "1.", ".1", "-1.1", "1.1.1", "²"])
def test_it_refuses_a_token_that_is_none(token: str) -> None:
    with pytest.raises(InvalidInput, match="Send the next_page_token"):
        log_page(ops_pb2.ShowLogsReq(page_token=token))


def test_it_refuses_a_size_that_is_none() -> None:
    with pytest.raises(InvalidInput, match="page_size is -1; it must be 1 or more"):
        log_page(ops_pb2.ShowLogsReq(page_size=-1))
