"""A tag that a span has finds that span again in a real Jaeger, whatever its value."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from ops.actor import Actor
from ops.backends.jaeger.api_v2 import as_otlp
from ops.backends.otlp import read_trace
from ops.rpc.log_pages import logs
from ops.traces.actions import list_traces, show_logs, show_trace
from ops.vocabulary.filters import format_query, parse_query
from ops.vocabulary.tag_words import exact_tag
from ops.vocabulary.tags import searched
from proto.jaeger.api_v2 import model_pb2, query_pb2, query_pb2_grpc
from proto.ops.ops_pb2 import ShowLogsResp
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.jaeger import span, trace
from tests.live import servers
from tests.live.large import send
from tests.traces.odd import NAMES, VALUES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def jaeger(tmp_path: Path, site_file: SiteFile) -> AsyncIterator[servers.Jaeger]:
    with servers.jaeger(tmp_path) as running:
        site_file(f'[sites.p.jaeger]\naddress = "{running.query}"')
        yield running


@pytest.fixture
def reader(person: Person) -> Actor:
    return actor_of(person("rita", "viewers"))


async def sent(jaeger: servers.Jaeger, reader: Actor, *traces: TracesData) -> None:
    """Send traces, and wait for the last one."""
    await send(jaeger.otlp, [spans for each in traces for spans in each.resource_spans])
    last = traces[-1].resource_spans[0].scope_spans[0].spans[0].name

    async def found() -> Any:
        return (await list_traces(reader, query=parse_query(f'operation="{last}"'))).traces

    await servers.eventually(found, bool)


async def test_every_value_finds_its_span(jaeger: servers.Jaeger, reader: Actor) -> None:
    pairs = [*((f"v{number}", value) for number, value in enumerate(VALUES))]
    pairs += [(f"n{number}{name}", name) for number, name in enumerate(NAMES)]
    started = time.time_ns()
    made = [
        trace(span("odd", f"op {n}", tags={key: value}, start=started + n))
        for n, (key, value) in enumerate(pairs)
    ]
    await sent(jaeger, reader, *made)

    for message, (key, value) in zip(made, pairs, strict=True):
        trace_id = message.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
        whole = (await show_trace(reader, trace_id=trace_id)).rows[0].span
        assert whole is not None
        text = searched(whole, key, whole.attributes[key], "exact")
        assert text is not None, (key, value)
        line = format_query(parse_query("service=odd limit=30"))
        asked = parse_query(line)
        for tag in ((key, text), exact_tag(_written(key, text))):
            query = type(asked)(service="odd", tags=(tag,))
            found = await list_traces(reader, query=parse_query(format_query(query)))
            assert [each.trace_id for each in found.traces] == [trace_id], (key, value, text)


async def test_conditions_find_what_they_say(jaeger: servers.Jaeger, reader: Actor) -> None:
    codes = (200, 404, "500", 503.5, None)
    started = time.time_ns()
    made = [
        trace(
            span(
                "shop", f"op {number}", start=started + number, error=None if number else "timeout",
                tags={} if code is None else {"code": code, "n": number},
            )
        )
        for number, code in enumerate(codes)
    ]  # fmt: skip
    await sent(jaeger, reader, *made)

    for line, numbers in {
        "code!=200": [3, 2, 1],
        "code>=404": [3, 2, 1],
        "code>404 code<=500": [2],
        "code=~50.*": [3, 2],
        'code!~50.* operation!="op 0"': [1],
        "operation=~op.*": [4, 3, 2, 1, 0],
        "error=~time.*": [0],
        "error code!=404": [0],
        "service!=store n=1": [1],
    }.items():
        found = await list_traces(reader, query=parse_query(f"{line} last=1h"))
        assert [each.operation for each in found.traces] == [f"op {n}" for n in numbers], line


def _written(key: str, value: str) -> str:
    """As a program writes a tag to the gRPC door."""
    if "=" in key or key.startswith('"'):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"={value}'
    return f"{key}={value}"


@pytest.fixture
async def both(jaeger: servers.Jaeger, reader: Actor) -> tuple[str, list[model_pb2.Span]]:
    """A trace of odd spans: its id, and its spans as Jaeger's api_v2 has them.

    That writes -0.0 as nothing, which is 0, so it is left out.
    """
    values = [value for value in VALUES if str(value) != "-0.0"]
    made = trace(
        span(
            "shop", "Buy", kind="server", error="too late",
            tags={"n": 2**60, "otel.status_code": 1},
            events=[(f"e{number}", {"value": value}) for number, value in enumerate(values)],
            children=[
                span("store", "Query", kind="client", tags={"error": "no disk"},
                     events=[("", {"a": 1}), ("named", {"event": "x"}), ("both", {"event": 7})]),
                span("store", "Last", kind="", resource={"host.name": "h"}),
            ],
        ),
    )  # fmt: skip
    first, second = made.resource_spans[0].scope_spans[0], made.resource_spans[1].scope_spans[0]
    first.scope.name, first.scope.version = "lib", "1.2"
    second.spans[0].trace_state = "a=b"
    second.spans[0].status.code = Status.STATUS_CODE_OK
    event = first.spans[-1].events.add(time_unix_nano=time.time_ns(), name="twice")
    event.attributes.add(key="k", value=AnyValue(string_value="one"))
    event.attributes.add(key="k", value=AnyValue(int_value=2))
    await sent(jaeger, reader, made)
    trace_id = first.spans[0].trace_id
    async with grpc.aio.insecure_channel(jaeger.query) as channel:
        stub = query_pb2_grpc.QueryServiceStub(channel)
        chunks = stub.GetTrace(query_pb2.GetTraceRequest(trace_id=trace_id, raw_traces=True))
        spans = [each async for chunk in chunks for each in chunk.spans]
    return trace_id.hex(), spans


async def test_a_trace_has_the_tags_of_api_v2(
    both: tuple[str, list[model_pb2.Span]], reader: Actor
) -> None:
    trace_id, spans = both
    found = await show_trace(reader, trace_id=trace_id)
    assert found.tags() == sorted({tag.key for each in spans for tag in each.tags})


async def test_logs_are_those_of_api_v2(
    both: tuple[str, list[model_pb2.Span]], reader: Actor
) -> None:
    trace_id, spans = both
    answer = ShowLogsResp.FromString(await logs(await show_logs(reader, trace_id=trace_id)))
    theirs = [log for each in spans for log in each.logs]
    assert sorted(map(str, answer.logs)) == sorted(map(str, theirs))


async def test_a_trace_fails_alike_over_both_apis(
    both: tuple[str, list[model_pb2.Span]], reader: Actor
) -> None:
    trace_id, spans = both
    found = await show_trace(reader, trace_id=trace_id)
    chunk = query_pb2.SpansResponseChunk(spans=spans).SerializeToString()
    converted = read_trace(as_otlp([chunk]))
    assert converted is not None
    assert {(each.span_id, each.error, each.message) for each in converted} == {
        (each.span_id, each.error, each.message) for each in found.spans
    }
    assert converted.store.tag_keys() == set(found.tags())
