import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import aiohttp
import pytest
from django.contrib.auth.models import User
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.connection import HELLO_SECONDS, Envelope
from bot.slack.process import OPEN_SECONDS, check_connected, health
from bot.slack.socket_mode import CONNECTIONS, SocketModeClient
from bot.slack.timing import USUAL, Backoff, Timing
from tests.bot.clock import FakeClock
from tests.bot.conftest import QUICK, Workspace, until
from tests.fakes.slack import ALICE, APP_TOKEN, Delivery, FakeSlack

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_opens_the_next_connection_before_the_old_one_closes(
    slack: FakeSlack, alice: User
) -> None:
    await slack.disconnect("warning")
    await slack.greeted(4)
    assert len(slack.sockets) == 4
    sent = [await slack.mention(ALICE, "help") for _ in range(4)]
    for each in sent:
        await each.acknowledged()
    await slack.posted(4)
    assert slack.violations == []


async def test_it_always_has_a_connection_while_slack_refreshes_them(
    workspace: Workspace, alice: User
) -> None:
    """Twenty refreshes during 1,000 envelopes; Slack closes the connections it asks to replace."""
    sent: list[Delivery] = []
    async with workspace(FakeSlack(), replace(QUICK, linger=0)) as slack:
        await until(lambda: health.alive == 2)
        fewest = asyncio.ensure_future(fewest_alive())
        for number in range(1, 21):
            await slack.disconnect("refresh_requested")
            sent += [await slack.send({"type": "interactive", "payload": {}}) for _ in range(50)]
            await slack.greeted(2 + 2 * number)
            await until(lambda: len(slack.sockets) == 2)
        for each in sent:
            await each.acknowledged()
        fewest.cancel()
        assert await fewest >= 1, "never without one"
    assert slack.violations == []


async def fewest_alive() -> int:
    """Check in each turn of the event loop until cancelled."""
    fewest = health.alive
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(0)
            fewest = min(fewest, health.alive)
    return fewest


async def test_it_parts_the_refreshes_of_its_connections(workspace: Workspace) -> None:
    slack, clock = FakeSlack(), FakeClock()
    slack.hello = {"debug_info": {"approximate_connection_time": 18_000}}
    async with workspace(slack, replace(QUICK, deaf=18_000, clock=clock)):
        first, second = slack.sockets
        await clock.sleeping(9_000)
        clock.passes(9_000)
        await slack.greeted(3)
        await until(lambda: second not in slack.sockets)
        assert first in slack.sockets
        assert len(slack.sockets) == 2


async def test_it_replaces_a_connection_on_which_nothing_comes(workspace: Workspace) -> None:
    timing = replace(QUICK, ping=0.02, deaf=1.0, first_wait=0)
    async with workspace(FakeSlack(), timing) as slack:
        slack.silent = True
        await until(lambda: health.alive == 0)
        with pytest.raises(ConnectionError):
            await check_connected()
        slack.silent = False
        await until(lambda: health.alive == 2)
        await check_connected()


async def test_it_is_not_healthy_while_socket_mode_is_off(workspace: Workspace) -> None:
    async with workspace(FakeSlack(), replace(QUICK, first_wait=0)) as slack:
        slack.socket_mode = False
        await slack.disconnect("link_disabled")
        await until(lambda: health.alive == 0)
        slack.socket_mode = True
        await until(lambda: health.alive == 2)


async def test_it_acknowledges_on_another_connection_if_the_first_is_gone() -> None:
    arrived, recorded = asyncio.Event(), asyncio.Event()

    async def on_envelope(envelope: Envelope, acknowledge: Callable[[], Awaitable[None]]) -> None:
        arrived.set()
        await recorded.wait()
        await acknowledge()

    async def on_count(number: int) -> None:
        """Nothing counts them here."""

    async with FakeSlack() as slack, aiohttp.ClientSession() as session:
        web = AsyncWebClient(APP_TOKEN, slack.api_url, session=session)

        async def connect(backoff: Backoff) -> aiohttp.ClientWebSocketResponse:
            opened = await web.apps_connections_open(app_token=APP_TOKEN)
            return await session.ws_connect(str(opened["url"]), autoping=False)

        timing = replace(QUICK, first_wait=0)
        client = SocketModeClient(connect, on_envelope, on_count, timing, set())
        holding = [asyncio.ensure_future(client.hold(number)) for number in range(CONNECTIONS)]
        await slack.greeted(CONNECTIONS)
        delivery = await slack.send({"type": "interactive", "payload": {}})
        await arrived.wait()
        assert delivery.socket
        await delivery.socket.close()
        await slack.greeted(CONNECTIONS + 1)
        recorded.set()
        await delivery.acknowledged()
        for each in holding:
            each.cancel()
        await client.close()
    assert slack.violations == []


def test_it_waits_no_longer_than_silence_and_recovery_may_go_unnoticed() -> None:
    """Unhealthy within 30 s of silence, healthy within 10 s of its end."""
    assert USUAL.deaf + USUAL.ping < 30
    assert max(OPEN_SECONDS, HELLO_SECONDS) + USUAL.longest_unreached < 10


def test_it_backs_off_from_one_second_to_sixty_at_random() -> None:
    timing = Timing()
    backoff = Backoff(timing)
    waits = [backoff.seconds(timing.longest_refused) for _ in range(200)]
    assert all(1 <= wait <= 60 for wait in waits)
    assert all(wait <= 2 ** (number + 1) for number, wait in enumerate(waits[:5]))
    assert len({round(wait, 3) for wait in waits[10:]}) > 100
    assert max(waits) > 30
    backoff.reset()
    assert backoff.seconds(timing.longest_refused) <= 2
    assert all(backoff.seconds(timing.longest_unreached) <= 3 for _ in range(9))
