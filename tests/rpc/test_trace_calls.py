"""Calls about traces, against a Jaeger, as existing clients make them."""

import pytest
from grpc import StatusCode
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.vocabulary.timerange import HOUR, MILLISECOND, SECOND, now_ns
from proto.ops import ops_pb2
from tests.fakes.jaeger import EITHER_JAEGER, Release, span, trace
from tests.rpc.calling import ZERO_TIME, refused
from tests.rpc.conftest import Backends, Client

pytestmark = pytest.mark.django_db(transaction=True)


def failing_trace(start: int = 0) -> TracesData:
    query = span("store", "store.Query", error="deadline exceeded", events=[("retry", {"n": 2})])
    root = span(
        "petstore", "SearchPets", children=[query], error="", start=start or now_ns() - SECOND
    )
    return trace(root)


@EITHER_JAEGER
async def test_it_lists_traces_as_the_reference_client_asks(
    ops: Client, backends: Backends
) -> None:
    first = backends.jaeger.add(failing_trace(now_ns() - 3 * SECOND))
    second = backends.jaeger.add(failing_trace(now_ns() - 2 * SECOND))
    backends.jaeger.add(trace(span("petstore", "AddPets", start=now_ns() - 2 * HOUR)))
    request = ops_pb2.ListTracesReq(
        service="petstore",
        tags=["error"],
        start=ZERO_TIME,
        end=now_ns() + 5 * SECOND,
        search_depth=10,
    )
    answer = await ops.ListTraces(request)
    assert [item.id for item in answer.traces] == [second, first]
    item = answer.traces[0]
    assert (item.root_service, item.root_operation) == ("petstore", "SearchPets")
    assert (item.span_count, item.error_count) == (2, 2)
    assert item.error == "store.Query: deadline exceeded"
    assert list(item.services) == ["petstore", "store"]
    assert not answer.more


@EITHER_JAEGER
async def test_it_says_what_failed_in_traces_too_large_for_a_list(
    ops: Client, backends: Backends, release: Release
) -> None:
    """Of these no spans come with a list of summaries: each is read for its sentence."""
    now = now_ns()
    for number in range(3):
        fine = [span("store", "store.Query") for _ in range(7_000)]
        failed = span("store", "store.Commit", error=f"no disk {number}")
        start = now - (number + 1) * SECOND
        root = span("petstore", "AddPets", start=start, error="", children=[*fine, failed])
        backends.jaeger.add(trace(root))
    answer = await ops.ListTraces(ops_pb2.ListTracesReq(service="petstore"))
    assert [item.error for item in answer.traces] == [
        f"store.Commit: no disk {n}" for n in range(3)
    ]
    methods = backends.jaeger.methods()
    assert ("FindTraces" in methods, methods.count("GetTrace")) == (
        (False, 3) if release == "2.20" else (True, 0)
    )


@EITHER_JAEGER
async def test_it_tells_the_older_window_when_the_limit_cut_the_list(
    ops: Client, backends: Backends
) -> None:
    ids = [backends.jaeger.add(failing_trace(now_ns() - n * SECOND)) for n in range(5, 0, -1)]
    found: list[str] = []
    request = ops_pb2.ListTracesReq(service="petstore", search_depth=2)
    while True:
        answer = await ops.ListTraces(request)
        found += [item.id for item in answer.traces if item.id not in found]
        if not answer.more:
            break
        request.start, request.end = answer.older_start, answer.older_end
    assert found == ids[::-1]


@EITHER_JAEGER
@pytest.mark.parametrize("by_token", [True, False])
async def test_hundreds_in_one_nanosecond_come_once_each(
    ops: Client, backends: Backends, by_token: bool
) -> None:
    start = now_ns() - 3 * HOUR
    ids = {backends.jaeger.add(trace(span("petstore", "x", start=start))) for _ in range(300)}
    older = backends.jaeger.add(trace(span("petstore", "x", start=start - HOUR)))
    found: list[str] = []
    request = ops_pb2.ListTracesReq(service="petstore", search_depth=10)
    while True:
        answer = await ops.ListTraces(request)
        found += [item.id for item in answer.traces]
        if not answer.more:
            break
        if by_token:
            request.page_token = answer.next_page_token
        else:
            request.start, request.end = answer.older_start, answer.older_end
    assert sorted(found) == sorted([*ids, older])
    assert found[-1] == older


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (ops_pb2.ListTracesReq(search_depth=-1), "search_depth is -1; it must be 1 or more, or 0"),
        (ops_pb2.ListTracesReq(tags=["=x"]), "is not a tag"),
        (ops_pb2.ListTracesReq(start=2, end=1), "is not before its end"),
        (ops_pb2.ListTracesReq(duration_min=2, duration_max=1), "min is 2ns, which is more than"),
    ],
)
async def test_it_refuses_a_search_that_cannot_be_right(
    ops: Client, backends: Backends, request_: ops_pb2.ListTracesReq, sentence: str
) -> None:
    error = await refused(ops.ListTraces(request_))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert sentence in (error.details() or "")
    assert backends.jaeger.calls == []


async def test_it_shows_a_trace(ops: Client, backends: Backends) -> None:
    trace_id = backends.jaeger.add(failing_trace())
    answer = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=trace_id.lstrip("0").upper()))
    assert answer.id == trace_id
    assert list(answer.operations) == ["SearchPets", "store.Query"]
    assert list(answer.errors) == ["store.Query: deadline exceeded", "SearchPets failed"]
    assert answer.duration.ToNanoseconds() >= 10 * MILLISECOND
    assert answer.url == f"https://jaeger.example.com/trace/{trace_id}"


async def test_it_says_where_a_trace_ran_and_its_links_both_ways(
    ops: Client, backends: Backends
) -> None:
    resource = {"service.version": "1.3.0", "service.instance.id": "petstore-7"}
    sent = backends.jaeger.add(trace(span("petstore", "send", span_id="00000000000000aa")))
    links = [(sent, "00000000000000aa")]
    got = backends.jaeger.add(
        trace(span("petstore", "got", span_id="00000000000000bb", links=links, resource=resource))
    )
    before = now_ns()
    second = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=got))
    first = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=sent))

    assert before <= second.as_of <= now_ns()
    assert list(second.processes) == [
        ops_pb2.Process(service="petstore", version="1.3.0", instance="petstore-7", span_count=1)
    ]
    link = ops_pb2.SpanLink(
        trace_id=got,
        span_id="00000000000000bb",
        to_trace_id=sent,
        to_span_id="00000000000000aa",
    )
    assert (list(second.links), list(second.linked_from)) == ([link], [])
    assert (list(first.links), list(first.linked_from)) == ([], [link])


async def test_it_names_a_hundred_errors_at_most(ops: Client, backends: Backends) -> None:
    failing = [span("store", f"store.Query{n}", error="no") for n in range(120)]
    trace_id = backends.jaeger.add(trace(span("petstore", "SearchPets", children=failing)))
    answer = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=trace_id))
    assert (len(answer.errors), answer.error_count, answer.span_count) == (100, 120, 121)


@pytest.mark.parametrize("trace_id", ["", "xyz", "1" * 33])
async def test_it_refuses_what_is_no_trace_id(
    ops: Client, backends: Backends, trace_id: str
) -> None:
    error = await refused(ops.ShowTrace(ops_pb2.ShowTraceReq(id=trace_id)))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert backends.jaeger.calls == []


async def test_it_finds_no_unknown_trace(ops: Client, backends: Backends) -> None:
    for call in (
        ops.ShowTrace(ops_pb2.ShowTraceReq(id="abc")),
        ops.ShowLogs(ops_pb2.ShowLogsReq(id="abc")),
    ):
        assert (await refused(call)).code() is StatusCode.NOT_FOUND


async def test_it_shows_logs_in_jaegers_own_form(ops: Client, backends: Backends) -> None:
    answer = await ops.ShowLogs(ops_pb2.ShowLogsReq(id=backends.jaeger.add(failing_trace())))
    (line,) = answer.logs
    fields = {field.key: field.v_str or field.v_int64 for field in line.fields}
    assert (fields["event"], fields["n"]) == ("retry", 2)
    (owner,) = answer.spans
    assert (owner.service, owner.operation, list(answer.span_of)) == ("store", "store.Query", [0])
    assert line.timestamp.ToNanoseconds() > 0
