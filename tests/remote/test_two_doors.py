"""Two processes for one site, with a balancer before them that sends agents to either in turn."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path

import httpx
import pytest

from ops.actor import Actor
from ops.database import in_database
from ops.remote.door import RemoteDoor
from ops.sampling.models import Instance
from ops.vocabulary import timerange
from ops.vocabulary.policies import rate
from proto.opamp.opamp_pb2 import (
    AgentToServer,
    RemoteConfigStatuses_APPLIED,
    ServerToAgent,
    ServerToAgentFlags_ReportFullState,
)
from tests.remote.conftest import Clock
from tests.remote.test_door import SITE, begin, running

pytestmark = pytest.mark.django_db(transaction=True)
POLL = 30 * timerange.SECOND
OWN = {"x-service-instance-id": "ours", "x-sampling-phase": "initial"}


@dataclass
class Agent:
    """An agent as EDOT's is: it answers a configuration, and ReportFullState, at once."""

    to: list[httpx.AsyncClient]
    effective: str = ""
    said: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._next = cycle(self.to)
        self._number = count()
        self._hash = b""

    async def poll(self, *, full: bool = False) -> None:
        message = AgentToServer(
            instance_uid=b"u" * 16,
            sequence_num=next(self._number),
            capabilities=0x1 | 0x2 | (0x4 if self.effective else 0),
        )
        if full:
            name = message.agent_description.identifying_attributes.add(key="service.name")
            name.value.string_value = "petstore"
            self._report(message)
            if self.effective:
                body = b'{"sampling_rate":"%s"}' % self.effective.encode()
                message.effective_config.config_map.config_map["elastic"].body = body
        await self._send(message)

    async def _send(self, message: AgentToServer) -> None:
        self.said["messages"] += 1
        answer = await next(self._next).post("/v1/opamp", content=message.SerializeToString())
        reply = ServerToAgent.FromString(answer.content)
        if reply.HasField("remote_config"):
            self.said["configurations"] += 1
            self._hash = reply.remote_config.config_hash
            status = AgentToServer(instance_uid=b"u" * 16, sequence_num=next(self._number))
            status.capabilities = message.capabilities
            self._report(status)
            await self._send(status)
        if reply.flags & ServerToAgentFlags_ReportFullState:
            self.said["full states"] += 1
            await self.poll(full=True)

    def _report(self, message: AgentToServer) -> None:
        if self._hash:
            message.remote_config_status.last_remote_config_hash = self._hash
            message.remote_config_status.status = RemoteConfigStatuses_APPLIED


@dataclass
class Doors:
    both: list[RemoteDoor]
    clock: Clock
    http: list[httpx.AsyncClient]

    async def pass_time(self) -> str:
        """Let both look and write, then half a minute pass; return what a page then shows."""
        for door in (*self.both, *reversed(self.both)):
            await door.write()
        self.clock.now += POLL
        row = await in_database(Instance.objects.first)
        return row.proof if row else ""


@pytest.fixture
async def doors(tmp_path: Path, operator: Actor) -> AsyncIterator[Doors]:
    await begin(operator, rate(0.5))
    clock = Clock(timerange.now_ns())
    both = [RemoteDoor({"demo": SITE}, tmp_path / name, clock) for name in "ab"]
    async with (
        running(both[0]) as a,
        running(both[1]) as b,
        httpx.AsyncClient(base_url=f"http://{a}") as first,
        httpx.AsyncClient(base_url=f"http://{b}") as second,
    ):
        yield Doors(both, clock, [first, second])


async def change(doors: Doors, operator: Actor, share: float) -> None:
    await begin(operator, rate(share))
    for door in doors.both:
        await door.start()  # reads what is in force, without waiting for its next round
    doors.clock.now = max(doors.clock.now, timerange.now_ns())
    assert [_served(door, doors.clock.now) for door in doors.both] == [share, share]


def _served(door: RemoteDoor, now: int) -> float | None:
    found = door.sites["demo"].in_force("petstore", now)
    return found.policy.rate if found else None


async def polls(doors: Doors, agent: Agent, number: int) -> list[str]:
    shown = []
    for _ in range(number):
        await agent.poll()
        shown.append(await doors.pass_time())
    return shown


@pytest.mark.parametrize("turn", [[0, 1], [0, 0, 1], [0, 1, 1, 0, 1]], ids=str)
async def test_an_agent_that_alternates_is_one_agent_and_stays_confirmed(
    doors: Doors, operator: Actor, turn: list[int]
) -> None:
    agent = Agent([doors.http[number] for number in turn])
    await agent.poll(full=True)
    await polls(doors, agent, 4)
    agent.said.clear()
    assert await polls(doors, agent, 40) == ["confirmed"] * 40
    assert not agent.said["configurations"]
    assert agent.said["full states"] <= 2 * (4 + 4), "four at once, then one in five minutes"

    await change(doors, operator, 0.25)
    agent.said.clear()
    shown = await polls(doors, agent, 10)
    assert shown[2:] == ["confirmed"] * 8
    assert agent.said["configurations"] <= 2
    assert await in_database(Instance.objects.count) == 1


async def test_what_one_door_sees_in_the_effective_configuration_counts_at_both(
    doors: Doors,
) -> None:
    agent = Agent(doors.http, effective="1")
    await agent.poll(full=True)
    await polls(doors, agent, 4)
    assert await polls(doors, agent, 10) == ["contradicted"] * 10


async def test_one_that_goes_to_the_other_door_from_now_on_is_not_gone(doors: Doors) -> None:
    agent = Agent([doors.http[0]])
    await agent.poll(full=True)
    await doors.pass_time()
    agent = Agent([doors.http[1]])
    await agent.poll(full=True)
    first = doors.both[0]
    await polls(doors, agent, 5)
    assert len(first.sites["demo"].agents) == 1
    doors.clock.now += POLL // 3
    await first.write()
    assert not len(first.sites["demo"].agents), "it has been silent there for three minutes"
    assert (await in_database(Instance.objects.get)).proof != "gone"


async def test_our_own_sampler_that_alternates_stays_confirmed(
    doors: Doors, operator: Actor
) -> None:
    said = dict(OWN)
    shown = []
    for number in range(8):
        if number == 4:
            await change(doors, operator, 0.25)
        answer = await doors.http[number % 2].get("/sampling?service=petstore", headers=said)
        said["if-none-match"] = answer.headers["etag"]
        shown.append(await doors.pass_time())
    expected = ["fetched", "confirmed", "confirmed", "confirmed"]
    assert shown == expected * 2
