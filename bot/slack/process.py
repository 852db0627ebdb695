"""The Slack bot's process: hold the connections and answer until stopped."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import aiohttp
from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.commands import registry
from bot.slack import metrics
from bot.slack.alert_messages import AlertMessages
from bot.slack.api_errors import REMEDIES, UNANSWERED, error_code, is_refusal, reason, retry_after
from bot.slack.app_limit import AppLimit
from bot.slack.connection import CLOSE_SECONDS, Connection, Envelope
from bot.slack.direct_messages import DirectMessages
from bot.slack.event_handler import EventHandler
from bot.slack.hand_overs import keep_telling
from bot.slack.heartbeat import Heartbeat, ProcessStatus, report_end
from bot.slack.inbox import Inbox
from bot.slack.incident_offers import keep_offering
from bot.slack.profiles import Profiles
from bot.slack.proxy import proxy_for
from bot.slack.sender import Sender
from bot.slack.socket_mode import CONNECTIONS, SocketModeClient
from bot.slack.timing import USUAL, Backoff, Timing
from bot.slack.trust import Trust, read_trust
from bot.slack.unfurls import Unfurls
from bot.slack.web_client import WebClient

T = TypeVar("T")
CALL_SECONDS = 30
OPEN_SECONDS = 5

_APP = "OPSPORTAL_SLACK_APP_TOKEN"
_BOT = "OPSPORTAL_SLACK_BOT_TOKEN"
log = logging.getLogger(__name__)


class Health:
    """Whether Slack reaches this process."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self._heard: datetime | None = None

    @property
    def alive(self) -> int:
        """The number of connections on which Slack reaches us."""
        return sum(connection.alive for connection in self.connections)

    @property
    def open(self) -> int:
        """The number of connections that Slack counts as ours, including old ones."""
        return sum(not connection.websocket.closed for connection in self.connections)

    @property
    def heard(self) -> datetime | None:
        """When Slack was last heard from, even on a closed connection; None for never."""
        silent = [
            connection.silent_for for connection in self.connections if connection.answered.is_set()
        ]
        if silent:
            self._heard = timezone.now() - timedelta(seconds=min(silent))
        return self._heard


health = Health()
metrics.sockets.set_function(lambda: health.alive)


async def check_connected() -> None:
    """Raise ConnectionError while Slack does not reach us; /readyz calls this."""
    if not health.alive:
        raise ConnectionError("the Slack bot is not connected")


async def run_bot(stop: asyncio.Event, timing: Timing = USUAL) -> None:
    """Answer in Slack until `stop` is set.

    Raises CommandError, one sentence that names the remedy, if the tokens cannot be used.
    """
    registry.check()
    if not (settings.SLACK_APP_TOKEN and settings.SLACK_BOT_TOKEN):
        raise CommandError(f"set {_APP} and {_BOT} to run the bot; see docs/slack.md")
    name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
    serving = asyncio.ensure_future(_serve(name, timing))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        serving.cancel()
        await asyncio.wait((serving,))
        await report_end(name, _failure(serving), timing.deadlines)
    if not serving.cancelled():
        serving.result()


def _failure(ended: asyncio.Future[None]) -> str:
    """Return why the bot ended; only our own sentences are known to hold no secret."""
    error = None if ended.cancelled() else ended.exception()
    if error is None or isinstance(error, CommandError):
        return str(error or "")
    return f"unexpected {type(error).__name__}; the log has the traceback"


async def _serve(name: str, timing: Timing) -> None:
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS, sock_connect=OPEN_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        web = WebClient(settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL, session)

        async def authenticate() -> AsyncSlackResponse:
            return await call_until_answered(Backoff(timing), _BOT, web.auth_test)

        me = await authenticate()
        trust = read_trust(me, settings.SLACK_WORKSPACES)
        if trust.problem:
            raise CommandError(trust.problem)
        inbox = Inbox(name, deadlines=timing.deadlines)
        sender = Sender(web, timing)
        profiles = Profiles(web, trust)
        handler = EventHandler(
            me["user_id"], profiles, inbox, sender, DirectMessages(web, sender), timing
        )
        alerts = AlertMessages(sender, name)
        limit, unfurls = AppLimit(), Unfurls(web, profiles, me["user_id"])

        async def receive(envelope: Envelope, acknowledge: Callable[[], Awaitable[None]]) -> None:
            limit.note(envelope)
            unfurls.note(envelope)
            await handler.receive(envelope, acknowledge)

        heartbeat = Heartbeat(
            name,
            str(me.get("url", ""))[:200],
            partial(_status, handler, trust, limit),
            deadlines=timing.deadlines,
        )
        client = SocketModeClient(
            lambda backoff: call_until_answered(backoff, _APP, partial(_open, web, session)),
            receive,
            heartbeat.note_count,
            timing,
            health.connections,
        )
        # The writer is apart, because it must outlive the others: see the order below.
        writing = asyncio.ensure_future(inbox.write())
        working = [
            asyncio.ensure_future(handler.keep_leases(timing.tend)),
            asyncio.ensure_future(handler.cards.keep_current(timing.tend)),
            asyncio.ensure_future(handler.timed.keep(timing.tend)),
            asyncio.ensure_future(alerts.keep(timing.tend)),
            asyncio.ensure_future(keep_offering(sender, timing.beat)),
            asyncio.ensure_future(keep_telling(sender, handler.timed.reaching, timing.beat)),
            asyncio.ensure_future(handler.order.run()),
            asyncio.ensure_future(_beat(heartbeat, timing.beat)),
            asyncio.ensure_future(web.watch(authenticate, timing.token)),
            asyncio.ensure_future(profiles.share(timing.beat)),
            *(asyncio.ensure_future(client.hold(number)) for number in range(CONNECTIONS)),
        ]
        try:
            await _first_failure([writing, *working])
        finally:
            await _cancel(working)
            await client.close()  # what has arrived is recorded and acknowledged
            await unfurls.close()
            await handler.finish()  # answers in progress are posted, and their ends noted
            await _cancel([writing])
            await inbox.close()  # their ends are written, the rest is left to other processes
            await heartbeat.stop()


async def _open(web: WebClient, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    async with asyncio.timeout(OPEN_SECONDS):
        opened = await web.apps_connections_open(app_token=settings.SLACK_APP_TOKEN)
    url = str(opened["url"])
    async with asyncio.timeout(OPEN_SECONDS):
        return await session.ws_connect(
            url,  # aiohttp raises an error if this is not an address
            autoping=False,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            proxy=proxy_for(url),
            ssl=web.ssl or True,
        )


def _status(handler: EventHandler, trust: Trust, limit: AppLimit) -> ProcessStatus:
    return ProcessStatus(
        sockets=health.open,
        reached=health.alive,
        heard=health.heard,
        waiting=handler.waiting,
        full=handler.full,
        limited=limit.at,
        trusts=str(trust)[:200] if trust.named else "",
    )


async def _beat(heartbeat: Heartbeat, seconds: float) -> None:
    while True:
        await heartbeat.beat()
        await asyncio.sleep(seconds)


async def _first_failure(tasks: Sequence[asyncio.Future[None]]) -> None:
    """Wait for the first task to fail, and raise its error; none ends otherwise."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _cancel(tasks: Sequence[asyncio.Future[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def call_until_answered(backoff: Backoff, token: str, call: Callable[[], Awaitable[T]]) -> T:
    """Call until Slack answers; raises CommandError if it refuses the token."""
    while True:
        asked, longest = None, backoff.timing.longest_unreached
        try:
            return await call()
        except SlackApiError as error:
            if refused := refusal(token, error):
                raise refused from None
            why, asked = reason(error), retry_after(error)
            if is_refusal(error):
                longest = backoff.timing.longest_refused
        except UNANSWERED as error:
            why = reason(error)
        log.warning("%s did not answer: %s", settings.SLACK_API_URL, why)
        await backoff.pause(longest, asked)


def refusal(token: str, error: SlackApiError) -> CommandError | None:
    """Return the error to stop with if retrying cannot help, else None."""
    code = error_code(error)
    if code not in REMEDIES:
        return None
    return CommandError(f"Slack refused {token} ({code}): {REMEDIES[code]}")
