import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from django.contrib.auth.models import User
from django.db import connection
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc_status.rpc_status import GRPC_DETAILS_METADATA_KEY

from ops import errors
from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.rpc.auth import Unauthenticated
from ops.rpc.errors import STATUS, rpc
from ops.rpc.servicer import OpsServicer, add_ops
from ops.sampling.actions import InstanceSampling, SamplingChange
from ops.vocabulary.policies import ALWAYS, NEVER
from ops.vocabulary.spreads import Spread
from ops.vocabulary.timerange import now_ns, to_datetime
from proto.ops import ops_pb2, ops_pb2_grpc
from tests.conftest import SiteFile
from tests.rpc.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)
REQUEST = ops_pb2.AlertsReq()


class Failing(OpsServicer):
    """Fails with `error` whatever it is asked."""

    error: Exception

    @rpc(alerts.list_alerts, ops_pb2.AlertsReq)
    async def Alerts(self, actor: Actor, request: ops_pb2.AlertsReq) -> bytes:  # noqa: N802
        raise self.error


@pytest.fixture
async def failing(guest: User) -> AsyncIterator[tuple[Client, Failing]]:
    """A server whose one call fails."""
    server = grpc.aio.server()
    servicer = Failing()
    add_ops(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield ops_pb2_grpc.OpsStub(channel), servicer
    await server.stop(None)


async def failure(failing: tuple[Client, Failing], error: Exception) -> grpc.aio.AioRpcError:
    client, failing[1].error = failing[0], error
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.Alerts(REQUEST)
    return caught.value


def all_errors(kind: type[errors.OpsError] = errors.OpsError) -> list[type[errors.OpsError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in all_errors(each))]


def made(kind: type[errors.OpsError]) -> errors.OpsError:
    if issubclass(kind, errors.NotConfirmed):
        return kind("that is why", None)
    if issubclass(kind, errors.BackendUnavailable):
        return kind("that is why", backend="Jaeger")
    return kind("that is why")


def change(*instances: InstanceSampling) -> SamplingChange:
    return SamplingChange(
        site="demo",
        service="petstore",
        previous=Spread.of([NEVER]),
        policy=ALWAYS,
        actor="olga",
        door="grpc",
        at=to_datetime(now_ns()),
        request_id="0" * 16,
        instances=instances,
    )


def rich_details(error: grpc.aio.AioRpcError) -> ops_pb2.ChangeSamplingResp:
    metadata = dict(error.trailing_metadata() or ())
    rich = Status.FromString(metadata[GRPC_DETAILS_METADATA_KEY])
    assert (rich.code, rich.message) == (error.code().value[0], error.details())
    answer = ops_pb2.ChangeSamplingResp()
    assert rich.details[0].Unpack(answer)
    return answer


def test_it_has_a_status_for_every_error() -> None:
    ours = [kind for kind in all_errors() if kind.__module__ == "ops.errors"]
    assert {*ours, Unauthenticated} == set(STATUS)


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
async def test_it_says_what_was_wrong_with_the_status_that_fits(
    failing: tuple[Client, Failing], kind: type[errors.OpsError]
) -> None:
    error = await failure(failing, made(kind))
    nearest = next(base for base in kind.__mro__ if base in STATUS)
    assert (error.code(), error.details()) == (STATUS[nearest], "that is why")


async def test_it_hides_what_nobody_expected_but_says_where_the_log_has_it(
    failing: tuple[Client, Failing], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        error = await failure(failing, ZeroDivisionError("secret"))
    assert error.code() is StatusCode.INTERNAL
    request_id = dict(error.trailing_metadata() or ())["x-request-id"]
    assert error.details() == (f"something went wrong inside OpsPortal; log entry: {request_id!s}")
    assert "secret" in caplog.text


async def test_it_says_so_when_the_database_fails(
    ops: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    await in_database(rename, "rpc_token", "rpc_away")
    metadata = (("authorization", "Bearer ops_any"),)
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ops.Alerts(REQUEST, metadata=metadata)
    finally:
        await in_database(rename, "rpc_away", "rpc_token")
    assert caught.value.code() is StatusCode.UNAVAILABLE
    assert caught.value.details() == "a database table is missing; run: manage.py migrate"
    assert "rpc_token" in caplog.text
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.Alerts(REQUEST, metadata=metadata)
    assert caught.value.code() is StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "\N{GREEK SMALL LETTER PI}" * 10_000, "100 % " * 9_000, "\ud800"]
)
async def test_it_cuts_what_would_not_reach_the_client(
    failing: tuple[Client, Failing], text: str
) -> None:
    error = await failure(failing, errors.InvalidInput(text))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert (error.details() or "")[0] in (text[0], "?")


@pytest.mark.parametrize(("count", "told"), [(3, 3), (1_000, 10)])
async def test_it_tells_which_instances_did_not_confirm(
    failing: tuple[Client, Failing], count: int, told: int
) -> None:
    good = InstanceSampling("10.0.0.1:443", ALWAYS, confirmed=True)
    bad = [
        InstanceSampling(f"10.0.1.{n}:443", ALWAYS, reason=f"{n} did not answer within 5 s")
        for n in range(count - 1)
    ]
    result = change(good, *bad)
    error = await failure(failing, errors.NotConfirmed(f"not confirmed: {bad}", result))
    assert error.code() is StatusCode.ABORTED
    answer = rich_details(error)
    assert (answer.service, answer.policy) == ("petstore", "always")
    assert len(answer.instances) >= told
    assert not answer.instances[0].confirmed and answer.instances[0].reason


async def test_it_survives_bytes_that_are_no_message(
    channel: grpc.aio.Channel, ops: Client
) -> None:
    list_traces: Any = channel.unary_unary("/ops.Ops/ListTraces")
    not_utf8 = b"\x0a\x02\xff\xfe"
    for junk in (not_utf8, b"\xff" * 5_000):
        with pytest.raises(grpc.aio.AioRpcError):
            await list_traces(junk)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.Alerts(REQUEST)
    assert caught.value.code() is StatusCode.UNAUTHENTICATED


async def test_it_gives_the_request_id_that_the_audit_log_has(
    ops: Client, guest: User, site_file: SiteFile
) -> None:
    site_file("[sites.demo.services.petstore]")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.ChangeSampling(ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways))
    request_id = dict(caught.value.trailing_metadata() or ())["x-request-id"]
    entries = await in_database(lambda: list(AuditEntry.objects.all()))
    assert {entry.request_id for entry in entries} == {request_id}
