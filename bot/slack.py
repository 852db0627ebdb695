"""The Slack door's line: a Socket Mode connection that is held until told to stop."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
from django.conf import settings
from django.core.management.base import CommandError
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands import registry
from bot.conversation import Conversation, error_code, retry_after

CALL_SECONDS = 30
CLOSE_SECONDS = 5

_APP = "OPSPORTAL_SLACK_APP_TOKEN"
_BOT = "OPSPORTAL_SLACK_BOT_TOKEN"
_COPY = "copy it again from the app's settings"
_SCOPES = "give it the scopes that docs/slack-manifest.json names"
REMEDIES = {
    "account_inactive": "the bot was removed; install the app again",
    "invalid_auth": _COPY,
    "missing_scope": _SCOPES,
    "no_permission": _SCOPES,
    "not_allowed_token_type": f"{_APP} is the app-level token (xapp-), {_BOT} the bot's (xoxb-)",
    "not_authed": _COPY,
    "team_disabled": "the workspace is disabled",
    "token_expired": "make a new one in the app's settings",
    "token_revoked": "install the app again and copy the new one",
    "user_removed_from_team": "the bot was removed from the workspace; install the app again",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """All in seconds: between pings, until a deaf socket is replaced, between attempts to start."""

    ping: float = 5.0
    deaf: float = 60.0
    first_wait: float = 1.0
    longest_wait: float = 60.0


class Health:
    """Whether Slack reaches this process."""

    def __init__(self) -> None:
        self.socket: Socket | None = None

    @property
    def connected(self) -> bool:
        """Slack has greeted us on a connection that is still open."""
        return self.socket is not None and self.socket.alive

    @property
    def last_seen(self) -> float:
        """When Slack last sent anything, in Unix seconds; 0 for never."""
        if self.socket is None:
            return 0.0
        return max(self.socket.last_frame, self.socket.last_ping_pong_time or 0.0)


health = Health()


async def check_connected() -> None:
    """Raise ConnectionError while Slack does not reach us; for readiness."""
    if not health.connected:
        raise ConnectionError("the Slack bot is not connected")


async def run_bot(stop: asyncio.Event, patience: Patience = Patience()) -> None:
    """Answer in Slack until `stop` is set.

    Raises CommandError, with one sentence and the remedy, when the tokens cannot be used.
    """
    registry.check()
    if not (settings.SLACK_APP_TOKEN and settings.SLACK_BOT_TOKEN):
        raise CommandError(f"the bot needs {_APP} and {_BOT}; docs/slack.md says where they are")
    serving = asyncio.ensure_future(_serve(patience))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        serving.cancel()
        await asyncio.wait((serving,))
    if not serving.cancelled():
        serving.result()


async def _serve(patience: Patience) -> None:
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        # Without retry handlers: a message whose answer was lost would be posted twice.
        web = AsyncWebClient(
            settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL, session=session, retry_handlers=[]
        )
        me = await _patiently(patience, _BOT, web.auth_test)
        conversation = Conversation(web, me["team_id"], me["user_id"])
        opening = partial(web.apps_connections_open, app_token=settings.SLACK_APP_TOKEN)
        try:
            while True:
                opened = await _patiently(patience, _APP, opening)
                await _hold(Socket(web, conversation, opened["url"], patience))
        finally:
            await conversation.finish()


async def _patiently(patience: Patience, token: str, call: Callable[[], Awaitable[Any]]) -> Any:
    """Call until Slack answers; raises CommandError when it refuses the token."""
    wait = patience.first_wait
    while True:
        try:
            return await call()
        except SlackApiError as error:
            if refused := refusal(token, error):
                raise refused from None
            reason = error_code(error)
            asked = retry_after(error)
            wait = wait if asked is None else asked
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
        log.warning("%s does not answer: %s", settings.SLACK_API_URL, reason)
        await asyncio.sleep(wait)
        wait = min(2 * (wait or patience.first_wait), patience.longest_wait)


def refusal(token: str, error: SlackApiError) -> CommandError | None:
    """Return the sentence to end with when trying again cannot help, else None."""
    code = error_code(error)
    if code not in REMEDIES:
        return None
    return CommandError(f"Slack refuses {token} ({code}): {REMEDIES[code]}")


async def _hold(socket: "Socket") -> None:
    """Keep a socket until it has been deaf for too long; raises CommandError when refused.

    The SDK reconnects by itself; a new socket is for the cases in which it tries for ever.
    """
    health.socket = socket
    alive = time.monotonic()
    connecting = asyncio.ensure_future(socket.connect())  # type: ignore[no-untyped-call]
    try:
        while time.monotonic() - alive < socket.patience.deaf and socket.refused is None:
            await asyncio.sleep(0.5)
            if socket.alive:
                alive = time.monotonic()
    finally:
        health.socket = None
        connecting.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(socket.close(), CLOSE_SECONDS)  # type: ignore[no-untyped-call]
    if socket.refused is not None:
        raise socket.refused
    log.warning("Slack's socket was deaf for %g s; opening a new one", socket.patience.deaf)


class Socket(SocketModeClient):
    """The SDK's socket, which also knows whether Slack has greeted us and why it will not."""

    def __init__(
        self, web: AsyncWebClient, conversation: Conversation, url: str, patience: Patience
    ) -> None:
        self.patience = patience
        super().__init__(
            settings.SLACK_APP_TOKEN,
            web_client=web,
            ping_interval=patience.ping,
            on_message_listeners=[self._hear],
        )
        self.wss_uri = url
        self.socket_mode_request_listeners.append(conversation.receive)
        self.greeted = False
        self.last_frame = 0.0
        self.refused: CommandError | None = None

    @property
    def alive(self) -> bool:
        """Greeted, open, and answering pings."""
        session = self.current_session
        return self.greeted and not self.stale and session is not None and not session.closed

    async def issue_new_wss_url(self) -> str:
        """The SDK calls this whenever it reconnects."""
        self.greeted = False
        try:
            return await super().issue_new_wss_url()
        except SlackApiError as error:
            self.refused = refusal(_APP, error)
            raise

    async def _hear(self, frame: aiohttp.WSMessage) -> None:
        self.last_frame = time.time()
        message = json.loads(frame.data)
        if message.get("type") == "hello":
            self.greeted = True
            if (number := message.get("num_connections", 1)) > 1:
                log.warning(
                    "%s connections use this Slack app; each message reaches only one of them",
                    number,
                )
        elif message.get("type") == "disconnect":
            self.greeted = False
            log.info("Slack ends the connection: %s", message.get("reason"))
