"""From an event of Slack to an answer in its thread.

Each event is acknowledged first and answered afterwards, a few at a time. When too many wait
it is not acknowledged: Slack then sends it again later.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from cachetools import TTLCache
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks import Block, SlackMessage, slack_messages
from bot.commands import registry
from bot.errors import reply_or_error
from bot.identity import Profile, find_actor, read_profile
from bot.registry import Message
from bot.replies import Reply
from bot.text import clean
from ops import metrics
from ops.actor import new_request_id
from ops.database import in_database
from ops.errors import BackendUnavailable

AT_ONCE = 8
MOST_WAITING = 100
SEEN_SECONDS = 900  # the last repetition of an event comes after about five minutes
PROFILE_SECONDS = 600
GRACE_SECONDS = 5
TRIES = 4
LONGEST_PAUSE = 30.0
_HUMAN_SUBTYPES = (None, "file_share", "thread_broadcast")
_BLOCKS_REFUSED = ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long")
_INVISIBLE = ("user_not_found", "user_not_visible")
log = logging.getLogger(__name__)

Event = Mapping[str, Any]


class Conversation:
    """What the bot hears and says in one workspace, where it is the user `bot_id`."""

    def __init__(self, web: AsyncWebClient, team_id: str, bot_id: str) -> None:
        self.web = web
        self.team_id = team_id
        self.bot_id = bot_id
        self.seen: TTLCache[str, bool] = TTLCache(maxsize=20_000, ttl=SEEN_SECONDS)
        self.profiles: TTLCache[str, Profile] = TTLCache(maxsize=10_000, ttl=PROFILE_SECONDS)
        self.free = asyncio.Semaphore(AT_ONCE)
        self.answering: set[asyncio.Task[None]] = set()

    async def receive(self, socket: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Acknowledge an envelope and, when it is a message to us, start answering it."""
        event = request.payload.get("event") or {}
        for_us = request.type == "events_api" and self._is_for_us(event)
        if for_us and len(self.answering) >= MOST_WAITING:
            log.warning("%s messages wait; Slack is to send this one again", MOST_WAITING)
            return
        try:
            await socket.send_socket_mode_response({"envelope_id": request.envelope_id})
        except Exception as error:  # noqa: BLE001  whatever it was, the message is here
            log.warning("an envelope could not be acknowledged: %s", error)
        if for_us and self._is_new(request.payload, event):
            task = asyncio.ensure_future(self._answer(request.payload, event))
            self.answering.add(task)
            task.add_done_callback(self.answering.discard)

    async def finish(self) -> None:
        """Let the answers that are under way end, but not for long."""
        if self.answering:
            _, late = await asyncio.wait(self.answering, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()

    def _is_for_us(self, event: Event) -> bool:
        """A person's mention of us or direct message, but no edited one."""
        direct = event.get("type") == "message" and event.get("channel_type") == "im"
        return (
            (direct or event.get("type") == "app_mention")
            and event.get("subtype") in _HUMAN_SUBTYPES
            and event.get("user") not in (None, "", self.bot_id)
            and not event.get("bot_id")
            and not event.get("edited")
        )

    def _is_new(self, payload: Event, event: Event) -> bool:
        """Slack repeats events, and one message can come as two."""
        keys = (f"event {payload.get('event_id')}", f"{event.get('channel')} {event.get('ts')}")
        new = not any(key in self.seen for key in keys)
        self.seen.update(dict.fromkeys(keys, True))
        return new

    async def _answer(self, payload: Event, event: Event) -> None:
        new_request_id()
        started = time.perf_counter()
        async with self.free:
            reply = await reply_or_error(self._reply(payload, event))
            metrics.requests.labels("slack", "failed" if reply.failed else "ok").inc()
            metrics.request_seconds.labels("slack").observe(time.perf_counter() - started)
            for message in slack_messages(reply):
                await self._post(event, message)

    async def _reply(self, payload: Event, event: Event) -> Reply:
        user = str(event["user"])
        origin = {
            "slack_user": user,
            "slack_team": str(payload.get("team_id", "")),
            "channel": str(event["channel"]),
            "ts": str(event["ts"]),
            "event_id": str(payload.get("event_id", "")),
        }
        actor, stranger = await in_database(find_actor, await self._profile(user), origin)
        return await registry.answer(Message(actor, clean(event, self.bot_id), event, stranger))

    async def _profile(self, user: str) -> Profile:
        if (known := self.profiles.get(user)) is None:
            known = self.profiles[user] = await self._ask_profile(user)
        return known

    async def _ask_profile(self, user: str) -> Profile:
        try:
            answer = await self.web.users_info(user=user)
        except SlackApiError as error:
            if error_code(error) in _INVISIBLE:
                return Profile(user, self.team_id, user, "", "Slack does not say who you are")
            raise _unknown_user(error_code(error)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unknown_user(str(error) or "no answer in time") from error
        return read_profile(answer["user"], self.team_id)

    async def _post(self, event: Event, message: SlackMessage) -> None:
        """Post into the thread, again only when Slack surely has not posted it."""
        blocks = list(message.blocks)
        for _ in range(TRIES):
            try:
                await self._send(event, message.text, blocks)
            except SlackApiError as error:
                code, pause = error_code(error), retry_after(error)
                if blocks and code in _BLOCKS_REFUSED:
                    log.warning("Slack refuses our blocks (%s); the text alone is posted", code)
                    blocks = []
                elif pause is not None:
                    await asyncio.sleep(pause)
                else:
                    log.warning("an answer could not be posted: %s", code)
                    return
            except aiohttp.ClientConnectorError as error:
                log.warning("an answer could not be posted yet: %s", error)
                await asyncio.sleep(1)
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("whether an answer was posted is not known: %s", error or "no answer")
                return
            else:
                return
        log.warning("an answer was given up after %s tries", TRIES)

    async def _send(self, event: Event, text: str, blocks: list[Block]) -> None:
        await self.web.chat_postMessage(
            channel=event["channel"],
            thread_ts=event.get("thread_ts") or event["ts"],
            text=text,
            blocks=blocks or None,
            parse="none",
            link_names=False,
            unfurl_links=False,
            unfurl_media=False,
        )


def error_code(error: SlackApiError) -> str:
    """Return Slack's word for an error, or the HTTP status where there is none."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or f"HTTP {getattr(error.response, 'status_code', 'error')}")


def retry_after(error: SlackApiError) -> float | None:
    """Return how many seconds Slack wants to be left alone, None when it says nothing of it."""
    if getattr(error.response, "status_code", None) != 429:
        return None
    seconds = str(error.response.headers.get("Retry-After", ""))
    return min(float(seconds), LONGEST_PAUSE) if seconds.isdigit() else 1.0


def _unknown_user(reason: str) -> BackendUnavailable:
    return BackendUnavailable(
        f"Slack did not say who you are ({reason}), so nothing was done; try again",
        backend="Slack",
    )
