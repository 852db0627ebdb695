"""Authors' profiles: fetched once, dropped when Slack reports a change; refusals are recorded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from bot.models import ChangedUser
from bot.slack.event_handler import AT_ONCE
from bot.slack.profiles import KEPT
from bot.slack.socket_mode import CONNECTIONS
from ops.audit.models import AuditEntry
from ops.database import in_database
from tests.bot.conftest import QUICK, Backends, Workspace, another_bot, until_stored
from tests.bot.slack.test_identity import OUTSIDERS
from tests.fakes.slack import ALICE, CHANNEL, SECONDS, TEAM, FakeSlack, Fault, person

GUEST = person(ALICE, "alice", is_restricted=True)
OFTEN = replace(QUICK, beat=0.02)
OTHER = "T0OTHER01"
pytestmark = pytest.mark.django_db(transaction=True)


def asked(slack: FakeSlack) -> int:
    return [name for name, _ in slack.calls].count("users.info")


async def test_it_asks_once_for_all_messages_that_wait_for_it(
    slack: FakeSlack, alice: User
) -> None:
    slack.seconds["users.info"] = 0.1
    for _ in range(AT_ONCE):
        await slack.mention(ALICE, "help")
    await slack.posted(AT_ONCE)
    assert asked(slack) == 1


async def test_it_asks_anew_when_slack_tells_of_a_change(slack: FakeSlack, alice: User) -> None:
    await slack.mention(ALICE, "help")
    await slack.posted(1)
    change = await slack.change_user(GUEST)
    await change.acknowledged()
    await slack.mention(ALICE, "help")
    _, post = await slack.posted(2)
    assert "you are a guest in this Slack workspace" in post.shown
    assert asked(slack) == 2
    assert slack.violations == []


async def heard_by_all(slack: FakeSlack) -> list[str]:
    """Return the bots' answers to a mention on each connection."""
    before = len(slack.posts)
    for number in range(len(slack.sockets)):
        await slack.mention(ALICE, "help")
        await slack.posted(before + number + 1)
    return [post.shown for post in slack.posts[before:]]


async def refused_by_all(slack: FakeSlack) -> None:
    async with asyncio.timeout(SECONDS):
        while not all("you are a guest" in shown for shown in await heard_by_all(slack)):
            pass


@asynccontextmanager
async def without_the_table() -> AsyncIterator[None]:
    """Make the database fail for changed users."""

    def change(kind: str) -> None:
        with connection.schema_editor() as editor:
            getattr(editor, kind)(ChangedUser)

    await in_database(change, "delete_model")
    try:
        yield
    finally:
        await in_database(change, "create_model")


async def test_every_bot_asks_anew_when_one_is_told_of_a_change(
    workspace: Workspace, alice: User
) -> None:
    async with workspace(FakeSlack(), OFTEN) as slack, another_bot(slack, OFTEN):
        shown = await heard_by_all(slack)
        assert len(shown) == 2 * CONNECTIONS
        assert all(each.startswith("Commands") for each in shown)
        assert asked(slack) == 2, "each of them keeps what it was told"
        await slack.change_user(GUEST)
        await refused_by_all(slack)
        assert slack.violations == []


async def test_a_change_outlasts_a_database_that_fails(workspace: Workspace, alice: User) -> None:
    async with workspace(FakeSlack(), OFTEN) as slack, another_bot(slack, OFTEN):
        await heard_by_all(slack)
        async with without_the_table():
            change = await slack.change_user(GUEST)
            await change.acknowledged()
            shown = await heard_by_all(slack)
            assert len([each for each in shown if "you are a guest" in each]) == CONNECTIONS
        await refused_by_all(slack)


async def test_it_keeps_no_changes_for_longer_than_they_matter(slack: FakeSlack) -> None:
    long_ago = timezone.now() - KEPT
    await in_database(ChangedUser.objects.create, slack_user="U0LONGAGO", at=long_ago)
    await slack.change_user(GUEST)
    await until_stored(lambda: not ChangedUser.objects.filter(slack_user="U0LONGAGO").exists())
    assert await in_database(ChangedUser.objects.filter(slack_user=ALICE).exists)


@pytest.mark.parametrize("user", [None, "U0", [], {}, {"id": None}, {"id": ["x"]}, {"id": "\0"}])
async def test_it_acknowledges_a_change_of_any_shape(
    slack: FakeSlack, alice: User, user: object
) -> None:
    change = await slack.deliver(
        {"type": "user_change", "user": user, "event_ts": "1760005929.000100"}
    )
    await change.acknowledged()
    await slack.mention(ALICE, "help")
    [post] = await slack.posted(1)
    assert post.shown.startswith("Commands")


@pytest.mark.parametrize(("differently", "reason"), OUTSIDERS)
async def test_it_refuses_and_records_whom_slack_calls_an_outsider(
    slack: FakeSlack, alice: User, backends: Backends, differently: dict[str, Any], reason: str
) -> None:
    slack.users[ALICE] = person(ALICE, "alice", **differently)
    delivery = await slack.mention(ALICE, "change sampling always")
    [post] = await slack.posted(1)
    assert post.shown.startswith(f"I cannot help you: {reason}")
    assert [each.told for each in backends.instances] == [[], [], []]
    entry = await in_database(AuditEntry.objects.get)
    assert (entry.actor, entry.action) == (f"alice ({ALICE})", "bot.change_sampling")
    assert (entry.outcome, entry.record["detail"]) == ("denied", reason)
    payload = delivery.envelope["payload"]
    assert entry.record["origin"] == {
        "slack_user": ALICE,
        "slack_team": differently.get("team_id", TEAM),
        "channel": CHANNEL,
        "ts": payload["event"]["ts"],
        "event_id": payload["event_id"],
    }


@pytest.mark.parametrize("field", ["team", "user_team", "source_team"])
async def test_it_does_not_even_look_up_whom_the_event_shows_to_be_of_another_team(
    slack: FakeSlack, alice: User, field: str
) -> None:
    await slack.mention(ALICE, "help", **{field: OTHER})
    [post] = await slack.posted(1)
    assert "you are from another Slack workspace" in post.shown
    assert asked(slack) == 0
    entry = await in_database(AuditEntry.objects.get)
    assert (entry.action, entry.outcome) == ("bot.help", "denied")
    assert entry.record["origin"]["slack_team"] == OTHER


@pytest.mark.parametrize(
    "fault",
    [
        Fault("fatal_error"),
        Fault("ratelimited", status=429),
        Fault(status=500),
        Fault(body=b'"ok"'),
    ],
)
async def test_it_records_that_it_could_not_learn_who_wrote(
    slack: FakeSlack, alice: User, backends: Backends, fault: Fault
) -> None:
    slack.fail("users.info", fault)
    await slack.mention(ALICE, "change sampling always")
    [post] = await slack.posted(1)
    assert "Slack did not identify you" in post.shown
    assert [each.told for each in backends.instances] == [[], [], []]
    entry = await in_database(AuditEntry.objects.get)
    assert (entry.actor, entry.outcome) == (f"{ALICE} ({ALICE})", "denied")
    assert "Slack did not identify you" in entry.record["detail"]
    await slack.mention(ALICE, "help")
    assert (await slack.posted(2))[1].shown.startswith("Commands"), "it asks again"


async def test_it_trusts_no_answer_about_somebody_else(slack: FakeSlack, alice: User) -> None:
    slack.users["U0MALLORY"] = person(ALICE, "alice")
    await slack.mention("U0MALLORY", "help")
    [post] = await slack.posted(1)
    assert "Slack did not identify you" in post.shown


async def test_it_records_an_insistent_stranger_once_a_minute(slack: FakeSlack) -> None:
    for number in (1, 2, 3):
        await slack.mention(ALICE, "help")
        await slack.posted(number)
    entry = await in_database(AuditEntry.objects.get)
    assert (entry.action, entry.outcome) == ("bot.help", "denied")
