import pytest

from ops.rpc import messages
from ops.timerange import SECOND, Moment, now_ns
from ops.traces.actions import LogFilter, LogLine, TraceList, TraceLogs
from ops.traces.spans import Value
from ops.traces.summaries import TraceSummary
from proto.jaeger.api_v2 import model_pb2
from proto.ops import ops_pb2


async def log_of(value: Value) -> model_pb2.Log:
    line = LogLine(3 * SECOND + 7, "store", "store.Query", "00f067aa0ba902b7", "", {"key": value})
    logs = TraceLogs("demo", "1" * 32, 0, "petstore", "SearchPets", (line,), "", LogFilter(), 1, {})
    return (await messages.logs(logs)).logs[0]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("two", model_pb2.KeyValue(v_type=model_pb2.STRING, v_str="two")),
        (True, model_pb2.KeyValue(v_type=model_pb2.BOOL, v_bool=True)),
        (-2, model_pb2.KeyValue(v_type=model_pb2.INT64, v_int64=-2)),
        (0.5, model_pb2.KeyValue(v_type=model_pb2.FLOAT64, v_float64=0.5)),
        (b"\xff", model_pb2.KeyValue(v_type=model_pb2.BINARY, v_binary=b"\xff")),
        (["a", 1], model_pb2.KeyValue(v_type=model_pb2.STRING, v_str='["a", 1]')),
        ({"a": None}, model_pb2.KeyValue(v_type=model_pb2.STRING, v_str='{"a": null}')),
    ],
)
async def test_it_keeps_the_type_of_a_logged_value(value: Value, field: model_pb2.KeyValue) -> None:
    field.key = "key"
    assert (await log_of(value)).fields[0] == field


async def test_it_says_whose_log_it_is_and_when() -> None:
    log = await log_of("two")
    assert log.timestamp.ToNanoseconds() == 3 * SECOND + 7
    assert {field.key: field.v_str for field in log.fields} == {
        "key": "two",
        "service": "store",
        "operation": "store.Query",
        "span_id": "00f067aa0ba902b7",
    }


async def test_it_writes_many_logs_in_their_order() -> None:
    lines = tuple(
        LogLine(time, "store", "store.Query", "00f067aa0ba902b7", "retry", {})
        for time in range(messages.MANY_LINES + 1)
    )
    written = await messages.logs(
        TraceLogs("demo", "1" * 32, 0, "", "", lines, "", LogFilter(), 2, {})
    )
    assert [log.timestamp.ToNanoseconds() for log in written.logs] == [*range(len(lines))]


def test_it_keeps_a_span_with_an_impossible_time_from_taking_the_others_along() -> None:
    odd = TraceSummary("1" * 32, 2**64 - 1, 2**64 - 1, "", "", 1, 0, ())
    query = messages.trace_query(ops_pb2.ListTracesReq())
    (item,) = messages.trace_list(TraceList(query, 0, 1, (odd,), 1, False, None, None)).traces
    assert item.start == item.duration == 2**63 - 1


@pytest.mark.parametrize("start", [0, -6795364578871345152])
@pytest.mark.parametrize("end", [0, 1795469320743000000])
def test_it_searches_the_last_hour_unless_told_otherwise(start: int, end: int) -> None:
    before = now_ns()
    query = messages.trace_query(ops_pb2.ListTracesReq(start=start, end=end, duration_min=-1))
    found = query.range.start_end()
    assert found[1] == end or before <= found[1] <= now_ns()
    assert found[0] == found[1] - 3600 * SECOND
    assert (query.limit, query.span_min) == (20, 0)


def test_it_reads_every_field_of_a_search() -> None:
    request = ops_pb2.ListTracesReq(
        service="petstore",
        operation="AddPets",
        tags=["error", "http.method=GET", 'key= "two words" ', '"a=b"=c'],
        start=1,
        end=2,
        duration_min=3,
        duration_max=4,
        search_depth=5,
        site="demo",
        trace_duration_min=6,
        trace_duration_max=7,
    )
    query = messages.trace_query(request)
    assert (query.site, query.service, query.operation) == ("demo", "petstore", "AddPets")
    assert query.tags == (
        ("error", "true"), ("http.method", "GET"), ("key", ' "two words" '), ("a=b", "c"),
    )  # fmt: skip
    assert (query.range.start, query.range.end) == (Moment(1), Moment(2))
    assert (query.span_min, query.span_max, query.trace_min, query.trace_max) == (3, 4, 6, 7)
    assert query.limit == 5
