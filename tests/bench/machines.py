"""What the door for machines costs: `manage.py remote` in a process of its own, on SQLite."""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc.aio
import httpx
from websockets.asyncio.client import ClientConnection, connect

from proto.jaeger.api_v2.sampling_pb2 import SamplingStrategyParameters
from proto.jaeger.api_v2.sampling_pb2_grpc import SamplingManagerStub
from proto.opamp.opamp_pb2 import AgentToServer, RemoteConfigStatuses_APPLIED, ServerToAgent
from tests.bench import fan_out, heartbeats
from tests.bench.calling import milliseconds, row
from tests.bench.connection import Connection
from tests.bench.open_pages import cpu, memory
from tests.live import portals
from tests.ports import free_ports

AGENTS, HEARTBEAT = 5_000, 30.0
SERVICES = [f"shop-{number}" for number in range(3)]  # a service has 2,000 agents at most
CALLERS, SECONDS = 20, 5.0
GENTLE = 200  # calls a second
POLLING, POLL = 10_000, 60  # instances, and seconds between two polls of one
DOORS = 3  # processes that serve the same
TOGETHER = 100  # connections that are opened at once
SITE = '[sites.bench.remote]\ndefault_sampling = "1%"\n' + "".join(
    f"[sites.bench.services.{name}]\n" for name in SERVICES
)
CHANGE = """
import time
from django.db import transaction
from django.utils import timezone
from ops.sampling.models import Revision
with transaction.atomic():
    for name in {services}:
        Revision.objects.create(at=timezone.now(), site="bench", service=name, strategy="rate",
            rate={rate}, previous="", actor="bench", door="grpc", request_id="bench")
print(time.time())
"""
HEAD = """
The door for machines (`manage.py remote`), one process. The aims: 2,000 answers/s, p99 20 ms at
200/s; 10% of a core for 10,000 instances that poll once a minute; for 5,000 agents 15% of a core, a
change at all of them within 5 s, or two heartbeats over HTTP, 400 MB; 1 s until every process
serves a change.

| strategy answers | answers/s | CPU per answer | p99 at 200/s | 10,000 a minute |
|---|--:|--:|--:|--:|"""
Ask = Callable[[], Awaitable[object]]


async def measure() -> list[str]:
    """Return the lines of the page."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket for each agent
    with TemporaryDirectory() as folder:
        place = Path(folder)
        http, rpc = (f"127.0.0.1:{port}" for port in free_ports(2))
        portal = portals.portal(
            place, SITE, OPSPORTAL_REMOTE_ADDRESS=http, OPSPORTAL_REMOTE_GRPC_ADDRESS=rpc,
            OPSPORTAL_REMOTE_STATE=str(place / "state"),
        )  # fmt: skip
        (place / "log").mkdir()
        with portal.running("remote", place / "log") as process:
            change(portal, 0.5)
            rows = [
                await _answers("HTTP", process.pid, lambda stack: _http_callers(http, stack)),
                await _answers("gRPC", process.pid, lambda stack: _grpc_callers(rpc, stack)),
            ]
            found = [HEAD, *rows, *await _agents(portal, http, process.pid)]
            took = await heartbeats.seconds_until_applied(
                http, AGENTS, HEARTBEAT, _message, lambda: change(portal, 0.75)
            )
        found[-1] += f" Over HTTP: {took / HEARTBEAT:.1f} heartbeats after it."
        found += ["", await _served(portal, place)]
        (place / "fan-out").mkdir()
        return [*found, "", await fan_out.measure(place / "fan-out")]


def change(portal: portals.Portal, rate: float) -> float:
    """Set every service; returns when that was committed."""
    code = CHANGE.format(services=SERVICES, rate=rate)
    return float(portal.manage("shell", "--verbosity", "0", "--command", code))


async def _http_callers(address: str, stack: AsyncExitStack) -> list[Ask]:
    async def caller() -> Ask:
        connection = await Connection.open(address)
        stack.callback(connection.close)

        async def ask() -> None:
            assert b"sampling" in await connection.ask(f"GET /sampling?service={SERVICES[0]}")

        return ask

    return [await caller() for _ in range(CALLERS)]


async def _grpc_callers(address: str, stack: AsyncExitStack) -> list[Ask]:
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
    stub, request = (
        SamplingManagerStub(channel),
        SamplingStrategyParameters(serviceName=SERVICES[0]),
    )

    async def ask() -> None:
        await stub.GetSamplingStrategy(request)

    return [ask] * CALLERS


async def _answers(
    name: str, process: int, callers: Callable[[AsyncExitStack], Awaitable[list[Ask]]]
) -> str:
    """Ask as fast as it goes, then gently."""
    latencies: list[float] = []

    async def timed(ask: Ask) -> None:
        began = time.perf_counter()
        await ask()
        latencies.append(time.perf_counter() - began)

    async def busy(ask: Ask, until: float) -> None:
        while time.perf_counter() < until:
            await timed(ask)

    async def gentle(ask: Ask, first: float) -> None:
        for number in range(int(SECONDS * GENTLE / CALLERS)):
            await asyncio.sleep(first + number * CALLERS / GENTLE - time.perf_counter())
            await timed(ask)

    async with AsyncExitStack() as stack:
        asks = await callers(stack)
        before, began = cpu(process), time.perf_counter()
        await asyncio.gather(*(busy(ask, began + SECONDS) for ask in asks))
        fast, used = len(latencies) / (time.perf_counter() - began), cpu(process) - before
        each = used / len(latencies)
        latencies.clear()
        now = time.perf_counter()
        await asyncio.gather(*(gentle(ask, now + n / GENTLE) for n, ask in enumerate(asks)))
    p99 = sorted(latencies)[int(len(latencies) * 0.99)]
    core = f"{each * POLLING / POLL:.1%} of a core"
    return row(name, f"{fast:,.0f}", f"{each * 1e6:.0f} µs", milliseconds(p99), core)


def _message(number: int, sequence: int, answer: ServerToAgent | None = None) -> bytes:
    message = AgentToServer(
        instance_uid=number.to_bytes(16, "big"), sequence_num=sequence, capabilities=3
    )
    if sequence == 0:
        name = message.agent_description.identifying_attributes.add(key="service.name")
        name.value.string_value = SERVICES[number % len(SERVICES)]
    if answer:
        message.remote_config_status.last_remote_config_hash = answer.remote_config.config_hash
        message.remote_config_status.status = RemoteConfigStatuses_APPLIED
    return message.SerializeToString()


@dataclass
class _Agent:
    """One agent over a WebSocket."""

    number: int
    socket: ClientConnection
    sequence: int = 0

    async def say(self, answer: ServerToAgent | None = None) -> ServerToAgent:
        """Send a message and return what comes back."""
        await self.socket.send(b"\0" + _message(self.number, self.sequence, answer))
        self.sequence += 1
        return await self.hear()

    async def hear(self) -> ServerToAgent:
        data = await self.socket.recv()
        assert isinstance(data, bytes)
        return ServerToAgent.FromString(data[1:])

    async def follow(self) -> float:
        """Wait for a change, say that it is applied, and return when that was."""
        await self.say(await self.hear())
        return time.time()

    async def beat(self, first: float, count: int) -> None:
        for number in range(count):
            pause = first + number * HEARTBEAT - time.perf_counter()
            await asyncio.sleep(max(pause, 0))
            await self.say()


async def _open(address: str, number: int) -> _Agent:
    url = f"ws://{address}/v1/opamp"
    made = _Agent(number, await connect(url, compression=None, ping_interval=None))
    await made.say(await made.say())
    return made


async def _served(portal: portals.Portal, place: Path) -> str:
    """Start several processes, change everything a few times, and see when each serves it."""
    with ExitStack() as stack:
        doors = []
        for number in range(DOORS):
            folder = place / f"door-{number}"
            folder.mkdir()
            http, rpc, health = (f"127.0.0.1:{port}" for port in free_ports(3))
            own = {
                "OPSPORTAL_REMOTE_ADDRESS": http,
                "OPSPORTAL_REMOTE_GRPC_ADDRESS": rpc,
                "OPSPORTAL_REMOTE_STATE": str(folder / "state"),
                "OPSPORTAL_HEALTH_ADDRESS": health,
            }
            door = replace(portal, environment={**portal.environment, **own}, health=health)
            stack.enter_context(door.running("remote", folder))
            doors.append(http)
        seconds = []
        for number in range(5):
            rate = (number + 1) / 16
            waiting = asyncio.gather(*(_until_served(http, rate) for http in doors))
            committed = await asyncio.to_thread(change, portal, rate)
            seconds += [at - committed for at in await waiting]
    return (
        f"{DOORS} processes of the door served each of 5 changes {min(seconds):.2f} to "
        f"{max(seconds):.2f} s after its commit."
    )


async def _until_served(address: str, rate: float) -> float:
    """Return when a process serves a change."""
    wanted = b'"samplingRate":%s' % repr(rate).encode()
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        while True:
            if wanted in (await client.get(f"/sampling?service={SERVICES[0]}")).content:
                return time.time()
            await asyncio.sleep(0.01)


async def _agents(portal: portals.Portal, address: str, process: int) -> list[str]:
    """Connect all agents, let them beat, and change everything once."""
    agents: list[_Agent] = []
    for first in range(0, AGENTS, TOGETHER):
        several = range(first, first + TOGETHER)
        agents += await asyncio.gather(*(_open(address, number) for number in several))
    await asyncio.sleep(5)  # their rows are written
    before, began = cpu(process), time.perf_counter()
    pause = HEARTBEAT / AGENTS
    await asyncio.gather(*(each.beat(began + n * pause, 1) for n, each in enumerate(agents)))
    steady = (cpu(process) - before) / (time.perf_counter() - began)
    following = asyncio.gather(*(each.follow() for each in agents))
    committed = await asyncio.to_thread(change, portal, 0.25)
    last = max(await following)
    taken = memory(process)
    await asyncio.gather(*(each.socket.close() for each in agents))
    return [
        f"\n{AGENTS:,} OpAMP agents over WebSockets, a heartbeat each {HEARTBEAT:g} s: "
        f"{steady:.0%} of a core, {taken} MB. All of them had applied a change "
        f"{last - committed:.1f} s after its commit."
    ]
