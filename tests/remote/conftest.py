"""The machines' door on free ports, with a clock and a desired state that tests set."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

import httpx
import pytest

from ops.remote.grpc import serve_sampling
from ops.remote.http import LARGEST_BODY, RemoteHttp
from ops.remote.site import RemoteSite
from ops.remote.sockets import Sockets
from ops.sampling.revisions import InForce
from ops.sites import Service, Site
from ops.sites.sampling import OPAMP_KEY, Remote
from ops.vocabulary.policies import Policy, rate
from ops.vocabulary.timerange import SECOND
from opsportal.listening import serving
from tests.web_server import listening

KEY = "a key of this site"
SERVICES = {"petstore": Service("petstore", "petstore"), "shop": Service("shop", "webshop")}
NOW = 1_795_521_600 * SECOND


@dataclass
class FakeDesired:
    """What is in force, by service."""

    services: dict[str, InForce] = field(default_factory=dict)

    def of(self, site: str, service: str, now: int) -> InForce | None:
        return self.services.get(service)


@dataclass
class Clock:
    """Time that tests move."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class Machines:
    """The door of the site "demo", and what it goes by."""

    desired: FakeDesired = field(default_factory=FakeDesired)
    clock: Clock = field(default_factory=Clock)
    address: str = "127.0.0.1:0"
    services: Mapping[str, Service] = field(default_factory=SERVICES.copy)
    opamp_key: str = OPAMP_KEY

    def __post_init__(self) -> None:
        site = Site("demo", None, (), self.services, "")
        keys = (sha256(KEY.encode()).digest(),)
        remote = Remote(rate(0.01), keys=keys, opamp_key=self.opamp_key)
        self.site = RemoteSite(site, remote, self.desired)
        self.sockets = Sockets(self.clock)
        self.stopping = asyncio.Event()

    def set(self, service: str, revision: int, policy: Policy) -> None:
        """Put a revision in force."""
        self.desired.services[service] = InForce(revision, policy, self.clock())

    @property
    def application(self) -> RemoteHttp:
        sites = {self.site.name: self.site}
        return RemoteHttp(
            self.address, self.site, sites, self.clock, self.sockets.serve, self.stopping
        )

    @asynccontextmanager
    async def http(self) -> AsyncIterator[str]:
        """Serve HTTP and WebSockets; gives host and port."""
        async with listening(serving(self.application, LARGEST_BODY)) as address:
            yield address

    @asynccontextmanager
    async def grpc(self) -> AsyncIterator[str]:
        """Serve gRPC; gives host and port."""
        async with serve_sampling(self.site, self.address, self.clock) as port:
            yield f"127.0.0.1:{port}"


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
async def at(machines: Machines) -> AsyncIterator[str]:
    """Host and port of the door over HTTP."""
    async with machines.http() as address:
        yield address


@pytest.fixture
async def http(at: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the door."""
    async with httpx.AsyncClient(base_url=f"http://{at}") as client:
        yield client
