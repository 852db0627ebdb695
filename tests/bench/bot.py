"""Two bots in their own processes against a fake Slack: bursts, a locked database, a kill.

For a look at one of these; `make chaos` tries everything together.

    .venv/bin/python -m tests.bench.bot

It takes a minute, half of it for the lease of the killed bot. Everything shares a machine.
"""

import asyncio
import os
import sqlite3
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

import psycopg

from tests.fakes.slack import ALICE, APP_TOKEN, BOT_TOKEN, TEAM, Delivery, FakeSlack, person
from tests.live import portals
from tests.ports import free_ports

BURST = 500
CHANNELS = 100  # each accepts a message per second
ASKERS = [f"U0ASKER{number:02}" for number in range(50)]  # nobody asks more than their share
LOCKED = 50
KILLED = 40
POST_SECONDS = 0.2
SITES = """
[sites.bench.jaeger]
address = "127.0.0.1:1"
[sites.bench.services.petstore]
"""


@dataclass(frozen=True)
class Bot:
    """A running bot and its health address."""

    process: Popen[bytes]
    health: str


async def burst(slack: FakeSlack, number: int) -> list[Delivery]:
    """Mention the bots `number` times together and wait until all is acknowledged."""
    channels = [f"C0BENCH{channel:03}" for channel in range(CHANNELS)]
    slack.channels.update(channels)
    sent = [
        await slack.mention(ASKERS[each % len(ASKERS)], "help", channel=channels[each % CHANNELS])
        for each in range(number)
    ]
    for each in sent:
        await each.acknowledged()
    return sent


@contextmanager
def locked(database: str) -> Iterator[None]:
    """Lock the table in which the bots record what they receive. `database` is a DATABASE_URL."""
    connection: sqlite3.Connection | psycopg.Connection
    if database.startswith("sqlite:///"):
        connection = sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None)
        lock = "BEGIN IMMEDIATE"
    else:
        connection = psycopg.connect(database)
        lock = "LOCK TABLE bot_receivedevent IN ACCESS EXCLUSIVE MODE"
    with closing(connection):
        connection.execute(lock)
        yield
        connection.rollback()


async def answered(slack: FakeSlack, sent: list[Delivery], seconds: float) -> str:
    """Wait for the answers; return how many came, and how many of them more than once."""
    wanted = {each.envelope["payload"]["event"]["ts"] for each in sent}
    threads: list[str] = []
    try:
        async with asyncio.timeout(seconds):
            while not wanted <= set(threads):
                await asyncio.sleep(0.1)
                threads = [post.thread_ts for post in slack.posts]
    except TimeoutError:
        pass
    theirs = [each for each in threads if each in wanted]
    busy = sum(post.shown.startswith("Sorry") for post in slack.posts if post.thread_ts in wanted)
    return (
        f"{len(set(theirs))} of {len(wanted)} answered ({busy} were asked to try again), "
        f"{len(theirs) - len(set(theirs))} more than once"
    )


def shown(sent: list[Delivery]) -> str:
    """Return the latencies of the acknowledgements."""
    seconds = sorted(each.seconds for each in sent)
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    return (
        f"{len(sent)} acknowledged, p50 {statistics.median(seconds) * 1000:.0f} ms, "
        f"p99 {p99 * 1000:.0f} ms, longest {seconds[-1] * 1000:.0f} ms"
    )


async def measure(slack: FakeSlack, bots: list[Bot], database: str) -> None:
    """Print a line for each trial."""
    slack.seconds["chat.postMessage"] = POST_SECONDS
    await burst(slack, 10)
    sent = await burst(slack, BURST)
    print(f"burst: {shown(sent)}; {await answered(slack, sent, 180)}", flush=True)

    with locked(database):
        sent = await burst(slack, LOCKED)
    print(f"database locked: {shown(sent)}; {await answered(slack, sent, 60)}", flush=True)

    sent = await burst(slack, KILLED)
    bots[0].process.kill()
    print(f"killed in a burst: {await answered(slack, sent, 90)}", flush=True)
    print(f"violations: {slack.violations or 'none'}")


async def main() -> None:
    """Start everything, measure, end everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="opsportal-bots-")))
        async with FakeSlack() as slack:
            database = os.environ.get("DATABASE_URL", "")
            portal = await asyncio.to_thread(prepared, folder, slack, database=database)
            try:
                bots = [await asyncio.to_thread(started, stack, portal, folder, n) for n in (1, 2)]
                await measure(slack, bots, portal.environment["DATABASE_URL"])
            finally:
                await asyncio.to_thread(stack.close)


def prepared(
    folder: Path, slack: FakeSlack, sites: str = SITES, database: str = ""
) -> portals.Portal:
    """Return an installation that knows Alice under many names in Slack.

    It is on SQLite unless a DATABASE_URL is given.
    """
    slack.users |= {asker: person(asker, asker.lower()) for asker in ASKERS}
    environment = {
        "OPSPORTAL_SLACK_APP_TOKEN": APP_TOKEN,
        "OPSPORTAL_SLACK_BOT_TOKEN": BOT_TOKEN,
        "OPSPORTAL_SLACK_API_URL": slack.api_url,
    }
    if database:
        environment["DATABASE_URL"] = database
    portal = portals.portal(folder, sites, **environment)
    portal.person("alice", "operators")
    link = (
        "from ops.accounts.models import Identity; from django.contrib.auth.models import User; "
        "Identity.objects.bulk_create(Identity("
        f"slack_user_id=each, slack_team_id={TEAM!r}, user=User.objects.get()) "
        f"for each in {[ALICE, *ASKERS]!r})"
    )
    portal.manage("shell", "--verbosity", "0", "--command", link)
    return portal


def started(stack: ExitStack, portal: portals.Portal, folder: Path, number: int) -> Bot:
    """Start a bot process with its own health address and log."""
    health = f"127.0.0.1:{free_ports(1)[0]}"
    environment = {**portal.environment, "OPSPORTAL_HEALTH_ADDRESS": health}
    place = folder / f"bot{number}"
    place.mkdir()
    bot = replace(portal, health=health, environment=environment)
    return Bot(stack.enter_context(bot.running("runbot", place)), health)


if __name__ == "__main__":
    asyncio.run(main())
