"""How soon 200 instances are sent a change of which 20 hang: over gRPC, one process."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import grpc.aio

from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from tests.fakes.instance import FakeInstance, fake_instance
from tests.live import portals

INSTANCES, HANGING = 200, 20
SITE = "[sites.bench]\ndefault_service = 'shop'\n[sites.bench.services.shop]\ninstances = [{}]\n"
TIMES = 3


async def measure(folder: Path) -> str:
    """Return a sentence for the page."""
    async with AsyncExitStack() as stack:
        started = (stack.enter_async_context(fake_instance()) for _ in range(INSTANCES))
        instances = [await each for each in started]
        for each in instances[:HANGING]:
            each.hangs = True
        addresses = ", ".join(f'"{each.address}"' for each in instances)
        portal = await asyncio.to_thread(portals.portal, folder, SITE.format(addresses))
        token = portal.person("bench", "operators")
        (folder / "log").mkdir()
        with portal.running("rungrpc", folder / "log"):
            seconds = [await _change(portal, token, instances, each) for each in range(TIMES)]
    return (
        f"A change of {INSTANCES} instances of which {HANGING} hang (each is a gRPC server, all in "
        f"one other process): {INSTANCES - HANGING} had it {min(seconds):.2f} to "
        f"{max(seconds):.2f} s after the call began. The aim is 1 s."
    )


async def _change(
    portal: portals.Portal, token: str, instances: list[FakeInstance], number: int
) -> float:
    """Return after how many seconds all that do not hang had a change."""
    rate = (number + 1) / 8
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STFloat, float_value=rate)
    metadata = (("authorization", f"Bearer {token}"),)
    async with grpc.aio.insecure_channel(portal.grpc) as channel:
        began = time.perf_counter()
        call = asyncio.ensure_future(
            OpsStub(channel).ChangeSampling(request, metadata=metadata, timeout=60)
        )
        while not all(("STFloat", rate) in each.told for each in instances[HANGING:]):
            await asyncio.sleep(0.005)
            assert not call.done(), call.exception()
        taken = time.perf_counter() - began
        code = await asyncio.gather(call, return_exceptions=True)
        assert isinstance(code[0], grpc.aio.AioRpcError), "those that hang did not confirm"
    return taken
