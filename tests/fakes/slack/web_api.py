"""Slack's Web API: its methods, answers and refusals."""

import asyncio
import json
import secrets
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from .app import APP, APP_TOKEN, BOT_ID, BOT_TOKEN, BOT_USER, CONFIG_TOKEN, SCOPES, TEAM
from .blocks import Json
from .posts import Post
from .responses import GONE, Responses
from .shared import Refusal
from .views import Views

NEEDED = {
    "chat.delete": "chat:write",
    "chat.deleteScheduledMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.scheduleMessage": "chat:write",
    "chat.unfurl": "links:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
    "conversations.members": "channels:read",
    "conversations.open": "im:write",
    "conversations.replies": "channels:history",
    "reactions.add": "reactions:write",
    "reactions.get": "reactions:read",
    "reactions.remove": "reactions:write",
    "team.info": "team:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "users.lookupByEmail": "users:read.email",
}
EVERY_SCOPE = frozenset({*SCOPES, *NEEDED.values(), "im:read"})
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


class WebApi(Responses, Views):
    """Answer the programs of one app, and fail on command."""

    def __init__(self) -> None:
        super().__init__()
        self.scopes = set(SCOPES)
        self.manifest: Json = {}
        self.refuses: dict[str, str] = {}
        """Tokens that were revoked, with Slack's error code."""
        self.calls: list[tuple[str, Json]] = []
        self.seconds: dict[str, float] = {}
        self.channel_seconds = 0.0
        self.release = asyncio.Event()
        self.failed: list[tuple[str, Json, Fault]] = []
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._last_post: dict[str, float] = {}

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
        # A token may be in the header or, in a form or a query, among the arguments.
        given = str(arguments.pop("token", ""))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or given
        self.calls.append((method, arguments))
        await self._tell()
        await asyncio.sleep(self.seconds.get(method, 0))
        if self._faults[method]:
            fault = self._faults[method].popleft()
            self.failed.append((method, arguments, fault))
            if fault.lost:
                await self._answer(token, method, arguments)
            return await self._fault(request, fault)
        if method == "chat.postMessage" and self._too_fast(str(arguments.get("channel", ""))):
            limited = Fault("ratelimited", status=429, retry_after=1)
            return await self._fault(request, limited)
        answer = await self._answer(token, method, arguments)
        return web.json_response(answer, headers={"X-OAuth-Scopes": ",".join(sorted(self.scopes))})

    async def _answer(self, token: str, method: str, arguments: Json) -> Json:
        try:
            self._authorised(token, method, arguments)
            answer = self._called(method, arguments)
        except Refusal as refusal:
            self.violations.append(f"{method}: {refusal.code}")
            answer = {"ok": False, "error": refusal.code, **refusal.more}
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

    def _authorised(self, token: str, method: str, arguments: Json) -> None:
        """Refuse a token that may not call the method."""
        wanted = TOKEN_OF.get(method, BOT_TOKEN)
        if not token:
            raise Refusal("not_authed")
        if token not in (APP_TOKEN, BOT_TOKEN, CONFIG_TOKEN):
            raise Refusal("invalid_auth")
        if error := self.refuses.get(token):
            raise Refusal(error)
        if token != wanted:
            raise Refusal("not_allowed_token_type")
        needed = NEEDED.get(method, "")
        if needed.startswith("channels:") and str(arguments.get("channel", "")).startswith("D"):
            needed = needed.replace("channels:", "im:")
        if needed and needed not in self.scopes:
            raise Refusal("missing_scope", needed=needed)

    def _called(self, method: str, arguments: Json) -> Json:
        known: dict[str, Callable[[Json], Json]] = {
            "api.test": lambda arguments: {"ok": True, "args": arguments},
            "apps.connections.open": self._connections_open,
            "apps.manifest.export": lambda _: {"ok": True, "manifest": self.manifest},
            "auth.teams.list": self._teams_list,
            "auth.test": self._auth_test,
            "chat.delete": self._delete,
            "chat.deleteScheduledMessage": self._unschedule,
            "chat.getPermalink": self._permalink,
            "chat.postEphemeral": self._whisper,
            "chat.postMessage": self._post,
            "chat.scheduleMessage": self._schedule,
            "chat.scheduledMessages.list": self._scheduled_list,
            "chat.unfurl": self._unfurl,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.info": self._conversations_info,
            "conversations.list": self._conversations_list,
            "conversations.members": self._conversations_members,
            "conversations.open": self._open,
            "conversations.replies": self._replies,
            "reactions.add": self._react,
            "reactions.get": self._reactions_of,
            "reactions.remove": self._unreact,
            "team.info": self._team_info,
            "users.info": self._users_info,
            "users.list": self._users_list,
            "users.lookupByEmail": self._users_by_email,
            "views.open": self._open_view,
            "views.publish": self._publish,
            "views.push": self._open_view,
            "views.update": self._update_view,
        }
        if method not in known:
            raise Refusal("unknown_method")
        return known[method](arguments)

    def _connections_open(self, _arguments: Json) -> Json:
        ticket = secrets.token_hex(8)
        self._tickets.add(ticket)
        return {"ok": True, "url": f"ws://{self.host}/link/?ticket={ticket}&app_id={APP}"}

    def _auth_test(self, _arguments: Json) -> Json:
        return {
            "ok": True, "url": "https://acme.slack.com/", "team": "Acme",
            "user": "opsportal", "user_id": BOT_USER, "bot_id": BOT_ID,
            "team_id": self.enterprise if self.org_wide else TEAM,
            **({"enterprise_id": self.enterprise} if self.enterprise else {}),
            "is_enterprise_install": self.org_wide,
        }  # fmt: skip

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        """Answer at a response_url: a status, and the error as plain text."""
        text = await request.text()
        self.calls.append(("response_url", _read_json(text)))
        await self._tell()
        await asyncio.sleep(self.seconds.get("response_url", 0))
        if self._faults["response_url"]:
            return await self._fault(request, self._faults["response_url"].popleft())
        problem = self._answer_at(request.match_info["key"], text)
        if problem:
            self.violations.append(f"response_url: {problem}")
            return web.Response(status=404 if problem in GONE else 400, text=problem)
        await self._tell()
        return web.Response(text="ok")


async def _arguments(request: web.Request) -> Json:
    """Read JSON, a form or a query; a JSON request may have no body."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        body = _read_json(await request.text())
        body.pop("token", None)  # Slack reads none there
        return found | body
    return found | dict(await request.post())


def _read_json(text: str) -> Json:
    """Return a JSON object, {} for anything else, which Slack reads as no arguments."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
