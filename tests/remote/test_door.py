"""The door as a process has it: what is set reaches machines, what they say is written down."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from django.core.management.base import CommandError
from pytest_django import Settings
from websockets.asyncio.client import connect

from ops.actor import Actor
from ops.database import in_database
from ops.remote.agents import Peer
from ops.remote.door import RemoteDoor
from ops.remote.http import LARGEST_BODY
from ops.sampling import reports, store
from ops.sampling.models import Instance
from ops.sampling.proof import Proof, Way
from ops.sampling.revisions import Setting
from ops.sites import Service, Site, sites
from ops.sites.sampling import Remote
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy, per_second, rate
from ops.vocabulary.spreads import Spread
from opsportal.listening import serving
from opsportal.remote import addresses, check_addresses
from tests.conftest import SiteFile
from tests.ports import free_ports
from tests.remote.conftest import Clock
from tests.remote.test_opamp_wire import hello, received
from tests.web_server import listening

ROOT = Path(__file__).parent.parent.parent
SITE = Site(
    "demo", None, (), {"petstore": Service("petstore", "petstore")}, "", remote=Remote(rate(0.01))
)
SITES = '[sites.demo.remote]\ndefault_sampling = "1%"\n[sites.demo.services.petstore]\n'
SAYS = {"x-service-instance-id": "one", "x-sampling-phase": "initial", "x-sampling-applied": "5/s"}


async def begin(actor: Actor, policy: Policy) -> None:
    made = Setting(0, 0, policy)
    await in_database(store.begin, actor, "demo", "petstore", made, Spread())


@asynccontextmanager
async def running(door: RemoteDoor) -> AsyncIterator[str]:
    """Run a door over HTTP; gives host and port."""
    stop = asyncio.Event()
    config = serving(door.http("demo", "127.0.0.1:0"), LARGEST_BODY)
    await door.start()
    async with listening(config) as address:
        running = asyncio.create_task(door.run(stop))
        try:
            yield address
        finally:
            await door.close()
            stop.set()
            await running


@pytest.mark.django_db(transaction=True)
async def test_a_change_reaches_a_connected_agent_by_itself(
    operator: Actor, tmp_path: Path
) -> None:
    await begin(operator, rate(0.5))
    async with (
        running(RemoteDoor({"demo": SITE}, tmp_path)) as address,
        connect(f"ws://{address}/v1/opamp") as agent,
    ):
        await agent.send(b"\0" + hello().SerializeToString())
        assert (await received(agent)).HasField("remote_config")
        await begin(operator, rate(0.25))
        config = (await received(agent)).remote_config.config.config_map
        assert config["elastic"].body == b'{"sampling_rate":"0.25"}'
    row = await in_database(Instance.objects.get)  # written at the end at the latest
    assert (row.service, row.way, row.key) == ("petstore", "opamp", (b"u" * 16).hex())


@pytest.mark.django_db(transaction=True)
async def test_what_agents_say_is_written_when_it_changes(tmp_path: Path) -> None:
    clock = Clock(timerange.now_ns())
    announced: list[str] = []
    door = RemoteDoor({"demo": SITE}, tmp_path, clock, announced.append)
    site = door.sites["demo"]
    _, tag = site.sampling("petstore", SAYS, Peer("10.0.0.1", "ours/1"), clock.now)
    await door.write()
    row = await in_database(Instance.objects.get)
    assert (row.key, row.address, row.client, row.proof) == ("one", "10.0.0.1", "ours/1", "fetched")
    assert (row.said_strategy, row.said_rate, row.sent_rate) == ("per_second", 5, 0.01)
    assert row.unauthenticated and row.proven_revision is None

    first = row.heard
    clock.now += timerange.SECOND
    site.sampling("petstore", SAYS, Peer("10.0.0.1", "ours/1"), clock.now)
    await door.write()
    await in_database(row.refresh_from_db)
    assert row.heard == first  # nothing else has changed
    assert announced == ["demo"]

    site.sampling("petstore", {**SAYS, "x-sampling-applied": "0.01", "if-none-match": tag},
                  Peer("10.0.0.1", "ours/1"), clock.now)  # fmt: skip
    await door.write()
    await in_database(row.refresh_from_db)
    assert (row.proof, row.said_rate, row.proven_at is not None) == ("confirmed", 0.01, True)
    assert announced == ["demo", "demo"]  # open pages show it at once

    clock.now += 20 * timerange.MINUTE
    await door.write()
    site.sampling("petstore", SAYS, Peer("10.0.0.2", "ours/1"), clock.now)
    await door.write()
    await in_database(row.refresh_from_db)
    assert (row.proof, row.address) == ("fetched", "10.0.0.2")
    assert not site.agents.unwritten(clock.now)


@pytest.mark.django_db(transaction=True)
def test_one_that_left_and_came_back_is_one_row_and_old_ones_are_forgotten() -> None:
    def report(key: str, heard: int, address: str = "") -> reports.Report:
        return reports.Report(
            service="petstore", way=Way.OPAMP, key=key, address=address, client="",
            unauthenticated=False, first_heard=heard, heard=heard, sent_revision=None, sent=None,
            sent_at=None, proof=Proof.FETCHED, proven_revision=None, proven_at=None,
            said=per_second(5), reason="",
        )  # fmt: skip

    now = timerange.now_ns()
    long_ago = now - 2 * timerange.DAY
    reports.write("demo", [report("a", now), report("a", now, "again"), report("b", long_ago)])
    reports.forget()
    assert [(row.key, row.address) for row in Instance.objects.all()] == [("a", "again")]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What `manage.py remote` needs, and a database that does not answer."""
    ports = [f"127.0.0.1:{port}" for port in free_ports(3)]
    (tmp_path / "sites.toml").write_text(SITES)
    return {
        "PATH": os.environ["PATH"],
        "OPSPORTAL_SECRET_KEY": "tests only " * 5,
        "OPSPORTAL_SITES": str(tmp_path / "sites.toml"),
        "OPSPORTAL_REMOTE_ADDRESS": ports[0],
        "OPSPORTAL_REMOTE_GRPC_ADDRESS": ports[1],
        "OPSPORTAL_HEALTH_ADDRESS": ports[2],
        "OPSPORTAL_REMOTE_STATE": str(tmp_path),
        "DATABASE_URL": "postgres://ops:secret@127.0.0.1:1/ops",
    }


def test_it_starts_and_answers_from_its_file_while_the_database_is_away(
    environment: dict[str, str], tmp_path: Path
) -> None:
    setting = {"number": 7, "at": 0, "policy": {"strategy": "rate", "rate": 0.5}}
    (tmp_path / "demo.json").write_text(json.dumps({"petstore": [setting]}))
    command = [sys.executable, "manage.py", "remote"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        health = environment["OPSPORTAL_HEALTH_ADDRESS"]
        while process.poll() is None and not is_ready(f"http://{health}/readyz"):
            pass
        url = f"http://{environment['OPSPORTAL_REMOTE_ADDRESS']}/sampling?service=petstore"
        answer = httpx.get(url)
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=60)
    assert answer.json()["probabilisticSampling"] == {"samplingRate": 0.5}
    assert process.returncode == 0 and b"Traceback" not in errors
    assert environment["OPSPORTAL_REMOTE_GRPC_ADDRESS"].encode() in said


def is_ready(url: str) -> bool:
    try:
        return httpx.get(url).text == "remote: ok\n"
    except httpx.HTTPError:
        return False


WITH_KEYS = """
[sites.a.services.petstore]
[sites.b.remote]
default_sampling = "1%"
http = "0.0.0.0:6000"
keys = [{ env = "SAMPLING_KEY" }]
[sites.c.remote]
default_sampling = "1%"
"""


def test_each_site_is_asked_at_addresses_of_its_own(
    site_file: SiteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLING_KEY", "secret")
    site_file(WITH_KEYS)
    assert [(at.site, at.protocol, at.address) for at in addresses(sites())] == [
        ("b", "http", "0.0.0.0:6000")
    ]


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("REMOTE_ADDRESS", "{taken}", "cannot listen on {taken}: Address already in use"),
        ("REMOTE_GRPC_ADDRESS", "{taken}", "choose another with OPSPORTAL_REMOTE_GRPC_ADDRESS"),
        ("REMOTE_ADDRESS", "0.0.0.0:0", "but site demo has no keys: add keys to [sites.demo."),
    ],
)
def test_it_does_not_start_where_it_may_not_listen(
    setting: str, value: str, sentence: str, site_file: SiteFile, settings: Settings
) -> None:
    site_file(SITES)
    settings.REMOTE_ADDRESS = settings.REMOTE_GRPC_ADDRESS = "127.0.0.1:0"
    with socket.create_server(("127.0.0.1", 0)) as held:
        taken = f"127.0.0.1:{held.getsockname()[1]}"
        setattr(settings, setting, value.format(taken=taken))
        with pytest.raises(CommandError) as refused:
            check_addresses(sites())
    assert sentence.format(taken=taken) in str(refused.value)
