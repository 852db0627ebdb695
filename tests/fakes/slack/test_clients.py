"""Slack's own clients work with the fake unchanged, so it behaves like Slack."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AiohttpClient
from slack_sdk.socket_mode.builtin import SocketModeClient as BuiltinClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websocket_client import SocketModeClient as WebsocketClient
from slack_sdk.socket_mode.websockets import SocketModeClient as WebsocketsClient
from slack_sdk.web import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import ALICE, APP_TOKEN, BOT_TOKEN, FakeSlack

PLAIN = {"type": "plain_text", "text": "Go"}
AGAIN = 0.5  # seconds; Slack waits for four
Client = Callable[[FakeSlack], AbstractAsyncContextManager[None]]


def asyncio_client(kind: Callable[..., Any]) -> Client:
    @asynccontextmanager
    async def running(slack: FakeSlack) -> AsyncIterator[None]:
        async def hear(client: Any, request: SocketModeRequest) -> None:
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id))
            await web.chat_postMessage(**answer(request.payload["event"]))

        web = AsyncWebClient(BOT_TOKEN, slack.api_url)
        client = kind(APP_TOKEN, web_client=web)
        client.socket_mode_request_listeners.append(hear)
        await client.connect()
        try:
            yield
        finally:
            await client.close()

    return running


def threaded_client(kind: Callable[..., Any]) -> Client:
    @asynccontextmanager
    async def running(slack: FakeSlack) -> AsyncIterator[None]:
        def hear(client: Any, request: SocketModeRequest) -> None:
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id))
            web.chat_postMessage(**answer(request.payload["event"]))

        web = WebClient(BOT_TOKEN, slack.api_url)
        client = kind(APP_TOKEN, web_client=web)
        client.socket_mode_request_listeners.append(hear)
        await asyncio.to_thread(client.connect)
        try:
            yield
        finally:
            await asyncio.to_thread(client.close)

    return running


@asynccontextmanager
async def bolt(slack: FakeSlack) -> AsyncIterator[None]:
    app = AsyncApp(client=AsyncWebClient(BOT_TOKEN, slack.api_url))

    @app.event("app_mention")
    async def hear(event: dict[str, Any], client: AsyncWebClient) -> None:
        await client.chat_postMessage(**answer(event))

    handler = AsyncSocketModeHandler(app, APP_TOKEN, web_client=app.client)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def node(slack: FakeSlack) -> AsyncIterator[None]:
    program = Path(__file__).with_name("client.js")
    process = await asyncio.create_subprocess_exec(
        "node", program, slack.api_url, APP_TOKEN, BOT_TOKEN, stdin=subprocess.PIPE
    )
    try:
        yield
    finally:
        await process.communicate(b"")


def answer(event: dict[str, Any]) -> dict[str, Any]:
    ts = event["ts"]
    return {"channel": event["channel"], "thread_ts": ts, "text": f"heard {ts}"}


async def insisted(slack: FakeSlack) -> str:
    """Mention the bot, again as Slack does while nobody acknowledges it; returns the ts.

    Some clients close a connection before they have read all that came on it.
    """
    event = slack.mention_event(ALICE, "hello")
    while True:
        await slack.connected()
        with suppress(TimeoutError, ConnectionError):
            delivery = await slack.deliver(event)
            await asyncio.wait_for(delivery.acked.wait(), AGAIN)
            return str(event["ts"])


def node_is_there() -> bool:
    needed = ["node", "--eval", "require.resolve('@slack/socket-mode')"]
    return bool(shutil.which("node")) and subprocess.call(needed, stderr=subprocess.DEVNULL) == 0


NODE = pytest.param(
    node,
    id="node",
    marks=pytest.mark.skipif(
        not node_is_there(),
        reason="npm install @slack/socket-mode, and name its node_modules in NODE_PATH",
    ),
)
CLIENTS = [
    pytest.param(threaded_client(BuiltinClient), id="builtin"),
    pytest.param(asyncio_client(AiohttpClient), id="aiohttp"),
    pytest.param(asyncio_client(WebsocketsClient), id="websockets"),
    pytest.param(bolt, id="bolt"),
    NODE,
]
# This one now and then does not read from the connection that it opens when told to refresh.
HALTING = pytest.param(threaded_client(WebsocketClient), id="websocket_client")


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("client", [*CLIENTS, HALTING])
async def test_its_mentions_are_heard_and_answered(client: Client) -> None:
    async with FakeSlack(ping_seconds=0.1) as slack, client(slack):
        await slack.greeted()
        ts = await insisted(slack)
        await slack.answered(ts)
        await slack.ponged()
    assert {post.text for post in slack.posts} == {f"heard {ts}"}
    assert slack.violations == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("client", CLIENTS)
async def test_its_refresh_is_followed(client: Client) -> None:
    async with FakeSlack() as slack, client(slack):
        await slack.greeted()
        await slack.disconnect("refresh_requested")
        await slack.greeted(2)
        ts = await insisted(slack)
        await slack.answered(ts)
    assert {post.text for post in slack.posts} == {f"heard {ts}"}
    assert slack.violations == []


@pytest.mark.filterwarnings("ignore")
async def test_bolt_answers_buttons_the_command_and_the_home_tab() -> None:
    async with FakeSlack() as slack:
        app = AsyncApp(client=AsyncWebClient(BOT_TOKEN, slack.api_url))
        button = {"type": "button", "action_id": "go", "value": "v", "text": PLAIN}
        blocks = [{"type": "actions", "elements": [button]}]

        @app.command("/ops")
        async def typed(ack: Any, respond: Any, command: dict[str, Any]) -> None:
            await ack()
            await respond(text=f"typed {command['text']}", blocks=blocks)

        @app.action("go")
        async def pressed(ack: Any, respond: Any, action: dict[str, Any]) -> None:
            await ack()
            await respond(text=f"pressed {action['value']}", replace_original=False)

        @app.event("app_home_opened")
        async def opened(event: dict[str, Any], client: AsyncWebClient) -> None:
            await client.views_publish(
                user_id=event["user"], view={"type": "home", "blocks": blocks}
            )

        handler = AsyncSocketModeHandler(app, APP_TOKEN, web_client=app.client)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            await slack.greeted()
            await slack.slash(ALICE, "alerts")
            [whisper] = await slack.whispered(1)
            await slack.press(ALICE, whisper, "Go")
            await slack.open_home(ALICE)
            home = await slack.published(ALICE)
            texts = [each.text for each in await slack.whispered(2)]
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]
    assert texts == ["typed alerts", "pressed v"]
    assert home.blocks == blocks
    assert slack.violations == []
