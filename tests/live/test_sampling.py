"""Sampling of real petstores, through each door."""

import time
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest

from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from tests.live import portals, servers
from tests.live.conftest import Person, add_nameless_pet

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub


async def test_it_changes_every_instance_through_each_door(
    ops: "OpsAsyncStub", operator: Person, petstores: list[servers.Petstore]
) -> None:
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STFloat, float_value=0.5)
    changed = await ops.ChangeSampling(request, metadata=operator.metadata)
    confirmed = {each.address for each in changed.instances if each.confirmed}
    assert confirmed == {petstore.address for petstore in petstores}
    assert "petstore is sampled at 50% on 3 of 3 instances" in operator.opens("/sampling/")

    answer = operator.says("change sampling float 0.25 now")
    assert "Sampling of petstore: 50% -> 25%, confirmed by 3 of 3 instances" in answer

    question = operator.opens("/sampling/change/", service="petstore", strategy="always")
    assert "Change sampling of petstore from 25% to always?" in question
    form = {"service": "petstore", "strategy": "always", "rate": ""}
    page = operator.submits("/sampling/change/", **form)
    assert "petstore is always sampled on 3 of 3 instances" in page


async def test_it_refuses_a_viewer(ops: "OpsAsyncStub", viewer: Person) -> None:
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STNever)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await ops.ChangeSampling(request, metadata=viewer.metadata)
    assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "sampling.change_policy" in viewer.says("change sampling never")


def test_it_shows_in_the_traces(
    portal: portals.Portal, operator: Person, petstores: list[servers.Petstore], failed: str
) -> None:
    operator.says("change sampling never now")
    never = time.time_ns()
    add_nameless_pet(petstores[0])
    always = time.time_ns()
    operator.says("change sampling always now")
    kept = time.time_ns()
    add_nameless_pet(petstores[0])
    with grpc.insecure_channel(portal.grpc) as channel:
        ops: OpsStub = OpsStub(channel)

        def traces(start: int, end: int) -> list[str]:
            request = ops_pb2.ListTracesReq(operation="AddPets", start=start, end=end)
            found = ops.ListTraces(request, metadata=operator.metadata)
            return [trace.id for trace in found.traces if start <= trace.start < end]

        assert servers.until(lambda: traces(kept, time.time_ns()), "what is sampled arrives")
        assert traces(never, always) == []
