"""A Slack workspace in this process: Web API and Socket Mode, with Slack's limits.

    async with FakeSlack() as slack:
        settings.SLACK_API_URL = slack.api_url
        ...
        await slack.greeted()
        delivery = await slack.mention("U0ALICE01", "alerts")
        [post] = await slack.posted(1)

It records every refusal in `violations`, so that a test can check that there were none. Calls
that hang end when `release` is set.
"""

import secrets
from collections.abc import Iterable
from html import escape
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from . import interactions
from .app import APP, BOT_USER, CHANNEL, EVENTS, SCOPES, TEAM
from .blocks import Json
from .posts import Post
from .responses import Respond
from .socket_mode import Delivery, SocketMode
from .web_api import WebApi


class FakeSlack(WebApi, SocketMode):
    """One workspace with one app installed. `ping_seconds` is the time between two pings."""

    def __init__(self, *, ping_seconds: float = 10.0, scopes: Iterable[str] = SCOPES) -> None:
        super().__init__()
        self.ping_seconds = ping_seconds
        self.scopes = set(scopes)
        self.subscribed = set(EVENTS)
        """The events that the app gets; with message.channels, also of what is said in channels."""

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_get("/link/", self._link)
        application.router.add_post("/respond/{key}", self._respond)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        for socket in list(self.sockets):
            await socket.close()
        await self._runner.cleanup()

    # What people do

    async def mention(self, user: str, text: str, **event: Any) -> Delivery:
        """Mention the bot in a channel."""
        whole = self.mention_event(user, text, **event)
        delivery = await self.deliver(whole)
        if "message.channels" in self.subscribed:
            await self.deliver({**whole, "type": "message", "channel_type": "channel"})
        return delivery

    async def ask(self, user: str, text: str) -> Post:
        """Mention the bot, and return what it posts next."""
        number = len(self.posts)
        await self.mention(user, text)
        return (await self.posted(number + 1))[number]

    async def say(self, user: str, text: str, channel: str = CHANNEL, **event: Any) -> str:
        """Write in a channel without mentioning the bot; returns the ts of the message."""
        whole = self.mention_event(user, text, channel=channel, **event)
        whole |= {"type": "message", "channel_type": "channel", "text": escape(text, quote=False)}
        del whole["blocks"]
        self.said[channel, whole["ts"]] = whole
        if "message.channels" in self.subscribed:
            await self.deliver(whole)
        return str(whole["ts"])

    async def share_link(self, user: str, url: str, channel: str = CHANNEL) -> Delivery:
        """Write a message with a link of the app's unfurl domains."""
        ts, domain = await self.say(user, url, channel), urlsplit(url).hostname
        return await self.deliver(
            {
                "type": "link_shared", "user": user, "channel": channel, "message_ts": ts,
                "links": [{"domain": domain, "url": url}], "source": "conversations_history",
                "unfurl_id": f"{channel}-{ts}", "is_bot_user_member": True, "event_ts": self._ts(),
            }
        )  # fmt: skip

    async def direct(self, user: str, text: str, **event: Any) -> Delivery:
        """Send the bot a direct message."""
        whole = self.mention_event(user, text, channel=self._direct(user), **event)
        whole |= {"type": "message", "channel_type": "im", "text": escape(text, quote=False)}
        del whole["blocks"]
        self.said[whole["channel"], whole["ts"]] = whole
        return await self.deliver(whole)

    async def press(self, user: str, post: Post, label: str) -> Delivery:
        """Click a button in a post, in a message that only one user sees, or on a Home tab."""
        button = interactions.find_button(post.blocks, label)
        if post in self.homes[user]:
            where: Json = {"type": "view", "view_id": "V0HOME"}
        else:
            alone = post in self.whispers
            where = {
                "type": "message", "message_ts": post.ts, "channel_id": post.channel,
                "is_ephemeral": alone,
            }  # fmt: skip
            if post.thread_ts and not alone:
                where["thread_ts"] = post.thread_ts
        payload = interactions.press(user, self._name(user), self._team(user), button, **where)
        payload |= {"api_app_id": APP, **self._organization()}
        self._triggers[payload["trigger_id"]] = self.clock()
        if self.org_wide:
            payload["team"] = None
        if where["type"] == "message":
            payload["channel"] = {"id": post.channel, "name": "ops"}
            payload["response_url"] = self._respond_url(post.channel, user, post)
        if where.get("is_ephemeral") is False:
            payload["message"] = {"type": "message", "ts": post.ts, "text": post.text}
        return await self.send({"type": "interactive", "payload": payload})

    async def slash(self, user: str, text: str, channel: str = CHANNEL) -> Delivery:
        """Type /ops in a channel, even if the bot is not a member."""
        assert "commands" in self.scopes, "without the scope there is no command"
        payload = interactions.slash(user, self._name(user), self._team(user), channel, text)
        payload |= {"api_app_id": APP, "response_url": self._respond_url(channel, user)}
        if self.enterprise:
            payload |= {"enterprise_id": self.enterprise, "enterprise_name": "Acme Corp"}
        payload["is_enterprise_install"] = str(self.org_wide).lower()
        self._triggers[payload["trigger_id"]] = self.clock()
        envelope = {"type": "slash_commands", "accepts_response_payload": True}
        return await self.send({**envelope, "payload": payload})

    async def submit(self, user: str, view_id: str, values: Json) -> Delivery:
        """Submit an open modal; `values` are those of its fields, by block and action."""
        view = self.modals[view_id]
        payload = interactions.submission(user, self._name(user), self._team(user), view, values)
        payload |= {"api_app_id": APP, **self._organization()}
        self._triggers[payload["trigger_id"]] = self.clock()
        envelope = {"type": "interactive", "accepts_response_payload": True}
        return await self.send({**envelope, "payload": payload})

    async def open_home(self, user: str, tab: str = "home") -> Delivery:
        """Open the app's Home tab, or another of its tabs."""
        ts = self._ts()
        event = {"type": "app_home_opened", "user": user, "channel": self._direct(user), "tab": tab}
        return await self.deliver({**event, "event_ts": ts})

    def _organization(self) -> Json:
        organization = {"id": self.enterprise, "name": "Acme Corp"} if self.enterprise else None
        return {"enterprise": organization, "is_enterprise_install": self.org_wide}

    def _name(self, user: str) -> str:
        return str(self.users.get(user, {}).get("name", user))

    def _team(self, user: str) -> str:
        return str(self.users.get(user, {}).get("team_id", TEAM))

    def _echo(self, event: Json) -> None:
        """Send the app the event of its own message, if it gets those of the channel."""
        kind, name = ("im", "message.im") if event["channel"][0] == "D" else ("channel", "")
        if (name or "message.channels") in self.subscribed:
            self._in_background(self._heard({**event, "channel_type": kind}))

    async def _heard(self, event: Json) -> None:
        if self.sockets:
            await self.deliver(event)

    def _acked(self, delivery: Delivery) -> None:
        """Show the answer to a command in its acknowledgement, as if it came to response_url."""
        payload = delivery.envelope.get("payload")
        if delivery.answer and delivery.envelope.get("type") == "slash_commands" and payload:
            self._show_answer(Respond(payload["channel_id"], payload["user_id"]), delivery.answer)

    async def change_user(self, user: Json) -> Delivery:
        """Change a user's profile in users.info, and send the event of the change."""
        assert "users:read" in self.scopes, "Slack reports changes only with users:read"
        self.users[user["id"]] = user
        ts = self._ts()
        event = {"type": "user_change", "user": user, "cache_ts": int(float(ts)), "event_ts": ts}
        return await self.deliver(event)

    def mention_event(self, user: str, text: str, **event: Any) -> Json:
        """Return the app_mention event of a user's message."""
        ts = str(event.get("ts") or self._ts())
        elements = [{"type": "user", "user_id": BOT_USER}, {"type": "text", "text": f" {text}"}]
        section = {"type": "rich_text_section", "elements": elements}
        whole = {
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
        self.said[str(whole["channel"]), ts] = whole
        return whole
