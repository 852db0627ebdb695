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

import asyncio
import itertools
import json
import re
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.fakes.slack.blocks import Json, marked_up, refused_blocks, shown

APP_TOKEN = "xapp-1-A0OPSPRT1-secret"
BOT_TOKEN = "xoxb-secret"
CONFIG_TOKEN = "xoxe.xoxp-1-secret"
APP, TEAM, BOT_USER, BOT_ID = "A0OPSPRT1", "T0ACME001", "U0OPSBOT1", "B0OPSBOT1"
ALICE, CHANNEL, DIRECT = "U0ALICE01", "C0OPS0001", "D0ALICE01"
SCOPES = frozenset({"app_mentions:read", "chat:write", "im:history", "users:read"})
NEEDED = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "users.info": "users:read",
}
TOKEN_OF = {"apps.connections.open": APP_TOKEN, "apps.manifest.export": CONFIG_TOKEN}
SECONDS = 30.0  # a test that waits longer for something has failed
ACK_SECONDS = 3.0
MOST_SOCKETS = 10
_LIVE = re.compile(r"<(?:[!@#][^>]*|https?:[^>]*)>")


@dataclass
class Post:
    """A message that the bot posted."""

    channel: str
    thread_ts: str
    ts: str
    text: str
    blocks: list[Json]
    earlier: list[str] = field(default_factory=list)
    """What it showed before each time that it was replaced."""

    @property
    def shown(self) -> str:
        """What a reader sees: the blocks' text, or the text when there are none."""
        if not self.blocks:
            return unescape(self.text)
        return "\n".join(shown(block) for block in self.blocks)

    @property
    def live(self) -> list[str]:
        """Whatever Slack would turn into a mention or a link that markup asked for."""
        texts = [self.text, *(text for block in self.blocks for text in marked_up(block))]
        return [found for text in texts for found in _LIVE.findall(text)]


@dataclass
class Delivery:
    """An envelope that was sent; `acked` is set when its acknowledgement came."""

    envelope: Json
    sent: float = field(default_factory=time.monotonic)
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0

    async def acknowledged(self) -> None:
        async with asyncio.timeout(SECONDS):
            await self.acked.wait()


@dataclass(frozen=True)
class Fault:
    """What happens to the next call of a method instead of its answer.

    With `lost` it is done all the same, but its answer does not arrive.
    """

    error: str = ""
    status: int = 200
    retry_after: float | None = None
    hang: bool = False
    reset: bool = False
    lost: bool = False


class FakeSlack:
    """One workspace with one app installed. `ping_seconds` is how often sockets are pinged."""

    def __init__(self, *, ping_seconds: float = 10.0, scopes: Iterable[str] = SCOPES) -> None:
        self.ping_seconds = ping_seconds
        self.scopes = set(scopes)
        self.users: dict[str, Json] = {ALICE: person(ALICE, "alice"), BOT_USER: bot_user()}
        self.manifest: Json = {}
        self.channels = {CHANNEL, DIRECT}
        self.calls: list[tuple[str, Json]] = []
        self.posts: list[Post] = []
        self.violations: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.pongs = 0
        self.answers_pings = True
        self.silent = False
        self.seconds: dict[str, float] = {}
        self.channel_seconds = 0.0
        self.handshakes_fail = 0
        self.hello: Json = {}
        self.socket_mode = True
        self.most_sockets = MOST_SOCKETS
        self.release = asyncio.Event()
        self.greetings = 0
        self.failed: list[tuple[str, Json, Fault]] = []
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._last_post: dict[str, float] = {}
        self._tickets: set[str] = set()
        self._deliveries: dict[str, list[Delivery]] = defaultdict(list)
        self._changed = asyncio.Condition()
        self._clock = itertools.count(1_760_005_930)
        self._round_robin = itertools.count()

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

    @property
    def api_url(self) -> str:
        return f"http://{self.host}/api"

    # What tests do

    def fail(self, method: str, *faults: Fault) -> None:
        """Make the next calls of a method fail, one fault each."""
        self._faults[method].extend(faults)

    async def greeted(self, times: int = 1) -> None:
        """Wait until a connection was opened that many times."""
        await self._until(lambda: self.greetings >= times)

    async def connected(self) -> None:
        """Wait until there is an open connection."""
        await self._until(lambda: bool(self.sockets))

    async def posted(self, number: int) -> list[Post]:
        """Wait until there are so many posts and return all."""
        await self._until(lambda: len(self.posts) >= number)
        return self.posts

    async def answered(self, thread_ts: str) -> None:
        """Wait until there is a post in a thread."""
        await self._until(lambda: any(post.thread_ts == thread_ts for post in self.posts))

    async def replaced(self, ts: str) -> Post:
        """Wait until a post was replaced, and return it."""
        await self._until(lambda: any(post.ts == ts and post.earlier for post in self.posts))
        return next(post for post in self.posts if post.ts == ts)

    async def called(self, method: str, times: int = 1) -> None:
        """Wait until a method was called that many times."""
        await self._until(lambda: [name for name, _ in self.calls].count(method) >= times)

    async def ponged(self) -> None:
        """Wait until a ping was answered."""
        await self._until(lambda: self.pongs > 0)

    async def mention(self, user: str, text: str, **event: Any) -> Delivery:
        """Mention the bot in a channel."""
        return await self.deliver(self.mention_event(user, text, **event))

    async def direct(self, user: str, text: str, **event: Any) -> Delivery:
        """Write to the bot in a direct message."""
        whole = self.mention_event(user, text, channel=DIRECT, **event)
        whole |= {"type": "message", "channel_type": "im", "text": escape(text, quote=False)}
        del whole["blocks"]
        return await self.deliver(whole)

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

    async def deliver(self, event: Json, event_id: str = "") -> Delivery:
        """Send an event to one of the sockets."""
        payload = {
            "token": "vt",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": event_id or f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(float(event["ts"])),
            "is_ext_shared_channel": False,
            "authorizations": [
                {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
            ],
        }
        return await self.send({"type": "events_api", "payload": payload})

    async def send(self, envelope: Json) -> Delivery:
        """Send any envelope to one of the sockets; on one that breaks it is lost."""
        whole = {
            "envelope_id": secrets.token_hex(16),
            "accepts_response_payload": False,
            "retry_attempt": 0,
            "retry_reason": "",
            **envelope,
        }
        delivery = Delivery(whole)
        self._deliveries[whole["envelope_id"]].append(delivery)
        with suppress(ConnectionError):
            await self._next_socket().send_json(whole)
        return delivery

    async def redeliver(self, delivery: Delivery, attempt: int = 1) -> Delivery:
        """Send an event again: attempt 0 keeps the envelope's id, as a copy elsewhere does."""
        again = {**delivery.envelope, "retry_attempt": attempt}
        if attempt:
            again |= {"envelope_id": secrets.token_hex(16), "retry_reason": "timeout"}
        return await self.send(again)

    async def disconnect(self, reason: str, *, close: bool = False) -> None:
        """Tell every socket to go; `close` also closes them."""
        for socket in list(self.sockets):
            await socket.send_json({"type": "disconnect", "reason": reason})
            if close:
                await socket.close()

    def abort(self) -> None:
        """Break every connection as a network does."""
        for socket in list(self.sockets):
            transport = socket._req.transport if socket._req else None
            if transport is not None:
                transport.abort()

    # Web API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = await _arguments(request)
        async with self._changed:
            self.calls.append((method, arguments))
            self._changed.notify_all()
        await asyncio.sleep(self.seconds.get(method, 0))
        if self._faults[method]:
            fault = self._faults[method].popleft()
            self.failed.append((method, arguments, fault))
            if fault.lost:
                await self._answer(request, method, arguments)
            return await self._fault(request, fault)
        if method == "chat.postMessage" and self._too_fast(str(arguments.get("channel", ""))):
            limited = Fault("ratelimited", status=429, retry_after=1)
            return await self._fault(request, limited)
        answer = await self._answer(request, method, arguments)
        return web.json_response(answer, headers={"X-OAuth-Scopes": ",".join(sorted(self.scopes))})

    async def _answer(self, request: web.Request, method: str, arguments: Json) -> Json:
        answer = self._authorised(request, method) or self._called(method, arguments)
        if error := answer.get("error"):
            self.violations.append(f"{method}: {error}")
        async with self._changed:
            self._changed.notify_all()
        return answer

    def _too_fast(self, channel: str) -> bool:
        """A channel takes a message in so many seconds, where there is such a limit."""
        now = time.monotonic()
        if now < self._last_post.get(channel, 0.0) + self.channel_seconds:
            return True
        self._last_post[channel] = now
        return False

    async def _fault(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.hang:
            await self.release.wait()
        if (fault.reset or fault.hang or fault.lost) and request.transport is not None:
            request.transport.abort()
        headers = {}
        if fault.retry_after is not None:
            headers["Retry-After"] = f"{fault.retry_after:g}"
        if fault.status >= 500:
            return web.Response(status=fault.status, text="<html>oops</html>", headers=headers)
        return web.json_response(
            {"ok": False, "error": fault.error}, status=fault.status, headers=headers
        )

    def _authorised(self, request: web.Request, method: str) -> Json:
        """Return the refusal of a token, {} when it may call the method."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        wanted = TOKEN_OF.get(method, BOT_TOKEN)
        if not token:
            return _refused("not_authed")
        if token not in (APP_TOKEN, BOT_TOKEN, CONFIG_TOKEN):
            return _refused("invalid_auth")
        if token != wanted:
            return _refused("not_allowed_token_type")
        needed = NEEDED.get(method)
        if needed and needed not in self.scopes:
            return _refused("missing_scope") | {"needed": needed}
        return {}

    def _called(self, method: str, arguments: Json) -> Json:
        match method:
            case "apps.connections.open":
                ticket = secrets.token_hex(8)
                self._tickets.add(ticket)
                return {"ok": True, "url": f"ws://{self.host}/link/?ticket={ticket}&app_id={APP}"}
            case "auth.test":
                return {
                    "ok": True, "url": "https://acme.slack.com/", "team": "Acme",
                    "user": "opsportal", "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT_ID,
                    "is_enterprise_install": False,
                }  # fmt: skip
            case "apps.manifest.export":
                return {"ok": True, "manifest": self.manifest}
            case "users.info":
                return self._users_info(arguments)
            case "chat.postMessage":
                return self._post(arguments)
            case "chat.update":
                return self._update(arguments)
            case _:
                return _refused("unknown_method")

    def _users_info(self, arguments: Json) -> Json:
        user = self.users.get(str(arguments.get("user", "")))
        if user is None:
            return _refused("user_not_found")
        if "users:read.email" not in self.scopes:
            profile = {key: value for key, value in user["profile"].items() if key != "email"}
            user = {**user, "profile": profile}
        return {"ok": True, "user": user}

    def _update(self, arguments: Json) -> Json:
        """An update without blocks takes the old ones away."""
        ts, text, blocks = str(arguments.get("ts", "")), *_content(arguments)
        post = next((each for each in self.posts if each.ts == ts), None)
        if post is None or post.channel != arguments.get("channel"):
            return _refused("message_not_found")
        if not text and not blocks:
            return _refused("no_text")
        if problem := refused_blocks(blocks):
            return _refused(problem)
        if len(text) > 4_000:
            return _refused("msg_too_long")
        post.earlier.append(post.shown)
        post.text, post.blocks = text, blocks
        return {"ok": True, "channel": post.channel, "ts": ts, "text": text}

    def _post(self, arguments: Json) -> Json:
        channel, (text, blocks) = str(arguments.get("channel", "")), _content(arguments)
        if channel not in self.channels:
            return _refused("channel_not_found")
        if not text and not blocks:
            return _refused("no_text")
        if problem := refused_blocks(blocks):
            return _refused(problem)
        post = Post(channel, str(arguments.get("thread_ts") or ""), self._ts(), text, blocks)
        post.text = text[:40_000]
        self.posts.append(post)
        message = {
            "type": "message", "user": BOT_USER, "bot_id": BOT_ID, "app_id": APP, "team": TEAM,
            "text": post.text, "ts": post.ts, "thread_ts": post.thread_ts, "blocks": blocks,
        }  # fmt: skip
        answer = {"ok": True, "channel": channel, "ts": post.ts, "message": message}
        if len(text) > 40_000:
            answer["warning"] = "message_truncated"
        return answer

    # Socket Mode

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            self.violations.append("a ticket was used twice")
            return web.Response(status=401)
        self._tickets.remove(ticket)
        if self.handshakes_fail:
            self.handshakes_fail -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if reason := self._unwelcome():
            await socket.send_json({"type": "disconnect", "reason": reason})
            await socket.close()
            return socket
        self.sockets.append(socket)
        pinging = asyncio.ensure_future(self._ping(socket))
        try:
            await self._greet(socket)
            await self._read(socket)
        finally:
            pinging.cancel()
            self.sockets.remove(socket)
        return socket

    def _unwelcome(self) -> str:
        if not self.socket_mode:
            return "link_disabled"
        return "too_many_websockets" if len(self.sockets) >= self.most_sockets else ""

    async def _greet(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self.sockets),
                "debug_info": {"host": "applink-1", "approximate_connection_time": 18060},
                "connection_info": {"app_id": APP},
                **self.hello,
            }
        )
        async with self._changed:
            self.greetings += 1
            self._changed.notify_all()

    async def _read(self, socket: web.WebSocketResponse) -> None:
        async for frame in socket:
            if frame.type == WSMsgType.PING and self.answers_pings and not self.silent:
                await socket.pong(frame.data)
            elif frame.type == WSMsgType.PONG:
                async with self._changed:
                    self.pongs += 1
                    self._changed.notify_all()
            elif frame.type == WSMsgType.TEXT and len(frame.data) < 20_000:
                self._acknowledge(json.loads(frame.data))

    def _acknowledge(self, answer: Json) -> None:
        waiting = [d for d in self._deliveries[answer["envelope_id"]] if not d.acked.is_set()]
        if not waiting:
            self.violations.append(f"an acknowledgement of nothing: {answer}")
            return
        delivery = waiting[0]
        # The Node client always sends one, an empty one where there is nothing to say.
        if answer.get("payload") and not delivery.envelope["accepts_response_payload"]:
            self.violations.append("an acknowledgement has a payload that nobody asked for")
        delivery.seconds = time.monotonic() - delivery.sent
        if delivery.seconds > ACK_SECONDS:
            self.violations.append(f"an acknowledgement took {delivery.seconds:.1f} s")
        delivery.acked.set()

    async def _ping(self, socket: web.WebSocketResponse) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(self.ping_seconds)
            if self.silent:
                continue
            await socket.ping(f"Ping from applink-{number}".encode())

    def _next_socket(self) -> web.WebSocketResponse:
        assert self.sockets, "the bot is not connected"
        return self.sockets[next(self._round_robin) % len(self.sockets)]

    def _ts(self) -> str:
        return f"{next(self._clock)}.000100"

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(condition)


def person(user_id: str, name: str, **differently: Any) -> Json:
    """A `user` of users.info."""
    return {
        "id": user_id, "team_id": TEAM, "name": name, "deleted": False, "real_name": name.title(),
        "tz": "Europe/Paris", "is_admin": False, "is_restricted": False,
        "is_ultra_restricted": False, "is_bot": False, "is_app_user": False,
        "is_email_confirmed": True, "updated": 1_760_000_000,
        "profile": {"display_name": name, "real_name": name, "email": f"{name}@example.com"},
        **differently,
    }  # fmt: skip


def bot_user() -> Json:
    """The app's own `user` of users.info."""
    profile = {"display_name": "opsportal", "real_name": "OpsPortal", "api_app_id": APP}
    return person(BOT_USER, "opsportal", is_bot=True, profile={**profile, "bot_id": BOT_ID})


def _content(arguments: Json) -> tuple[str, list[Json]]:
    """A message's text and blocks; a form has these as JSON."""
    blocks = arguments.get("blocks") or []
    if isinstance(blocks, str):
        blocks = json.loads(blocks)
    return str(arguments.get("text") or ""), blocks


def _refused(error: str) -> Json:
    return {"ok": False, "error": error}


async def _arguments(request: web.Request) -> Json:
    """JSON, a form or a query; a JSON request without a body is fine too."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        return found | (json.loads(text) if text else {})
    return found | dict(await request.post())
