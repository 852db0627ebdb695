"""Many people at the same moment, with callers beside them: their answers, and how long they take.

Everyone is a different user with a separate session, so that nothing is shared that a team would
not share.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import grpc.aio
import httpx

from ops.vocabulary.alerts import Origin
from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from tests.bench import incident
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import databases, portals

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

LABELS: dict[str, Any] = {"pod": "pod-1", "job": "petstore", "severity": "page"}
ALERT = Origin("bench", "main").fingerprint("demo", "Errors", {"alertname": "Errors", **LABELS})
EVERYWHERE = ("/", "/sampling/", "/account/", "/traces/", "/alerts/")  # pages of every site
PATHS = (
    "/",
    "/sampling/",
    "/account/",
    "/traces/",
    "/alerts/",
    f"/alerts/{ALERT}/",
    f"/alerts/{ALERT}/around/",
    "/alerts/silences/",
    "/alerts/subscriptions/",
    "/incidents/",
    "/incidents/1/",
    "/timeline/",
    "/status/",
)
PATIENCE = 60.0
_MAKE = """
import json
from datetime import timedelta
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.utils import timezone
from ops.rpc.models import make_token
made = []
for number in range({count}):
    user, _ = User.objects.get_or_create(username=f"crowd-{{number}}")
    user.groups.set(Group.objects.filter(name="operators"))
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    made.append((session.session_key, make_token(user, "crowd", timezone.now() + timedelta(1))))
print(json.dumps(made))
"""


@dataclass(frozen=True)
class Person:
    """A user with a session and a gRPC token."""

    session: str
    token: str


@dataclass
class Answers:
    """The count of each status, and the seconds that each answer took."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def add(self, status: str, began: float) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        self.seconds.append(time.perf_counter() - began)

    @property
    def p95(self) -> float:
        """In seconds."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)]

    @property
    def failed(self) -> int:
        """How many answers were not a success."""
        return self.statuses.total() - self.statuses["200"] - self.statuses["OK"]


def people(portal: portals.Portal, count: int) -> list[Person]:
    """Create `count` operators who are logged in."""
    said = portal.manage("shell", "--verbosity", "0", "--command", _MAKE.format(count=count))
    return [Person(*each) for each in json.loads(said)]


async def at_once(
    portal: portals.Portal,
    browsers: Sequence[Person],
    callers: Sequence[Person] = (),
    pages: Sequence[str] = PATHS,
) -> Answers:
    """Let each browser load a page and each caller call, all at the same moment."""
    answers = Answers()
    ready, start = asyncio.Barrier(len(browsers) + len(callers) + 1), asyncio.Event()

    async def browse(person: Person, path: str) -> None:
        async with httpx.AsyncClient(
            base_url=f"http://{portal.web}", cookies={"sessionid": person.session}, timeout=PATIENCE
        ) as client:
            with suppress(httpx.HTTPError):
                await client.get("/healthz")  # the connection is there
            await ready.wait()
            await start.wait()
            began = time.perf_counter()
            try:
                answers.add(str((await client.get(path)).status_code), began)
            except httpx.HTTPError as error:
                answers.add(type(error).__name__, began)

    async def call(person: Person, ops: "OpsAsyncStub") -> None:
        await ready.wait()
        await start.wait()
        began = time.perf_counter()
        try:
            await ops.Alerts(
                ops_pb2.AlertsReq(),
                metadata=(("authorization", f"Bearer {person.token}"),),
                timeout=PATIENCE,
            )
            answers.add("OK", began)
        except grpc.aio.AioRpcError as error:
            answers.add(error.code().name, began)

    async with grpc.aio.insecure_channel(portal.grpc) as channel:
        ops: OpsAsyncStub = OpsStub(channel)
        paths = islice(cycle(pages), len(browsers))
        tasks = [
            *(asyncio.create_task(browse(*each)) for each in zip(browsers, paths, strict=True)),
            *(asyncio.create_task(call(each, ops)) for each in callers),
        ]
        await ready.wait()
        start.set()
        await asyncio.gather(*tasks)
    return answers


SITES = """
[sites.bench.jaeger]
address = "{jaeger}"
[[sites.bench.prometheus]]
name = "main"
url = "{prometheus}"
[[sites.bench.alertmanager]]
url = "{alertmanager}"
[sites.bench.services.petstore]
instances = ["127.0.0.1:1"]
alerts = {{ job = "petstore" }}
"""
CROWDS = ((24, 0), (60, 0), (200, 50))
ROUNDS = 3
HEAD = """
A crowd: each browser is a different user who loads one of {paths},
all at the same moment, in a site with the incident of `--only incident`,
with callers of `Alerts` beside them; PostgreSQL's connection pool has its default size. *Asked
to retry* is 503 or RESOURCE_EXHAUSTED; the aims are none in the first two crowds, 1% in the last,
and on PostgreSQL at most 3 times SQLite's p95, measured in the same run.

| browsers | callers | database | answers | asked to retry | other failures | p95 | to SQLite |
|--:|--:|---|--:|--:|--:|--:|--:|"""


async def measure(jaeger: str) -> list[str]:
    """Return the lines of the page, for SQLite and PostgreSQL in turn."""
    async with FakePrometheus() as prometheus, FakeAlertmanager() as alertmanager:
        prometheus.rule("Errors", alert("Errors", **LABELS))
        return await _measure(
            SITES.format(jaeger=jaeger, prometheus=prometheus.url, alertmanager=alertmanager.url)
        )


async def _measure(sites: str) -> list[str]:
    with ExitStack() as stack:

        def folder() -> Path:
            return Path(stack.enter_context(TemporaryDirectory()))

        running = {}
        for name in ("SQLite", "PostgreSQL"):
            environment = {}
            if name == "PostgreSQL":
                environment["DATABASE_URL"] = stack.enter_context(databases.postgresql())
            portal = portals.portal(folder(), sites, **environment)
            made = people(portal, max(sum(each) for each in CROWDS))
            incident.fill(portal)
            stack.enter_context(portal.running("serve", folder()))
            await at_once(portal, made[: len(PATHS)])  # the first page of a process is slower
            running[name] = portal, made
        lines = [HEAD.format(paths=", ".join(f"`{path}`" for path in PATHS))]
        for browsers, callers in CROWDS:
            found = {name: Answers() for name in running}
            for name, (portal, made) in list(running.items()) * ROUNDS:
                answers = await at_once(portal, made[:browsers], made[browsers:][:callers])
                found[name].statuses.update(answers.statuses)
                found[name].seconds += answers.seconds
            lines += [_row(browsers, callers, name, found) for name in running]
    return lines


def _row(browsers: int, callers: int, name: str, found: Mapping[str, Answers]) -> str:
    answers, sqlite = found[name], found["SQLite"]
    again = answers.statuses["503"] + answers.statuses["RESOURCE_EXHAUSTED"]
    count = answers.statuses.total()
    line = (
        f"| {browsers} | {callers} | {name} | {count} | {again / count:.1%} "
        f"| {answers.failed - again} | {answers.p95:.2f} s | {answers.p95 / sqlite.p95:.1f} |"
    )
    print(line, flush=True)
    return line
