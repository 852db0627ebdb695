"""What each release answers: the table that clients have to live with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from opsportal.demo.jaeger import QUERY_SERVICE
from opsportal.demo.store import spans
from proto.jaeger.api_v3 import query_pb2, query_pb2_grpc
from tests.fakes.jaeger import FakeJaeger, Release, span, trace

Stub = query_pb2_grpc.QueryServiceStub
RELEASES: list[Release] = ["2.13", "2.20", "main"]
every_release = pytest.mark.parametrize("release", RELEASES)
TEXT_OF_DEPTH = "search depth must be greater than 0 and less than max traces"


@asynccontextmanager
async def talking_to(fake: FakeJaeger) -> AsyncIterator[Any]:
    async with fake, grpc.aio.insecure_channel(fake.address) as channel:
        yield Stub(channel)


def query(**fields: Any) -> query_pb2.TraceQueryParameters:
    always = {"start_time_min": Timestamp(seconds=1), "start_time_max": Timestamp(seconds=2**33)}
    return query_pb2.TraceQueryParameters(**{"search_depth": 10, **always, **fields})


async def find(stub: Any, asked: query_pb2.TraceQueryParameters) -> list[Any]:
    return [each async for each in stub.FindTraces(query_pb2.FindTracesRequest(query=asked))]


async def summaries(stub: Any, asked: query_pb2.TraceQueryParameters) -> list[Any]:
    request = query_pb2.FindTraceSummariesRequest(query=asked)
    return [each async for chunk in stub.FindTraceSummaries(request) for each in chunk.summaries]


async def get(stub: Any, trace_id: str) -> list[Any]:
    return [each async for each in stub.GetTrace(query_pb2.GetTraceRequest(trace_id=trace_id))]


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


@every_release
async def test_it_takes_spans_and_gives_one_whole_trace_a_message(release: Release) -> None:
    made = trace(span("petstore", "a", children=[span("store", "b")]))
    fake = FakeJaeger(release)
    async with talking_to(fake) as stub, grpc.aio.insecure_channel(fake.address) as channel:
        export = channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            request_serializer=trace_service_pb2.ExportTraceServiceRequest.SerializeToString,
            response_deserializer=trace_service_pb2.ExportTraceServiceResponse.FromString,
        )
        request = trace_service_pb2.ExportTraceServiceRequest(resource_spans=made.resource_spans)
        await export(request)
        fake.add(trace(span("petstore", "c")))
        found = await find(stub, query())
        assert len(found) == 2
        assert [each.span for each in spans(made)] in [
            [each.span for each in spans(message)] for message in found
        ]


@every_release
@pytest.mark.parametrize("trace_id", ["ab", "AB", "ab".zfill(32)])
async def test_it_knows_an_id_in_any_case_and_length(release: Release, trace_id: str) -> None:
    fake = FakeJaeger(release)
    fake.add(trace(span("petstore", "a"), trace_id="ab"))
    async with talking_to(fake) as stub:
        assert len(await get(stub, trace_id)) == 1


async def test_it_says_in_two_ways_that_there_is_no_such_trace() -> None:
    for release in RELEASES[:2]:
        async with talking_to(FakeJaeger(release)) as stub:
            assert await get(stub, "ab") == []
    async with talking_to(FakeJaeger("main")) as stub:
        assert await refusal(get(stub, "ab")) == (grpc.StatusCode.NOT_FOUND, "trace not found")


@every_release
@pytest.mark.parametrize("trace_id", ["", "xyz", "0" * 33])
async def test_it_refuses_what_is_no_id(release: Release, trace_id: str) -> None:
    async with talking_to(FakeJaeger(release)) as stub:
        code, text = await refusal(get(stub, trace_id))
    assert code is grpc.StatusCode.UNKNOWN
    assert text.startswith("malform trace ID: ")


@every_release
async def test_it_wants_times(release: Release) -> None:
    async with talking_to(FakeJaeger(release)) as stub:
        refused = await refusal(find(stub, query_pb2.TraceQueryParameters(search_depth=1)))
        nothing = await refusal(_collected(stub.FindTraces(query_pb2.FindTracesRequest())))
    text = "start time min and max are required parameters"
    assert refused == (grpc.StatusCode.INVALID_ARGUMENT, text)
    assert nothing == (grpc.StatusCode.INVALID_ARGUMENT, "missing query")


async def _collected(stream: Any) -> list[Any]:
    return [each async for each in stream]


@every_release
async def test_it_wants_a_depth_but_main_takes_a_missing_one_for_100(release: Release) -> None:
    fake = FakeJaeger(release)
    fake.add(*(trace(span("petstore", "a")) for _ in range(101)))
    async with talking_to(fake) as stub:
        beyond = await refusal(find(stub, query(search_depth=100_001)))
        if release == "main":
            assert len(await find(stub, query(search_depth=0))) == 100
        else:
            assert await refusal(find(stub, query(search_depth=0))) == beyond
    assert beyond == (grpc.StatusCode.UNKNOWN, TEXT_OF_DEPTH)


async def test_it_has_summaries_from_2_20_on() -> None:
    for release in RELEASES[1:]:
        fake = FakeJaeger(release)
        start = 1_795_521_600_000_000_000
        lost = span("store", "lost", parent_id="ff" * 8, error="gone", start=start + 1)
        inner = span("store", "inner", error="")
        fake.add(trace(span("petstore", "a", start=start, duration=50, children=[inner]), lost))
        async with talking_to(fake) as stub:
            [summary] = await summaries(stub, query())
        assert (summary.root_service_name, summary.root_operation_name) == ("petstore", "a")
        assert (summary.span_count, summary.error_span_count) == (3, 2)
        assert summary.orphan_span_count == 1
        assert summary.min_start_time_unix_nano == start
        assert [(each.name, each.span_count) for each in summary.services] == [
            ("petstore", 1),
            ("store", 2),
        ]
    async with talking_to(FakeJaeger("2.13")) as stub:
        code, _ = await refusal(summaries(stub, query()))
    assert code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("release", "tags", "hits"),
    [
        ("2.13", {"error": "true"}, 0),
        ("2.13", {"span.kind": "internal"}, 0),
        ("2.13", {"resource.service.name": "petstore"}, 0),
        ("2.13", {"service.name": "petstore"}, 2),
        ("2.13", {"http.status_code": "500"}, 1),
        ("2.20", {"error": "true"}, 1),
        ("2.20", {"error": "false"}, 0),
        ("main", {"error": "true"}, 1),
        ("main", {"error": "false"}, 1),
        ("main", {"resource.service.name": "petstore"}, 2),
    ],
)
async def test_it_understands_tags_as_its_release_does(
    release: Release, tags: dict[str, str], hits: int
) -> None:
    fake = FakeJaeger(release)
    fake.add(trace(span("petstore", "a")))
    fake.add(trace(span("petstore", "b", error="boom", tags={"http.status_code": 500})))
    async with talking_to(fake) as stub:
        assert len(await find(stub, query(attributes=tags))) == hits


async def test_it_knows_services_and_operations() -> None:
    fake = FakeJaeger()
    fake.add(trace(span("petstore", "a", kind="server", children=[span("store", "b")])))
    async with talking_to(fake) as stub:
        services = await stub.GetServices(query_pb2.GetServicesRequest())
        asked = query_pb2.GetOperationsRequest(service="petstore")
        [operation] = (await stub.GetOperations(asked)).operations
        unknown = await stub.GetOperations(query_pb2.GetOperationsRequest(service="nobody"))
    assert set(services.services) == {"petstore", "store"}
    assert (operation.name, operation.span_kind) == ("a", "server")
    assert not unknown.operations


async def test_it_answers_nobody_without_a_known_tenant() -> None:
    fake = FakeJaeger(tenant_header="x-tenant", tenants=["acme"])
    async with talking_to(fake), grpc.aio.insecure_channel(fake.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service=QUERY_SERVICE)
        code, text = await refusal(health.Check(request))
        assert (code, text) == (grpc.StatusCode.UNAUTHENTICATED, "missing tenant header")
        code, _ = await refusal(health.Check(request, metadata=(("x-tenant", "other"),)))
        assert code is grpc.StatusCode.PERMISSION_DENIED
        answer = await health.Check(request, metadata=(("x-tenant", "acme"),))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_it_fails_hangs_and_recovers_as_told() -> None:
    fake = FakeJaeger()
    fake.add(trace(span("petstore", "a")), trace(span("petstore", "b")))
    async with talking_to(fake) as stub:
        fake.fail(grpc.StatusCode.UNAVAILABLE, "going down", method="FindTraces", after=1)
        assert await refusal(find(stub, query())) == (grpc.StatusCode.UNAVAILABLE, "going down")
        assert len(await summaries(stub, query())) == 2
        fake.hang()
        call = stub.GetServices(query_pb2.GetServicesRequest())
        await fake.until(lambda: "GetServices" in fake.methods())
        call.cancel()
        await fake.until(lambda: fake.cancelled == ["GetServices"])
        fake.recover()
        assert len(await find(stub, query())) == 2
    assert fake.calls[0].request.query.search_depth == 10
