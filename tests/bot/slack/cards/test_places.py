"""Where a card asks, and where it answers."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from bot import console
from ops.database import in_database
from ops.requests.models import ChangeRequest
from tests.bot.conftest import Backends, Workspace
from tests.bot.slack.cards.asking import LONG_AGO, TENDING, TOLD, asked, at_console, request, told
from tests.bot.slack.test_delivery import until_ended
from tests.fakes.slack import ALICE, CHANNEL, DIRECT, FakeSlack, Fault

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_asks_in_the_channel_when_the_command_asks(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    await slack.slash(ALICE, "change sampling float 0.1")
    [post] = await slack.posted(1)
    assert (post.channel, post.thread_ts) == (CHANNEL, "")
    await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
    assert told(backends) == TOLD
    assert slack.whispers == []


async def test_it_asks_the_person_alone_where_it_may_not_write(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    await slack.slash(ALICE, "change sampling float 0.1", channel="C0OTHER01")
    [whisper] = await slack.whispered(1)
    await slack.press(ALICE, whisper, "Apply")
    done = (await slack.whispered(2))[1]
    assert done.shown.startswith("Sampling of petstore: unknown -> 10%, confirmed by 3 of 3")
    assert told(backends) == TOLD
    assert slack.posts == []


async def test_it_asks_in_the_direct_conversation_when_home_asks(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    await slack.direct(ALICE, "chang sampling 10%")
    [post] = await slack.posted(1)
    assert post.channel == DIRECT
    await slack.press(ALICE, post, "change sampling 10%")
    asks = (await slack.posted(2))[1]
    await slack.press(ALICE, asks, "Apply")
    await slack.replaced(asks.ts)
    assert told(backends) == TOLD


async def test_it_answers_in_the_thread_when_its_message_is_gone(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    slack.fail("chat.update", Fault("message_not_found"))
    await slack.press(ALICE, post, "Apply")
    assert "confirmed by 3 of 3" in (await slack.posted(2))[1].shown
    assert told(backends) == TOLD


async def test_what_the_console_decides_shows_in_slack(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), TENDING) as slack:
        post = await asked(slack)
        await until_ended(1)
        reply = await console.answer(at_console(alice), f"apply {(await request()).key}")
        assert reply.summary.startswith("Sampling of petstore: unknown -> 10%, confirmed by 3")
        await in_database(ChangeRequest.objects.update, decided_at=timezone.now() - LONG_AGO)
        await slack.replaced(post.ts)
        assert "Applied by alice" in post.shown
