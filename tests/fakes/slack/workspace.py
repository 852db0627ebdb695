"""A Slack workspace in this process: Web API and Socket Mode, with Slack's own limits.

    async with FakeSlack() as slack:
        settings.SLACK_API_URL = slack.api_url
        ...
        await slack.greeted()
        delivery = await slack.mention("U0ALICE01", "alerts")
        [post] = await slack.posted(1)

What it refuses it also notes in `violations`, so that a test can say there were none. Calls
that hang end when `release` is set.
"""

import secrets
from collections.abc import Iterable
from html import escape
from typing import Any, Self

from aiohttp import web

from .app import BOT_USER, CHANNEL, SCOPES, TEAM
from .blocks import Json
from .socket_mode import Delivery, SocketMode
from .web_api import WebApi


class FakeSlack(WebApi, SocketMode):
    """One workspace with one app installed. `ping_seconds` is how often sockets are pinged."""

    def __init__(self, *, ping_seconds: float = 10.0, scopes: Iterable[str] = SCOPES) -> None:
        super().__init__()
        self.ping_seconds = ping_seconds
        self.scopes = set(scopes)

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_get("/link/", self._link)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for socket in list(self.sockets):
            await socket.close()
        await self._runner.cleanup()

    # What people do

    async def mention(self, user: str, text: str, **event: Any) -> Delivery:
        """Mention the bot in a channel."""
        return await self.deliver(self.mention_event(user, text, **event))

    async def direct(self, user: str, text: str, **event: Any) -> Delivery:
        """Write to the bot in a direct message."""
        whole = self.mention_event(user, text, channel=self._direct(user), **event)
        whole |= {"type": "message", "channel_type": "im", "text": escape(text, quote=False)}
        del whole["blocks"]
        return await self.deliver(whole)

    async def change_user(self, user: Json) -> Delivery:
        """Change what users.info says of somebody, and tell of it."""
        assert "users:read" in self.scopes, "Slack tells of changes only with users:read"
        self.users[user["id"]] = user
        ts = self._ts()
        event = {"type": "user_change", "user": user, "cache_ts": int(float(ts)), "event_ts": ts}
        return await self.deliver(event)

    def mention_event(self, user: str, text: str, **event: Any) -> Json:
        """The app_mention event that a person's message makes."""
        ts = self._ts()
        elements = [{"type": "user", "user_id": BOT_USER}, {"type": "text", "text": f" {text}"}]
        section = {"type": "rich_text_section", "elements": elements}
        return {
            "user": user,
            "type": "app_mention",
            "ts": ts,
            "client_msg_id": secrets.token_hex(16),
            "text": f"<@{BOT_USER}> {escape(text, quote=False)}",
            "team": TEAM,
            "blocks": [{"type": "rich_text", "block_id": "J9L33", "elements": [section]}],
            "channel": CHANNEL,
            "event_ts": ts,
            **event,
        }
