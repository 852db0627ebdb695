"""The bot's status on the dashboard."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from bot.models import BotProcess, ReceivedEvent, State
from bot.slack.status import report
from ops.database import in_database
from ops.overview.status import DoorReport
from tests.bot.conftest import QUICK, Workspace
from tests.fakes.slack import ALICE, CHANNEL, SECONDS, TEAM, FakeSlack, Fault

pytestmark = pytest.mark.django_db(transaction=True)
OFTEN = replace(QUICK, beat=0.02)
UNANSWERED = "messages are not being answered; start one with manage.py runbot"


async def told(condition: Callable[[DoorReport], object]) -> DoorReport:
    """Return the report once it meets the condition, or fail."""
    async with asyncio.timeout(SECONDS):
        while not ((found := await report()) and condition(found)):
            pass
    return found


async def process(name: str = "host:1:aa", **differently: object) -> None:
    """Record a bot that reported a moment ago."""
    now = timezone.now()
    row = {"sockets": 2, "reached": 2, "heard": now, "seen": now, **differently}
    await in_database(BotProcess.objects.create, name=name, **row)


async def test_without_a_bot_there_is_nothing_to_tell() -> None:
    assert await report() is None


async def test_it_misses_a_bot_that_the_settings_ask_for(tokens: Settings) -> None:
    found = await told(lambda _: True)
    assert found.troubles == (f"no bot has ever run here: {UNANSWERED}",)


async def test_it_tells_on_how_many_connections_slack_reaches_the_bot(
    workspace: Workspace,
) -> None:
    before = timezone.now()
    async with workspace(FakeSlack(), OFTEN):
        found = await told(lambda found: found.standing == "2 connections")
        assert (found.door, found.troubles) == ("Slack", ())
        assert found.heard
        assert before < found.heard <= timezone.now()
    found = await told(lambda _: True)
    assert found.standing == "no bot is running"
    assert found.troubles == (f"the bot was stopped: {UNANSWERED}",)


async def test_it_tells_of_silence_and_of_its_end(workspace: Workspace) -> None:
    timing = replace(OFTEN, ping=0.02, deaf=1.0, first_wait=0)
    async with workspace(FakeSlack(), timing) as slack:
        await told(lambda found: not found.troubles)
        slack.silent = True
        found = await told(lambda found: found.troubles)
        assert found.troubles[0].startswith("Slack does not reach the bot ")
        slack.silent = False
        await told(lambda found: not found.troubles)


async def test_it_misses_a_bot_that_was_killed() -> None:
    await process(seen=timezone.now() - timedelta(seconds=16))
    found = await told(lambda _: True)
    assert found.troubles == (f"the bot host:1:aa is gone: {UNANSWERED}",)


async def test_one_of_two_bots_is_enough() -> None:
    await process(seen=timezone.now() - timedelta(seconds=16))
    await process("host:2:bb", waiting=3)
    found = await told(lambda _: True)
    assert (found.standing, found.troubles) == ("2 connections, 3 messages waiting", ())


async def test_it_tells_that_people_are_turned_away() -> None:
    now = timezone.now()
    await process(full=now)
    await process("host:2:bb", full=now - timedelta(hours=1))
    found = await told(lambda _: True)
    [trouble] = found.troubles
    assert trouble.startswith("the bot host:1:aa skipped messages because too many were waiting")
    assert found.standing == "4 connections, 2 bots"


async def test_it_tells_of_another_programs_connections(workspace: Workspace) -> None:
    slack = FakeSlack()
    slack.hello = {"num_connections": 3}
    async with workspace(slack, OFTEN):
        trouble = (
            "another program is using this Slack app on 1 connection and taking messages away; "
            "stop it, or give it its own app"
        )
        await told(lambda found: found.troubles == (trouble,))


async def test_what_slack_counted_last_holds() -> None:
    now = timezone.now()
    await process(strays=1, counted=now - timedelta(minutes=1))
    await process("host:2:bb", strays=0, counted=now)
    assert (await told(lambda _: True)).troubles == ()


async def test_it_shows_each_answer_that_slack_may_have_lost(
    workspace: Workspace, alice: User
) -> None:
    async with workspace(FakeSlack(), OFTEN) as slack:
        slack.fail("chat.postMessage", Fault(reset=True))
        delivery = await slack.mention(ALICE, "help")
        await slack.called("chat.postMessage")
        slack.fail("chat.postMessage", Fault("msg_too_long"))
        await slack.mention(ALICE, "help")
        found = await told(lambda found: found.lost_in_all == 2)
    missing, lost = found.lost
    assert missing.fate.startswith("is missing: Slack refused it")
    assert lost.fate.startswith("may be missing: Slack did not confirm it")
    ts = delivery.envelope["payload"]["event"]["ts"].replace(".", "")
    assert (lost.place, lost.url) == (
        CHANNEL,
        f"https://acme.slack.com/archives/{CHANNEL}/p{ts}",
    )


@pytest.mark.parametrize(
    ("workspace_url", "channel", "ts", "url"),
    [
        ("https://acme.slack.com/", "C/../x?", "1.2", "https://acme.slack.com/archives/C%2F..%2Fx%3F/p12"),
        ("javascript:alert(1)", "C1", "1.2", ""),
        ("", "C1", "1.2", ""),
        ("https://acme.slack.com/", "C1", "1.<b>", ""),
        ("https://acme.slack.com/", "C1", "3.4/1.2/U1", "https://acme.slack.com/archives/C1/p12"),
    ],
)  # fmt: skip
async def test_a_link_leads_to_the_workspace_or_nowhere(
    workspace_url: str, channel: str, ts: str, url: str
) -> None:
    await process(workspace=workspace_url)
    now = timezone.now()
    await in_database(
        ReceivedEvent.objects.create,
        event_id="Ev1", channel=channel, ts=ts, thread="1.2", team=TEAM, kind="app_mention",
        payload="", state=State.UNKNOWN, holder="gone", lease_until=now, received=now, finished=now,
    )  # fmt: skip
    [lost] = (await told(lambda _: True)).lost
    assert lost.url == url
