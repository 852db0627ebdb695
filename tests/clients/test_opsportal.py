"""The sampler and OpsPortal itself: what one says, the other understands."""

import asyncio
from dataclasses import dataclass

import pytest
from opsportal_sampler import RemoteSampler
from opsportal_sampler.http import read_url
from opsportal_sampler.instance import Instance
from opsportal_sampler.opamp import OpAmp
from opsportal_sampler.remote import JaegerRemote

from ops.remote.agents import Agent
from ops.sampling.proof import Proof
from ops.sampling.revisions import InForce
from ops.vocabulary.policies import ALWAYS, NEVER, per_second, rate
from ops.vocabulary.timerange import MINUTE, now_ns
from tests.clients.conftest import Clock
from tests.remote.conftest import KEY, Machines

Way = type[JaegerRemote] | type[OpAmp]
SET = [rate(0.5), NEVER, ALWAYS, per_second(5)]


@dataclass
class Following:
    """An instance of petstore that follows a site."""

    machines: Machines
    sampler: RemoteSampler
    source: JaegerRemote | OpAmp

    async def poll(self) -> Agent:
        """Do one turn; return what the site then knows of the instance."""
        if await asyncio.to_thread(self.source.poll):
            await asyncio.to_thread(self.source.poll)
        (agent,) = self.machines.site.agents.unwritten(self.machines.clock.now)
        return agent


def following(machines: Machines, way: Way, at: str, clock: Clock) -> Following:
    sampler = RemoteSampler(0.25, clock)
    key = "Authorization", f"Bearer {KEY}"
    source = way(sampler, read_url(f"http://{at}"), Instance("petstore", "petstore-1"), key)
    return Following(machines, sampler, source)


@pytest.mark.parametrize("way", [JaegerRemote, OpAmp])
async def test_each_change_is_confirmed_in_one_turn(way: Way, clock: Clock) -> None:
    machines = Machines()
    async with machines.http() as at:
        instance = following(machines, way, at, clock)
        for revision, policy in enumerate(SET, 1):
            machines.set("petstore", revision, policy)
            agent = await instance.poll()
            assert (agent.proof, agent.proven_revision) == (Proof.CONFIRMED, revision)
            assert agent.said == policy
            assert instance.sampler.report().revision == revision
        assert (agent.key, agent.unauthenticated) == ("petstore-1", False)


@pytest.mark.parametrize("way", [JaegerRemote, OpAmp])
async def test_a_timed_change_ends_by_itself(way: Way, clock: Clock) -> None:
    machines = Machines()
    end = now_ns() + 10 * MINUTE  # by the clock that answers are dated with
    machines.desired.services["petstore"] = InForce(7, ALWAYS, 0, end, rate(0.1))
    async with machines.http() as at:
        instance = following(machines, way, at, clock)
        assert (await instance.poll()).proof is Proof.CONFIRMED
        clock.now += 9 * 60
        assert instance.sampler.report().applied == "1"
        clock.now += 2 * 60
        assert instance.sampler.report().applied == "0.1"
        machines.set("petstore", 8, rate(0.1))
        agent = await instance.poll()
        assert (agent.proof, agent.proven_revision) == (Proof.CONFIRMED, 8)
