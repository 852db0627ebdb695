"""Show the verdict below a link to a page of ours, where every human member may see it anyway.

    link_shared ──> a page of a trace or an alert? ──> members: at most 100, all linked, all allowed
                                                                                  │
                                            chat.unfurl <── the answer's summary <┘

The app gets these events and may look at members only with scopes that it does not ask for by
default. Whatever is unknown, or fails, leaves the link as it is.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from cachetools import TTLCache
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands import registry
from bot.links import line_of
from bot.registry import Message
from bot.replies import visible
from bot.slack.api_errors import FAILED_CALL, reason
from bot.slack.identity import BOT, linked_actor
from bot.slack.profiles import Profiles
from ops.actor import Actor, new_request_id
from ops.database import in_database
from ops.errors import OpsError
from ops.guard import may
from ops.metrics import watched
from ops.vocabulary.texts import shortened

EVENT = "link_shared"
MOST_MEMBERS = 100
MOST_LINKS = 3
AT_ONCE = 4
SECONDS = 20.0
MEMBERS_SECONDS = 30  # after which somebody who has joined a channel counts
_LONGEST = 600
log = logging.getLogger(__name__)


class Unfurls:
    """The links that people share in one workspace, in which the bot is the user `bot_id`."""

    def __init__(self, web: AsyncWebClient, profiles: Profiles, bot_id: str) -> None:
        self.web = web
        self.profiles = profiles
        self.bot_id = bot_id
        self._members: TTLCache[str, tuple[str, ...]] = watched(
            "channel members", TTLCache(maxsize=500, ttl=MEMBERS_SECONDS)
        )
        self._seen: TTLCache[str, bool] = watched("links", TTLCache(maxsize=5_000, ttl=300))
        self._working: set[asyncio.Task[None]] = set()

    def note(self, envelope: Mapping[str, Any]) -> None:
        """Start with the links of an envelope, if it has any and too much is not going on."""
        payload = envelope.get("payload")
        event = payload.get("event") if isinstance(payload, Mapping) else None
        if not isinstance(event, Mapping) or event.get("type") != EVENT:
            return
        key = f"{event.get('channel')} {event.get('message_ts')}"
        shared = payload.get("is_ext_shared_channel") if isinstance(payload, Mapping) else True
        drafted = event.get("source") not in (None, "conversations_history")
        if shared or drafted or event.get("user") in (None, self.bot_id) or key in self._seen:
            return
        if len(self._working) >= AT_ONCE:
            log.info("a link is not unfurled: too many are shared at the moment")
            return
        self._seen[key] = True
        team = str(payload.get("team_id") or "") if isinstance(payload, Mapping) else ""
        task = asyncio.ensure_future(self._unfurl(event, team))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def close(self) -> None:
        """Stop; a link that is left as it is hurts nobody."""
        for task in self._working:
            task.cancel()
        if self._working:
            await asyncio.wait(self._working)

    async def _unfurl(self, event: Mapping[str, Any], team: str) -> None:
        lines = _lines(event)
        if not lines:
            return
        new_request_id()
        channel, ts = str(event.get("channel")), str(event.get("message_ts"))
        try:
            async with asyncio.timeout(SECONDS):
                everybody = await self._actors(channel, team)
                author = everybody.get(str(event["user"]))
                shown = {
                    url: {"blocks": [_block(summary)]}
                    for url, line in lines.items()
                    if author and (summary := await _summary(line, author, [*everybody.values()]))
                }
                if shown:
                    await self.web.chat_unfurl(channel=channel, ts=ts, unfurls=shown)
        except FAILED_CALL as error:
            log.info("a link is not unfurled: %s", reason(error))
        except Exception:
            log.exception("a link is not unfurled")

    async def _actors(self, channel: str, team: str) -> dict[str, Actor]:
        """Return all human members of a channel by user ID, none if one of them is a stranger."""
        members = self._members.get(channel)
        if members is None:
            found = await self.web.conversations_members(channel=channel, limit=MOST_MEMBERS + 1)
            more = (found.get("response_metadata") or {}).get("next_cursor")
            members = () if more else tuple(map(str, found["members"]))
            self._members[channel] = members
        if len(members) > MOST_MEMBERS:
            return {}
        actors = {}
        for user in members:
            profile = await self.profiles.of_author({"user": user}, team)
            if profile.outsider == BOT:
                continue
            actor = await in_database(linked_actor, profile, {"channel": channel})
            if actor is None:
                return {}
            actors[user] = actor
        return actors


def _lines(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the line for each link to a page of ours."""
    links = event.get("links")
    given = links[:MOST_LINKS] if isinstance(links, list) else []
    urls = [each.get("url") for each in given if isinstance(each, Mapping)]
    return {url: line for url in urls if isinstance(url, str) and (line := line_of(url))}


async def _summary(line: str, author: Actor, everybody: Sequence[Actor]) -> str:
    """Return the first words of the answer to a line, "" if one of all may not have it."""
    command, _ = registry.find(line)
    for actor in everybody:
        for needed in command.needs:
            if not await may(actor, needed):
                return ""
    try:
        reply = await registry.run(Message(author, line), line)
    except OpsError:
        return ""
    return "" if reply.failed else visible(reply.summary)


def _block(summary: str) -> dict[str, Any]:
    """Return a block in which Slack shows a text literally."""
    text = {"type": "plain_text", "text": shortened(summary, _LONGEST), "emoji": False}
    return {"type": "section", "text": text}
