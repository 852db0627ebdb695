"""Calls for sites and backends that are not there, or that nobody waits for."""

import asyncio

import pytest
from grpc import StatusCode

from proto.ops import ops_pb2
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER
from tests.rpc.calling import refused
from tests.rpc.conftest import Backends, Client

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_knows_no_other_site(ops: Client, backends: Backends) -> None:
    error = await refused(ops.Alerts(ops_pb2.AlertsReq(site="dmeo")))
    assert error.code() is StatusCode.NOT_FOUND
    assert error.details() == 'there is no site "dmeo"; did you mean "demo"?'


async def test_it_says_which_backend_is_down(ops: Client, backends: Backends) -> None:
    await backends.jaeger.stop()
    error = await refused(ops.ListTraces(ops_pb2.ListTracesReq(service="petstore")))
    assert error.code() is StatusCode.UNAVAILABLE
    assert f"Jaeger of demo at {backends.jaeger.address}" in (error.details() or "")


@EITHER_JAEGER
async def test_it_ends_the_backends_call_when_the_client_gives_up(
    ops: Client, backends: Backends
) -> None:
    await ops.ListTraces(ops_pb2.ListTracesReq(service="petstore", operation="X"))
    asked = len(backends.jaeger.calls)
    backends.jaeger.hang()
    call = ops.ListTraces(ops_pb2.ListTracesReq(service="petstore"))
    waiting = asyncio.ensure_future(call.code())
    await backends.jaeger.until(lambda: len(backends.jaeger.calls) > asked)
    call.cancel()
    assert await waiting is StatusCode.CANCELLED
    await backends.jaeger.until(lambda: backends.jaeger.cancelled)


@ANY_JAEGER
async def test_it_ends_the_backends_call_at_the_clients_deadline(
    ops: Client, backends: Backends
) -> None:
    await ops.ListTraces(ops_pb2.ListTracesReq(service="petstore"))
    backends.jaeger.hang()
    call = ops.ListTraces(ops_pb2.ListTracesReq(service="petstore", operation="X"), timeout=5)
    assert (await refused(call)).code() is StatusCode.DEADLINE_EXCEEDED
    await backends.jaeger.until(lambda: backends.jaeger.cancelled)
