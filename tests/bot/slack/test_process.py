"""The bot starts, stays connected and stops."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from prometheus_client import REGISTRY
from pytest_django import Settings
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import BotProcess
from bot.slack.process import call_until_answered, check_connected, health, run_bot
from bot.slack.timing import Backoff
from tests.bot.conftest import QUICK, Backends, Workspace, until, until_stored
from tests.fakes.slack import (
    ALICE,
    BOT_TOKEN,
    FakeSlack,
    Fault,
)

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_comes_back_after_slack_ends_the_connection(slack: FakeSlack, alice: User) -> None:
    await until(lambda: health.alive == 2)
    await slack.disconnect("refresh_requested")
    await slack.greeted(4)
    await slack.mention(ALICE, "help")
    await slack.posted(1)
    assert slack.violations == []


async def test_it_comes_back_after_the_connection_breaks(workspace: Workspace, alice: User) -> None:
    timing = replace(QUICK, ping=0.1, first_wait=0)
    async with workspace(FakeSlack(ping_seconds=0.05), timing) as slack:
        slack.abort()
        await slack.greeted(4)
        await slack.mention(ALICE, "help")
        await slack.posted(1)
        await slack.ponged()


async def test_it_takes_a_new_ticket_after_a_failed_handshake(
    workspace: Workspace, alice: User
) -> None:
    """Each ticket works once, so that retrying with it would fail for ever."""
    slack = FakeSlack()
    slack.handshakes_fail = 1
    async with workspace(slack, replace(QUICK, first_wait=0)):
        await slack.mention(ALICE, "help")
        await slack.posted(1)


async def test_it_ends_when_its_token_is_revoked_later(
    tokens: Settings, backends: Backends
) -> None:
    async with FakeSlack() as slack:
        tokens.SLACK_API_URL = slack.api_url
        bot = asyncio.ensure_future(run_bot(asyncio.Event(), QUICK))
        await slack.greeted()
        slack.fail("apps.connections.open", Fault("account_inactive"))
        await slack.disconnect("refresh_requested")
        with pytest.raises(CommandError, match=r"account_inactive.*reinstall the app"):
            await bot


@pytest.mark.parametrize(
    ("setting", "token", "sentence"),
    [
        ("SLACK_APP_TOKEN", "xapp-wrong", "Slack refused OPSPORTAL_SLACK_APP_TOKEN"),
        ("SLACK_APP_TOKEN", BOT_TOKEN, "OPSPORTAL_SLACK_APP_TOKEN is the app-level token"),
        ("SLACK_BOT_TOKEN", "xoxb-wrong", "Slack refused OPSPORTAL_SLACK_BOT_TOKEN"),
        ("SLACK_BOT_TOKEN", "", "set OPSPORTAL_SLACK_APP_TOKEN and"),
    ],
)
async def test_it_ends_with_one_sentence_when_a_token_cannot_work(
    tokens: Settings, setting: str, token: str, sentence: str
) -> None:
    async with FakeSlack() as slack:
        tokens.SLACK_API_URL = slack.api_url
        setattr(tokens, setting, token)
        with pytest.raises(CommandError, match=sentence):
            await run_bot(asyncio.Event(), QUICK)


async def test_it_waits_for_a_slack_that_does_not_answer_yet(
    workspace: Workspace, alice: User
) -> None:
    limited = Fault("ratelimited", status=429, retry_after=0)
    slack = FakeSlack()
    slack.fail("auth.test", limited, Fault(reset=True), Fault(status=500), Fault("fatal_error"))
    slack.fail("apps.connections.open", limited)
    async with workspace(slack, replace(QUICK, first_wait=0)):
        await slack.mention(ALICE, "help")
        await slack.posted(1)


@pytest.mark.parametrize(
    "body",
    [b'{"ok": tr', b'{"ok": true}', b'{"ok": true, "url": {}}', b'{"url": "\xff"}', b"[]", b"[1]"],
)
async def test_it_waits_for_a_slack_whose_answers_make_no_sense(
    workspace: Workspace, alice: User, body: bytes
) -> None:
    slack = FakeSlack()
    slack.fail("auth.test", Fault(body=b'{"ok": tr'), Fault(body=b'"ok"'))
    slack.fail("apps.connections.open", Fault(body=body))
    async with workspace(slack, replace(QUICK, first_wait=0)):
        await slack.mention(ALICE, "help")
        await slack.posted(1)


@pytest.mark.parametrize(
    "hello",
    [
        {"num_connections": None, "debug_info": []},
        {"num_connections": "2", "debug_info": {"approximate_connection_time": "long"}},
        {"num_connections": {}, "debug_info": "none", "connection_info": 7},
        {"num_connections": 10**30, "debug_info": {"approximate_connection_time": -1}},
        {"debug_info": {"approximate_connection_time": 10**400}},
    ],
)
async def test_it_takes_any_greeting(
    workspace: Workspace, alice: User, hello: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    slack = FakeSlack()
    slack.hello = hello
    async with workspace(slack, replace(QUICK, beat=0.02)):
        await until_stored(BotProcess.objects.exclude(counted=None).exists)
        await slack.mention(ALICE, "help")
        await slack.posted(1)
        assert health.alive == 2
    assert "use this Slack app" not in caplog.text


@pytest.mark.parametrize("frame", ["no JSON", "[]", "[" * 100_000, '{"type": ["hello"]}', "\ud800"])
async def test_it_keeps_a_connection_on_which_something_strange_comes(
    slack: FakeSlack, alice: User, frame: str
) -> None:
    for socket in slack.sockets:
        await socket.send_bytes(frame.encode(errors="replace"))
        await socket.send_str(frame.encode(errors="replace").decode())
    for _ in slack.sockets:
        await slack.mention(ALICE, "help")
    await slack.posted(2)
    assert slack.greetings == 2
    assert slack.violations == []


async def test_it_comes_back_soon_after_slack_had_a_fault_of_its_own() -> None:
    """Faults usually pass; refusals seldom do."""
    longest: list[float] = []

    class Noted(Backoff):
        async def pause(self, longest_: float, asked: float | None = None) -> None:
            longest.append(longest_)

    async with FakeSlack() as slack:
        faults = [
            Fault(status=500),
            Fault("internal_error"),
            Fault("fatal_error"),
            Fault(body=b"{"),
        ]
        slack.fail("auth.test", *faults, Fault("accesslimited"))
        web = AsyncWebClient(BOT_TOKEN, slack.api_url, retry_handlers=[])
        await call_until_answered(Noted(QUICK), "OPSPORTAL_SLACK_BOT_TOKEN", web.auth_test)
    assert longest == [QUICK.longest_unreached] * 4 + [QUICK.longest_refused]


async def test_it_warns_when_others_use_the_app(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    slack = FakeSlack()
    slack.hello = {"num_connections": 5}
    async with workspace(slack, replace(QUICK, beat=0.02)):
        await until(lambda: "5 connections use this Slack app, but only 2 are ours" in caplog.text)
        assert REGISTRY.get_sample_value("opsportal_bot_stray_connections") == 3


async def test_it_is_not_connected_before_and_after(workspace: Workspace) -> None:
    assert health.alive == 0
    with pytest.raises(ConnectionError):
        await check_connected()
    async with workspace(FakeSlack()):
        await until(lambda: health.alive > 0)
        await check_connected()
    assert health.alive == 0


async def test_it_lets_an_answer_end_before_it_stops(
    tokens: Settings, backends: Backends, alice: User
) -> None:
    async with FakeSlack() as slack:
        tokens.SLACK_API_URL = slack.api_url
        stop = asyncio.Event()
        bot = asyncio.ensure_future(run_bot(stop, QUICK))
        await slack.greeted()
        delivery = await slack.mention(ALICE, "change sampling never now")
        await delivery.acknowledged()
        stop.set()
        await bot
        [post] = slack.posts
        assert "confirmed by 3 of 3" in post.shown
