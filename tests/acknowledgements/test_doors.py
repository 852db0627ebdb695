"""Who has an alert, over gRPC."""

from typing import TYPE_CHECKING

import grpc.aio
import pytest
from pytest_django import Settings

from ops.acknowledgements import actions
from ops.actor import Actor
from ops.rpc import auth
from ops.rpc.server import serve_grpc
from ops.vocabulary import timerange
from proto.ops.ops_pb2 import AcknowledgeReq, AlertsReq
from proto.ops.ops_pb2_grpc import OpsStub
from tests.fakes.prometheus import FakePrometheus

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_program_reads_who_has_an_alert(
    operator: Actor, mia: Actor, viewer: Actor, prometheus: FakePrometheus, settings: Settings
) -> None:
    settings.GRPC_ANONYMOUS_USER = viewer.name
    auth.cache.clear()
    until = timerange.now_ns() + timerange.HOUR
    async with (
        serve_grpc("127.0.0.1:0") as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        ops: OpsAsyncStub = OpsStub(channel)
        before = (await ops.Alerts(AlertsReq())).alerts
        await actions.acknowledge(operator, name="QueueDeep", until=until, note="looking")
        await actions.hand_over(operator, name="QueueDeep", to="mia")
        after = (await ops.Alerts(AlertsReq())).alerts

    assert not any(each.HasField("held") for each in before)
    for each in after:
        held = each.held
        assert (held.person, held.given_by, held.note, held.until) == (
            "mia",
            "olga",
            "looking",
            until,
        )
        assert held.all
        assert held.since


async def test_a_program_has_alerts_with_a_note_and_an_end_and_changes_both(
    operator: Actor, prometheus: FakePrometheus, settings: Settings
) -> None:
    settings.GRPC_ANONYMOUS_USER = operator.name
    auth.cache.clear()
    until = timerange.now_ns() + timerange.HOUR
    async with (
        serve_grpc("127.0.0.1:0") as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        ops: OpsAsyncStub = OpsStub(channel)

        async def acknowledge(note: str, until: int) -> tuple[str, str, int]:
            asked = AcknowledgeReq(name="QueueDeep", note=note, until=until)
            held = (await ops.Acknowledge(asked)).held
            return held.person, held.note, held.until

        assert await acknowledge("looking", until) == ("olga", "looking", until)
        assert await acknowledge("", until + 1) == ("olga", "looking", until + 1)
        assert await acknowledge("DB-212", 0) == ("olga", "DB-212", 0)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await acknowledge("x" * 301, 0)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == (
        "a note is one line of at most 300 characters, none of them invisible"
    )
