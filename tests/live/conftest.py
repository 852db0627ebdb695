"""A whole real site, started once: Jaeger, Prometheus, petstores, and OpsPortal itself."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import httpx
import pytest

from opsportal.demo.rules import HOLD, PETSTORE, Queries, rules
from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from proto.petstore import petstore_pb2
from proto.petstore.petstore_pb2_grpc import PetStoreStub
from tests.live import databases, portals, servers

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

VERSIONS = {"petstore-1": "1.2.0", "petstore-2": "1.2.0", "petstore-3": "1.3.0"}


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Jaeger]:
    with servers.jaeger(tmp_path_factory.mktemp("jaeger")) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    with databases.postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with databases.redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def petstores(
    tmp_path_factory: pytest.TempPathFactory, jaeger: servers.Jaeger
) -> Iterator[list[servers.Petstore]]:
    """Three instances, two versions, with traffic."""
    with servers.petstores(tmp_path_factory.mktemp("petstores"), jaeger.otlp, VERSIONS) as running:
        yield running


@pytest.fixture(scope="session")
def prometheus(
    tmp_path_factory: pytest.TempPathFactory, petstores: list[servers.Petstore]
) -> Iterator[str]:
    """Scrapes the petstores; has the demo's rules, and one that cannot be evaluated."""
    targets = [petstore.metrics for petstore in petstores]
    folder = tmp_path_factory.mktemp("prometheus")
    with servers.prometheus(folder, targets, json.dumps({"groups": [_rules(), _broken()]})) as url:
        yield url


def _rules() -> dict[str, Any]:
    """The demo's rules; no alert is pending for long."""
    return {
        "name": "demo",
        "rules": [
            {
                "alert": rule.name,
                "expr": str(rule.expression),
                "for": f"{min(rule.hold, HOLD)}s",
                "keep_firing_for": f"{rule.keep}s",
                "labels": dict(rule.labels),
                "annotations": dict(rule.annotations),
            }
            for rule in rules()
        ],
    }


def _broken() -> dict[str, Any]:
    both = "petstore_build_info * on (job) petstore_build_info"
    return {"name": "broken", "rules": [{"alert": "ManyToMany", "expr": both}]}


@pytest.fixture(scope="session")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    jaeger: servers.Jaeger,
    prometheus: str,
    petstores: list[servers.Petstore],
    postgresql: str,
    redis: str,
) -> Iterator[portals.Portal]:
    """`manage.py serve` on PostgreSQL and Redis."""
    folder = tmp_path_factory.mktemp("portal")
    sites = SITES.format(
        jaeger=jaeger.query,
        ui=jaeger.ui,
        prometheus=prometheus,
        instances=[petstore.address for petstore in petstores],
        petstore=_queries(PETSTORE),
    )
    made = portals.portal(folder, sites, DATABASE_URL=postgresql, REDIS_URL=redis)
    with made.running("serve", folder):
        yield made


SITES = """
[sites.live]
change_now = true
[sites.live.jaeger]
address = "{jaeger}"
ui = "{ui}"
[[sites.live.prometheus]]
url = "{prometheus}"
[sites.live.services.petstore]
instances = {instances}
{petstore}
"""


def _queries(queries: Queries) -> str:
    asked = ("version", "requests", "failing", "p95")
    return "\n".join(f"{name} = {json.dumps(str(getattr(queries, name)))}" for name in asked)


@dataclass(frozen=True)
class Person:
    """Somebody at all three doors; `metadata` goes with each gRPC call."""

    name: str
    metadata: tuple[tuple[str, str], ...]
    portal: portals.Portal
    browser: httpx.Client

    def says(self, *lines: str) -> str:
        """Return what the bot answers in the console."""
        return self.portal.manage("bot_console", "--user", self.name, said="\n".join(lines))

    def opens(self, path: str, **query: str) -> str:
        """Return the page's text as a person reads it."""
        return _read(self.browser.get(path, params=query or None))

    def heading(self, path: str, **query: str) -> str:
        """Return the page's heading."""
        page = self.browser.get(path, params=query or None).text
        return _words(page.partition("<h1")[2].partition(">")[2].partition("</h1>")[0])

    def submits(self, path: str, **form: str) -> str:
        """Fill a page's form in, and return the page that comes then."""
        token = self.browser.get(path).text.partition('name="csrfmiddlewaretoken" value="')[2]
        data = {"csrfmiddlewaretoken": token.partition('"')[0], **form}
        return _read(self.browser.post(path, data=data))


def _read(answer: httpx.Response) -> str:
    assert answer.is_success, f"{answer.url}: {answer.status_code}\n{answer.text}"
    return _words(answer.text.partition("<body")[2])


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@contextmanager
def signed_in(portal: portals.Portal, name: str, *groups: str) -> Iterator[Person]:
    token = portal.person(name, *groups)
    with httpx.Client(base_url=f"http://{portal.web}", follow_redirects=True) as browser:
        person = Person(name, (("authorization", f"Bearer {token}"),), portal, browser)
        person.submits("/account/login/", username=name, password="opensesame")
        yield person


@pytest.fixture(scope="session")
def operator(portal: portals.Portal) -> Iterator[Person]:
    with signed_in(portal, "olga", "operators", "auditors") as person:
        yield person


@pytest.fixture(scope="session")
def viewer(portal: portals.Portal) -> Iterator[Person]:
    with signed_in(portal, "victor", "viewers") as person:
        yield person


@pytest.fixture(scope="session")
def failed(portal: portals.Portal, petstores: list[servers.Petstore], operator: Person) -> str:
    """The id of a trace that failed for a known reason: a pet without a name."""
    add_nameless_pet(petstores[0])
    wanted = ops_pb2.ListTracesReq(operation="AddPets", tags=["error"], search_depth=100)
    with grpc.insecure_channel(portal.grpc) as channel:
        ops: OpsStub = OpsStub(channel)

        def find() -> str:
            found = ops.ListTraces(wanted, metadata=operator.metadata).traces
            return next((one.id for one in found if "name is missing" in one.error), "")

        return servers.until(find, "the failing trace is in Jaeger")


def add_nameless_pet(petstore: servers.Petstore) -> None:
    """Make one call that is refused."""
    with grpc.insecure_channel(petstore.address) as channel:
        stub: PetStoreStub = PetStoreStub(channel)
        with pytest.raises(grpc.RpcError, match="name is missing"):
            stub.AddPets(petstore_pb2.AddPetsReq(pets=[petstore_pb2.Pet()]))


@pytest.fixture
async def ops(portal: portals.Portal) -> AsyncIterator["OpsAsyncStub"]:
    """The gRPC door."""
    async with grpc.aio.insecure_channel(portal.grpc) as channel:
        yield OpsStub(channel)
