"""Slack's Web API: its methods, answers and refusals."""

import asyncio
import json
import secrets
from collections import defaultdict, deque
from dataclasses import dataclass

from aiohttp import web

from .app import (
    ALICE,
    APP,
    APP_TOKEN,
    BOT_ID,
    BOT_TOKEN,
    BOT_USER,
    CHANNEL,
    CONFIG_TOKEN,
    DIRECT,
    SCOPES,
    TEAM,
    bot_user,
    person,
)
from .blocks import Json, refused_blocks
from .interactions import GONE, Respond, refused_view
from .posts import Post, content
from .shared import Shared

NEEDED = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.open": "im:write",
    "users.info": "users:read",
}
TOKEN_OF = {"apps.connections.open": APP_TOKEN, "apps.manifest.export": CONFIG_TOKEN}


@dataclass(frozen=True)
class Fault:
    """What happens to the next call of a method instead of a proper answer.

    With `lost`, the call takes effect but its answer does not arrive. `body` is sent unchanged
    as the answer, labelled as JSON.
    """

    error: str = ""
    status: int = 200
    retry_after: float | None = None
    hang: bool = False
    reset: bool = False
    lost: bool = False
    body: bytes = b""


class WebApi(Shared):
    """Answer the programs of one app, and fail on command."""

    def __init__(self) -> None:
        super().__init__()
        self.scopes = set(SCOPES)
        self.users: dict[str, Json] = {ALICE: person(ALICE, "alice"), BOT_USER: bot_user()}
        self.teams: list[Json] = [{"id": TEAM, "name": "Acme"}]
        """The workspaces that the app is added to."""
        self.manifest: Json = {}
        self.channels = {CHANNEL, DIRECT}
        self.lacks: set[str] = set()
        self.refuses: dict[str, str] = {}
        """Tokens that were revoked, with Slack's error code."""
        self.calls: list[tuple[str, Json]] = []
        self.posts: list[Post] = []
        self.whispers: list[Post] = []
        """Messages that only one user sees; `thread_ts` is that user's ID."""
        self.homes: dict[str, list[Post]] = defaultdict(list)
        """Each user's Home tab, every time it was published."""
        self.seconds: dict[str, float] = {}
        self.channel_seconds = 0.0
        self.release = asyncio.Event()
        self.failed: list[tuple[str, Json, Fault]] = []
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._last_post: dict[str, float] = {}
        self._responds: dict[str, Respond] = {}

    @property
    def api_url(self) -> str:
        return f"http://{self.host}/api"

    # What tests do

    def fail(self, method: str, *faults: Fault) -> None:
        """Make the next calls of a method fail, one fault each."""
        self._faults[method].extend(faults)

    async def posted(self, number: int) -> list[Post]:
        """Wait until there are `number` posts, and return all."""
        await self._until(lambda: len(self.posts) >= number)
        return self.posts

    async def answered(self, thread_ts: str) -> None:
        """Wait until there is a post in a thread."""
        await self._until(lambda: any(post.thread_ts == thread_ts for post in self.posts))

    async def whispered(self, number: int) -> list[Post]:
        """Wait until there are `number` messages that only one user sees, and return all."""
        await self._until(lambda: len(self.whispers) >= number)
        return self.whispers

    async def published(self, user: str, times: int = 1) -> Post:
        """Wait until a user's Home tab was published that many times, and return it."""
        await self._until(lambda: len(self.homes[user]) >= times)
        return self.homes[user][-1]

    async def replaced(self, ts: str) -> Post:
        """Wait until a post was replaced, and return it."""
        await self._until(lambda: any(post.ts == ts and post.earlier for post in self.posts))
        return next(post for post in self.posts if post.ts == ts)

    async def called(self, method: str, times: int = 1) -> None:
        """Wait until a method was called that many times."""
        await self._until(lambda: [name for name, _ in self.calls].count(method) >= times)

    # What Slack does

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = await _arguments(request)
        self.calls.append((method, arguments))
        await self._tell()
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
        await self._tell()
        return answer

    def _too_fast(self, channel: str) -> bool:
        """Return whether a channel gets messages more often than `channel_seconds` allows."""
        now = self.clock()
        if channel in self._last_post and now < self._last_post[channel] + self.channel_seconds:
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
        if fault.body:
            headers["Content-Type"] = "application/json; charset=utf-8"
            return web.Response(status=fault.status, body=fault.body, headers=headers)
        if fault.status >= 500:
            return web.Response(status=fault.status, text="<html>oops</html>", headers=headers)
        return web.json_response(
            {"ok": False, "error": fault.error}, status=fault.status, headers=headers
        )

    def _authorised(self, request: web.Request, method: str) -> Json:
        """Return the refusal of a token, {} if it may call the method."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        wanted = TOKEN_OF.get(method, BOT_TOKEN)
        if not token:
            return _refused("not_authed")
        if token not in (APP_TOKEN, BOT_TOKEN, CONFIG_TOKEN):
            return _refused("invalid_auth")
        if error := self.refuses.get(token):
            return _refused(error)
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
                    "user": "opsportal", "user_id": BOT_USER, "bot_id": BOT_ID,
                    "team_id": self.enterprise if self.org_wide else TEAM,
                    **({"enterprise_id": self.enterprise} if self.enterprise else {}),
                    "is_enterprise_install": self.org_wide,
                }  # fmt: skip
            case "auth.teams.list":
                return {"ok": True, "teams": self.teams}
            case "apps.manifest.export":
                return {"ok": True, "manifest": self.manifest}
            case "conversations.open":
                return self._open(arguments)
            case "users.info":
                return self._users_info(arguments)
            case "chat.postMessage":
                return self._post(arguments)
            case "chat.update":
                return self._update(arguments)
            case "views.publish":
                return self._publish(arguments)
            case _:
                return _refused("unknown_method")

    def _open(self, arguments: Json) -> Json:
        """Open the direct message channel with one user."""
        user = self.users.get(str(arguments.get("users", "")))
        if user is None:
            return _refused(
                "user_not_found" if arguments.get("users") else "users_list_not_supplied"
            )
        if user["is_bot"] or user["deleted"]:
            return _refused("cannot_dm_bot" if user["is_bot"] else "user_disabled")
        return {"ok": True, "channel": {"id": self._direct(user["id"])}}

    def _direct(self, user: str) -> str:
        """Return the channel of a user's direct messages with the bot, and create it if needed."""
        channel = f"D{user[1:]}"
        self.channels.add(channel)
        return channel

    def _users_info(self, arguments: Json) -> Json:
        user = self.users.get(str(arguments.get("user", "")))
        if user is None:
            return _refused("user_not_found")
        if "users:read.email" not in self.scopes:
            profile = {key: value for key, value in user["profile"].items() if key != "email"}
            user = {**user, "profile": profile}
        return {"ok": True, "user": user}

    def _update(self, arguments: Json) -> Json:
        """Replace a message; an update without blocks removes the old ones."""
        ts, text, blocks = str(arguments.get("ts", "")), *content(arguments)
        post = next((each for each in self.posts if each.ts == ts), None)
        if post is None or post.channel != arguments.get("channel"):
            return _refused("message_not_found")
        if not text and not blocks:
            return _refused("no_text")
        if problem := refused_blocks(blocks, self.lacks):
            return _refused(problem)
        if len(text) > 4_000:
            return _refused("msg_too_long")
        post.earlier.append(post.shown)
        post.text, post.blocks = text, blocks
        return {"ok": True, "channel": post.channel, "ts": ts, "text": text}

    def _post(self, arguments: Json) -> Json:
        channel, (text, blocks) = str(arguments.get("channel", "")), content(arguments)
        if channel in self.users:
            channel = self._direct(channel)
        if channel not in self.channels:
            return _refused("channel_not_found")
        if not text and not blocks:
            return _refused("no_text")
        if problem := refused_blocks(blocks, self.lacks):
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

    def _publish(self, arguments: Json) -> Json:
        user, view = str(arguments.get("user_id", "")), arguments.get("view") or {}
        view = json.loads(view) if isinstance(view, str) else view
        if user not in self.users:
            return _refused("user_not_found")
        if problem := refused_view(view):
            return _refused(problem)
        self.homes[user].append(Post("", "", self._ts(), "", view["blocks"]))
        return {"ok": True, "view": {"id": "V0HOME", **view}}

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        """Answer at a response_url: a status, and the error as plain text."""
        body = json.loads(await request.text())
        self.calls.append(("response_url", body))
        await self._tell()
        await asyncio.sleep(self.seconds.get("response_url", 0))
        if self._faults["response_url"]:
            return await self._fault(request, self._faults["response_url"].popleft())
        respond = self._responds.get(request.match_info["key"])
        problem = respond.refusal(body, self.lacks) if respond else "no_service"
        if problem or respond is None:
            self.violations.append(f"response_url: {problem}")
            status = 404 if problem in GONE else 400
            return web.Response(status=status, text=problem)
        respond.used += 1
        alone = body.get("response_type", "ephemeral") == "ephemeral"
        text, blocks = content(body)
        said = Post(respond.channel, respond.user if alone else "", self._ts(), text, blocks)
        (self.whispers if alone else self.posts).append(said)
        await self._tell()
        return web.Response(text="ok")


def _refused(error: str) -> Json:
    return {"ok": False, "error": error}


async def _arguments(request: web.Request) -> Json:
    """Read JSON, a form or a query; a JSON request may have no body."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        return found | (json.loads(text) if text else {})
    return found | dict(await request.post())
