"""The same search at every door: the same traces in the same order, whatever a store leaves."""

import grpc.aio
import pytest
from pytest_django import Settings

from bot import console
from ops.actor import Actor
from ops.backends.clients import close_clients
from ops.rpc import auth
from ops.rpc.server import serve_grpc
from ops.traces.actions import list_traces
from ops.vocabulary.filters import TraceQuery, format_query, parse_query
from ops.vocabulary.timerange import MILLISECOND, SECOND
from proto.ops.ops_pb2 import ListTracesReq
from proto.ops.ops_pb2_grpc import OpsStub
from tests.conftest import SiteFile
from tests.fakes.jaeger import RELEASES, FakeJaeger, Release, span, trace
from tests.traces.odd import NAMES

pytestmark = pytest.mark.django_db(transaction=True)
NOON = 1_704_110_400 * SECOND
TIMES = 20
LINE = "service=petstore error from=2024-01-01T11:00:00Z to=2024-01-01T12:00:00Z limit=7"
REQUEST = ListTracesReq(
    service="petstore", tags=["error"], start=NOON - 3600 * SECOND, end=NOON, search_depth=7
)


@pytest.mark.parametrize("release", RELEASES)
async def test_the_same_query_gives_the_same_traces(
    viewer: Actor, site_file: SiteFile, settings: Settings, release: Release
) -> None:
    settings.GRPC_ANONYMOUS_USER = viewer.name
    auth.cache.clear()
    async with (
        FakeJaeger(release) as jaeger,
        serve_grpc("127.0.0.1:0") as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        site_file(f'[sites.demo]\njaeger = {{ address = "{jaeger.address}" }}')
        for number in range(1, 200):
            # Three start at once, two of which fail.
            start = NOON - number // 3 * SECOND - MILLISECOND
            failed = "no disk" if number % 3 else None
            root = span("petstore", "x", start=start, error=failed)
            jaeger.add(trace(root, trace_id=f"{number:x}"))
        seen = set()
        for _ in range(TIMES):
            await close_clients()  # else it would be one answer for all
            found = await list_traces(viewer, query=parse_query(LINE))
            seen.add(tuple(each.trace_id for each in found.traces))
            await close_clients()
            reply = await console.answer(viewer, f"list traces {LINE}")
            seen.add(tuple(row.below[-1] for row in reply.rows))
            await close_clients()
            answer = await OpsStub(channel).ListTraces(REQUEST)
            ids = tuple(item.id for item in answer.traces)
            # gRPC's windows part no moment: what matched together with the last one comes too.
            assert ids[7:] == (f"{11:032x}",)
            seen.add(ids[:7])

    assert seen == {tuple(f"{number:032x}" for number in (1, 2, 4, 5, 7, 8, 10))}


@pytest.mark.parametrize("release", ["2.20"])
async def test_an_odd_tag_is_found_once_at_each_door(
    viewer: Actor, site_file: SiteFile, settings: Settings, release: Release
) -> None:
    settings.GRPC_ANONYMOUS_USER = viewer.name
    auth.cache.clear()
    async with (
        FakeJaeger(release) as jaeger,
        serve_grpc("127.0.0.1:0") as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        site_file(f'[sites.demo]\njaeger = {{ address = "{jaeger.address}" }}')
        odd = [name for name in NAMES if name.strip()]
        wanted = [jaeger.add(trace(span("petstore", "x", tags={"key": name}))) for name in odd]
        for name, trace_id in zip(odd, wanted, strict=True):
            line = format_query(TraceQuery(tags=(("key", name),)))
            found = await list_traces(viewer, query=parse_query(line))
            reply = await console.answer(viewer, f"list traces {line}")
            answer = await OpsStub(channel).ListTraces(ListTracesReq(tags=[f"key={name}"]))
            assert [each.trace_id for each in found.traces] == [trace_id], name
            assert [row.below[-1] for row in reply.rows] == [trace_id], name
            assert [item.id for item in answer.traces] == [trace_id], name
