"""A Slack workspace with the bot running in it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from pytest_django import Settings

from bot import console
from bot.replies import Reply
from bot.slack.deadlines import Deadlines
from bot.slack.process import run_bot
from bot.slack.rate_limit import Limit, Limits
from bot.slack.socket_mode import CONNECTIONS
from bot.slack.timing import Timing
from ops.accounts.models import Identity
from ops.actor import Actor, Door
from ops.database import in_database
from tests.conftest import Person, SiteFile
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.slack import ALICE, APP_TOKEN, BOT_TOKEN, SECONDS, TEAM, FakeSlack

SITES = """
default_site = "demo"
[sites.demo]
default_service = "petstore"
change_now = true
[sites.demo.jaeger]
address = "{jaeger.address}"
ui = "https://jaeger.example.com"
[sites.demo.prometheus]
url = "{prometheus.url}"
[sites.demo.services.petstore]
instances = ["{instances[0].address}", "{instances[1].address}", "{instances[2].address}"]
version = "petstore_build_info"
[sites.demo.services.store]
version = "store_build_info"
"""
UNLIMITED = Limit(interval=0, burst=1)
# The database answers in time however busy the machine is.
PATIENT = Deadlines(record=60, record_change=60, order=60, limits=60, report=60)
QUICK = Timing(
    placeholder=60, gather=0, limits=Limits(UNLIMITED, UNLIMITED, UNLIMITED), deadlines=PATIENT
)
Workspace = Callable[..., AbstractAsyncContextManager[FakeSlack]]


@pytest.fixture
def tokens(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings with the fake's tokens in them, and no proxy on the way to it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    settings.SLACK_APP_TOKEN = APP_TOKEN
    settings.SLACK_BOT_TOKEN = BOT_TOKEN
    return settings


@dataclass
class Backends:
    """The backends of a site."""

    jaeger: FakeJaeger
    prometheus: FakePrometheus
    instances: list[FakeInstance]


@pytest.fixture
async def backends(site_file: SiteFile, jaeger: FakeJaeger) -> AsyncIterator[Backends]:
    """A site with three instances, two of them on one version; and its site file."""
    async with AsyncExitStack() as stack:
        found = Backends(
            jaeger=jaeger,
            prometheus=await stack.enter_async_context(FakePrometheus()),
            instances=[await stack.enter_async_context(fake_instance()) for _ in range(3)],
        )
        site_file(SITES.format(**vars(found)))
        found.prometheus.says(
            "petstore_build_info",
            *(
                ({"instance": each.address, "version": version}, 1)
                for each, version in zip(found.instances, ("1.3.0", "1.2.0", "1.2.0"), strict=True)
            ),
        )
        yield found


@pytest.fixture
def workspace(tokens: Settings, backends: Backends, transactional_db: None) -> Workspace:
    """Run the bot in a fake workspace for as long as the block lasts."""

    @asynccontextmanager
    async def running(slack: FakeSlack, timing: Timing = QUICK) -> AsyncIterator[FakeSlack]:
        slack.clock = stopped
        async with slack:
            tokens.SLACK_API_URL = slack.api_url
            async with another_bot(slack, timing):
                yield slack

    return running


def stopped() -> float:
    """Slack's clock, by which no acknowledgement is late because the machine is busy."""
    return 0.0


@asynccontextmanager
async def another_bot(slack: FakeSlack, timing: Timing = QUICK) -> AsyncIterator[None]:
    """Run another bot on the same app until the block ends."""
    stop = asyncio.Event()
    bot = asyncio.ensure_future(run_bot(stop, timing))
    try:
        await slack.greeted(slack.greetings + CONNECTIONS)
        yield
    finally:
        stop.set()
        await bot


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[FakeSlack]:
    """A workspace in which the bot runs."""
    async with workspace(FakeSlack()) as running:
        yield running


@pytest.fixture
async def alice(person: Person) -> User:
    """Alice of Slack, linked to an operator."""
    user = await in_database(person, "alice", "operators")
    await in_database(Identity.objects.create, slack_user_id=ALICE, slack_team_id=TEAM, user=user)
    return user


@pytest.fixture
def caller() -> Actor:
    """Someone at the console, for commands that need no permission."""
    return Actor(None, "somebody", Door.CONSOLE)


@asynccontextmanager
async def away(model: type[Model]) -> AsyncIterator[None]:
    """Make the database fail for these rows until the block ends."""

    def rename(old: str, new: str) -> None:
        with connection.schema_editor() as editor:
            editor.alter_db_table(model, old, new)

    # A new name each time: another connection may still know the previous one as taken.
    table, elsewhere = model._meta.db_table, f"away_{secrets.token_hex(4)}"
    await in_database(rename, table, elsewhere)
    try:
        yield
    finally:
        await in_database(rename, elsewhere, table)


async def until_stored(exists: Callable[[], object]) -> None:
    """Query the database until it returns something true, or fail."""
    async with asyncio.timeout(SECONDS):
        while not await in_database(exists):
            pass


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until the condition holds, or fail."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  nothing tells of every condition
            await asyncio.sleep(0)


async def said(actor: Actor, line: str) -> Reply:
    """Return the answer to a line, as in the console."""
    return await console.answer(actor, line)


def cells(reply: Reply) -> list[tuple[str, ...]]:
    return [row.cells for row in reply.rows]
