"""A hundred kills with -9 around changes of sampling: `python -m tests.bench.kills`.

One process each of gRPC, watcher and door for machines. At each round somebody changes the
sampling over gRPC, for good or for some seconds, and at a random moment around that one of the
processes is killed and started again. All the while the door is asked what it serves. Each change
has a rate of its own, so whatever is served, or sent to an instance, says which change it is from.
"""

import asyncio
import json
import os
import random
import re
import subprocess
import time
from collections import Counter
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc.aio
import httpx

from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from tests.bench.chaos import PAGE, asked, database_of, machine
from tests.fakes.instance import FakeInstance, fake_instance
from tests.live import portals, servers
from tests.ports import free_ports

KILLS = int(os.environ.get("KILLS", "100"))
COMMANDS = ("rungrpc", "watch", "remote")
AROUND = 0.1  # seconds after a call has begun at which something is killed, on average
ASK_EACH = 0.02
CALL = 20.0
TIMED = 0.25  # of the changes
SETTLED = 90.0
DEFAULT = 0.01
SITES = """
[sites.chaos]
default_service = "petstore"
[sites.chaos.remote]
default_sampling = "1%"
[sites.chaos.services.petstore]
instances = [{instances}]
"""
LIST = """
import json
from ops.audit.models import AuditEntry
from ops.sampling.models import Revision
rows = AuditEntry.objects.filter(action="sampling.change_policy")
audited = set(rows.values_list("request_id", flat=True))
revisions = Revision.objects.order_by("id")
print(json.dumps([[row.rate, row.request_id in audited] for row in revisions]))
"""
MARKS = re.compile(r"(?<=<!-- kills -->\n).*?(?=<!-- end of kills -->)", re.DOTALL)


@dataclass
class Process:
    """One of our processes, which is killed and started again."""

    portal: portals.Portal
    command: str
    log: Path
    health: str
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**self.portal.environment, "OPSPORTAL_HEALTH_ADDRESS": self.health}
        with self.log.open("ab") as said:
            self.running = subprocess.Popen(
                [*servers.MANAGE, self.command],
                env=environment,
                cwd=servers.ROOT,
                stdout=said,
                stderr=said,
            )

    def kill(self) -> None:
        """Kill it with -9, and wait until it is gone."""
        assert self.running
        assert self.running.poll() is None, f"{self.command} ended by itself; see {self.log}"
        self.running.kill()
        self.running.wait()

    async def ready(self) -> None:
        url = f"http://{self.health}/readyz"
        try:
            await asyncio.to_thread(servers.until, servers.answers(url), f"{self.command} is ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text()}") from None


@dataclass
class Kills:
    """What happens, and what is seen of it."""

    portal: portals.Portal
    remote: str
    token: str
    instances: list[FakeInstance]
    processes: list[Process]
    dice: random.Random
    served: Counter[float] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)

    async def watch(self) -> None:
        """Ask again and again what the door serves."""
        async with httpx.AsyncClient(base_url=f"http://{self.remote}", timeout=2) as client:
            while True:
                with suppress(httpx.HTTPError):
                    self._note((await client.get("/strategies.json")).json())
                await asyncio.sleep(ASK_EACH)

    def _note(self, document: dict[str, Any]) -> None:
        services = {each["service"]: each["param"] for each in document["service_strategies"]}
        self.served[services.get("petstore", document["default_strategy"]["param"])] += 1

    async def change(self, number: int) -> None:
        """Make one change over gRPC, with a rate that no other has."""
        request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STFloat, float_value=rate_of(number))
        if number and self.dice.random() < TIMED:
            request.until = time.time_ns() + 12 * 10**9
        async with grpc.aio.insecure_channel(self.portal.grpc) as channel:
            metadata = (("authorization", f"Bearer {self.token}"),)
            try:
                await OpsStub(channel).ChangeSampling(request, metadata=metadata, timeout=CALL)
                self.calls["OK"] += 1
            except grpc.aio.AioRpcError as error:
                self.calls[error.code().name] += 1

    async def round(self, number: int) -> None:
        """Change something and kill something."""
        victim = self.dice.choice(self.processes)
        changing = asyncio.create_task(self.change(number))
        await asyncio.sleep(self.dice.expovariate(1 / AROUND))
        await asyncio.to_thread(victim.kill)
        self.killed[victim.command] += 1
        victim.start()
        await changing
        await victim.ready()

    async def settled(self) -> float:
        """Wait until everybody has the last change that there is; return its rate."""
        given_up = time.monotonic() + SETTLED
        while True:
            rows = await asyncio.to_thread(self.rows)
            served = await asyncio.to_thread(self._served)
            told = {each.told[-1][1] for each in self.instances}
            if told == {served} and served in [rate for rate, _ in rows]:
                return float(served)
            assert time.monotonic() < given_up, f"served {served}, instances have {told}"
            await asyncio.sleep(1)

    def _served(self) -> float:
        document = httpx.get(f"http://{self.remote}/strategies.json").json()
        [rate] = [each["param"] for each in document["service_strategies"]]
        return float(rate)

    def rows(self) -> list[tuple[float, bool]]:
        """Return the rate of each revision, and whether the audit log has it."""
        return [(rate, audited) for rate, audited in json.loads(asked(self.portal, LIST))]


def rate_of(number: int) -> float:
    """Return the rate of a change, which says its number."""
    return (number + 20) / 1024


async def main() -> None:
    """Start everything, kill, check, and write the result."""
    seed = int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    print(f"kills around changes, SEED={seed}")
    async with AsyncExitStack() as stack:
        instances = [await stack.enter_async_context(fake_instance()) for _ in range(3)]
        with ExitStack() as running:
            folder = Path(running.enter_context(TemporaryDirectory(prefix="opsportal-kills-")))
            kind, database = database_of(running)
            addresses = ", ".join(f'"{each.address}"' for each in instances)
            http, rpc, *healths = (f"127.0.0.1:{port}" for port in free_ports(5))
            more = {"DATABASE_URL": database} if database else {}
            portal = portals.portal(
                folder,
                SITES.format(instances=addresses),
                OPSPORTAL_REMOTE_ADDRESS=http,
                OPSPORTAL_REMOTE_GRPC_ADDRESS=rpc,
                OPSPORTAL_REMOTE_STATE=str(folder / "state"),
                **more,
            )
            token = portal.person("chaos", "operators")
            processes = [
                Process(portal, command, folder / f"{command}.log", health)
                for command, health in zip(COMMANDS, healths, strict=True)
            ]
            kills = Kills(portal, http, token, instances, processes, random.Random(seed))
            try:
                lines = await story(kills, kind, seed)
            finally:
                for each in processes:
                    if each.running and each.running.poll() is None:
                        each.running.kill()
                        each.running.wait()
    text = "\n".join(lines) + "\n"
    print(text)
    PAGE.write_text(MARKS.sub(lambda _: text, PAGE.read_text()))


async def story(kills: Kills, kind: str, seed: int) -> list[str]:
    """Kill, then check; returns the lines of the page."""
    load = os.getloadavg()[0]
    for each in kills.processes:
        each.start()
    await asyncio.gather(*(each.ready() for each in kills.processes))
    watching = asyncio.create_task(kills.watch())
    began = time.monotonic()
    for number in range(KILLS):
        await kills.round(number)
    took = time.monotonic() - began
    last = await kills.settled()
    watching.cancel()
    await asyncio.to_thread(kills.portal.manage, "audit_verify")
    rows = await asyncio.to_thread(kills.rows)
    rates = {rate for rate, _ in rows}
    told = {rate for each in kills.instances for _, rate in each.told}
    without = [rate for rate, audited in rows if not audited]
    assert not without, f"changes without an audit row: {without}"
    assert told <= rates, f"instances were sent what no revision says: {told - rates}"
    unexplained = kills.served.keys() - rates - {DEFAULT}
    assert not unexplained, f"served without a revision: {unexplained}"
    killed = ", ".join(f"{command} {count}" for command, count in sorted(kills.killed.items()))
    codes = ", ".join(f"{code} {count}" for code, count in kills.calls.most_common())
    return [
        f"{machine(kind)} The load before it was {load:.1f}. SEED={seed}.",
        "",
        f"{sum(kills.killed.values())} kills in {took:.0f} s ({killed}) around as many calls "
        f"({codes}): {len(rows)} revisions, all of them in the audit log, which verifies; "
        f"{sum(kills.served.values()):,} answers of the door with {len(kills.served)} different "
        f"rates, none without a revision; nothing was sent to an instance that no revision says. "
        f"At the end the door and all instances had the same, {last:.4g}.",
    ]


if __name__ == "__main__":
    asyncio.run(main())
