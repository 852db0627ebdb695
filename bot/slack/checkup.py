"""The checks of `manage.py check_slack`: ask Slack, and say what to fix and where.

The sentences contain Slack's codes and names, but never a token or an address with a ticket.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from django.conf import settings
from django.core.management.base import CommandError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.api_errors import PASSING, REMEDIES, WANTS_SCOPE, error_code
from bot.slack.manifest import COMMAND, EVENTS, scopes
from bot.slack.proxy import proxy_for
from bot.slack.trust import SETTING, installed, read_trust
from bot.slack.web_client import WebClient
from ops.findings import Finding

SECONDS = 10
_TIMEOUT = aiohttp.ClientTimeout(total=SECONDS)
_PROXY = "if Slack is only reachable through a proxy, set HTTPS_PROXY"
_MOST_WORKSPACES = 1_000  # Slack lists no more at once
_APP_ID = re.compile(r"xapp-[0-9]+-(A[A-Z0-9]+)-.*")


@dataclass(frozen=True, slots=True)
class SlackToken:
    """One of Slack's tokens: its setting, a description, and the page where it is made."""

    setting: str
    kind: str
    page: str

    @property
    def value(self) -> str:
        """The token itself, "" if it is not set; it must never be shown."""
        return str(getattr(settings, self.setting))

    def __str__(self) -> str:
        return f"OPSPORTAL_{self.setting}"


APP = SlackToken(
    "SLACK_APP_TOKEN",
    "the app-level token (xapp-…) with the scope connections:write, under App-Level Tokens",
    "general",
)
BOT = SlackToken(
    "SLACK_BOT_TOKEN",
    "the Bot User OAuth Token (xoxb-…), which appears once the app is installed",
    "oauth",
)
CONFIG = SlackToken(
    "SLACK_CONFIG_TOKEN",
    "one of Your App Configuration Tokens (xoxe.…), which expire after twelve hours",
    "",
)


class _TroubleError(Exception):
    """Something must be fixed; str() is the sentence."""


async def check_slack() -> list[Finding]:
    """Check everything the bot needs from Slack; return the findings in the order to fix them."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        try:
            web = WebClient(BOT.value, settings.SLACK_API_URL, session)
        except CommandError as trouble:
            return [Finding(False, str(trouble))]
        findings: list[Finding] = []
        for part in (_bot, _socket, _configuration):
            try:
                await part(web, findings)
            except (_TroubleError, CommandError) as trouble:
                findings.append(Finding(False, str(trouble)))
    return findings


async def _bot(web: AsyncWebClient, findings: list[Finding]) -> None:
    """Check the bot token, its scopes, whether it can look users up, and its app."""
    me = await _answer(BOT, web.auth_test)
    who = f"@{me.get('user')} in {me.get('team')} ({me.get('team_id')})"
    findings += [Finding(True, f"{BOT} works: {who}"), _scopes(me.headers)]
    findings += await _workspaces(web, me)
    if "users:read" in _granted(me.headers):
        found = await _answer(BOT, lambda: web.users_info(user=str(me.get("user_id"))))
        findings.append(_owner(found.get("user") or {}))


async def _workspaces(web: AsyncWebClient, me: AsyncSlackResponse) -> list[Finding]:
    """Check whose members may use the bot; an app outside of Enterprise Grid has no choice."""
    trust = read_trust(me, settings.SLACK_WORKSPACES)
    if trust.problem:
        return [Finding(False, trust.problem)]
    if not trust.enterprise:
        return []
    others = "" if trust.named else f"; {SETTING} can name more of {trust.enterprise}"
    findings = [Finding(True, f"members of {trust} can use the bot{others}")]
    if not trust.team:
        listed = await _answer(BOT, lambda: web.auth_teams_list(limit=_MOST_WORKSPACES))
        findings.append(installed(listed.get("teams"), trust))
    return findings


def _granted(headers: Mapping[str, str]) -> set[str]:
    return set(re.findall(r"[^\s,]+", headers.get("x-oauth-scopes", "")))


def _scopes(headers: Mapping[str, str]) -> Finding:
    needed, granted = scopes(), _granted(headers)
    missing = [f"{scope} (for {use})" for scope, use in needed.items() if scope not in granted]
    if missing:
        return Finding(
            False,
            f"the app lacks {', '.join(missing)}: add them under Bot Token Scopes, "
            f"{_page('oauth')}, then reinstall the app, {_page('install-on-team')}",
        )
    spare = sorted(granted - set(needed))
    more = f"; it does not need {', '.join(spare)}" if spare else ""
    return Finding(True, f"the app has the scopes {', '.join(needed)}{more}")


def _owner(user: Mapping[str, Any]) -> Finding:
    """Check that both tokens are from one app; if not, both work but no message ever arrives."""
    ours, theirs = _app_id(), (user.get("profile") or {}).get("api_app_id")
    if ours and theirs and ours != theirs:
        return Finding(
            False,
            f"{APP} is from the app {ours}, but {BOT} is from {theirs}: "
            f"copy both from the same app, {_page('general')} and {_page('oauth')}",
        )
    return Finding(True, "users.info can look users up")


async def _socket(web: AsyncWebClient, findings: list[Finding]) -> None:
    """Check the app-level token, and whether Slack greets us on a socket."""
    opened = await _answer(APP, lambda: web.apps_connections_open(app_token=APP.value))
    findings.append(Finding(True, f"{APP} works"))
    findings.append(_greeting(await _first_frame(str(opened.get("url")))))


async def _first_frame(url: str) -> Mapping[str, Any]:
    """Return Slack's first frame. Whatever else it sends until the socket closes, it resends."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.ws_connect(url, proxy=proxy_for(url)) as socket,
        ):
            frame = json.loads(await socket.receive_str(timeout=SECONDS))
    except aiohttp.WSServerHandshakeError as error:
        reason = f"HTTP {error.status}"
    except (aiohttp.ClientError, TimeoutError, TypeError, ValueError) as error:
        reason = type(error).__name__
    else:
        return frame if isinstance(frame, dict) else {}
    raise _TroubleError(
        f"Slack's socket does not open ({reason}): allow WebSocket connections to "
        "wss-primary.slack.com in your firewall or proxy"
    )


def _greeting(frame: Mapping[str, Any]) -> Finding:
    if frame.get("type") == "hello":
        others = int(frame.get("num_connections") or 1) - 1
        plural = "" if others == 1 else "s"
        return Finding(True, f"Socket Mode works; {others or 'no'} other connection{plural}")
    if frame.get("reason") == "too_many_websockets":
        return Finding(
            False, "ten connections already use this app: stop the programs that should not"
        )
    return Finding(False, f"Socket Mode is off: turn it on, {_page('socket-mode')}")


async def _configuration(web: AsyncWebClient, findings: list[Finding]) -> None:
    """Check in the app's manifest which events it sends, and whether users can write to it."""
    app = _app_id()
    if not (CONFIG.value and app):
        unset = f"not checked, because {CONFIG} is not set"
        events = f"whether the app sends {', '.join(EVENTS)}, {_page('event-subscriptions')}"
        findings.append(Finding(None, f"{unset}: {events}"))
        return
    exported = await _answer(
        CONFIG, lambda: web.apps_manifest_export(app_id=app, token=CONFIG.value)
    )
    manifest = exported.get("manifest") or {}
    findings += [_events(manifest), _messages(manifest), _interactions(manifest)]


def _events(manifest: Mapping[str, Any]) -> Finding:
    subscribed = _at(manifest, "settings", "event_subscriptions", "bot_events") or ()
    if missing := [event for event in EVENTS if event not in subscribed]:
        return Finding(
            False,
            f"the app does not send {', '.join(missing)}: add them under Subscribe to bot events, "
            f"{_page('event-subscriptions')}, then reinstall the app, {_page('install-on-team')}",
        )
    return Finding(True, f"the app sends {', '.join(EVENTS)}")


def _messages(manifest: Mapping[str, Any]) -> Finding:
    home = _at(manifest, "features", "app_home") or {}
    if home.get("messages_tab_enabled") and not home.get("messages_tab_read_only_enabled"):
        return Finding(True, "users can send it direct messages")
    return Finding(
        False,
        "nobody can send the bot a direct message: turn on the Messages Tab and allow messages "
        f"from it, {_page('app-home')}",
    )


def _interactions(manifest: Mapping[str, Any]) -> Finding:
    """Check that buttons, the command and the Home tab are turned on."""
    commands = _at(manifest, "features", "slash_commands")
    named = [_at(each, "command") for each in commands] if isinstance(commands, list) else []
    there = {
        f"buttons: turn on Interactivity, {_page('interactive-messages')}": _at(
            manifest, "settings", "interactivity", "is_enabled"
        ),
        f"command {COMMAND}: create it, {_page('slash-commands')}": COMMAND in named,
        f"Home tab: turn it on, {_page('app-home')}": _at(
            manifest, "features", "app_home", "home_tab_enabled"
        ),
    }
    if missing := [sentence for sentence, is_there in there.items() if not is_there]:
        return Finding(False, f"the app has no {'; no '.join(missing)}")
    return Finding(True, f"the app has buttons, the command {COMMAND} and a Home tab")


def _at(tree: Any, *path: str) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


async def _answer(
    token: SlackToken, call: Callable[[], Awaitable[AsyncSlackResponse]]
) -> AsyncSlackResponse:
    """Return Slack's answer; raises _TroubleError if there is none or it refuses the token."""
    if not token.value:
        raise _TroubleError(f"{token} is not set: it is {token.kind}, {_page(token.page)}")
    try:
        return await call()
    except SlackApiError as error:
        raise _TroubleError(_refusal(token, error)) from None
    except AttributeError:  # slack_sdk fails on anything but a JSON object
        raise _TroubleError(_not_slack()) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _TroubleError(
            f"{settings.SLACK_API_URL} did not answer ({type(error).__name__}): {_PROXY}"
        ) from None


def _refusal(token: SlackToken, error: SlackApiError) -> str:
    code = error_code(error)
    if code in ("HTTP 200", "HTTP error"):
        return _not_slack()
    if code.startswith("HTTP "):
        return f"{settings.SLACK_API_URL} answered with {code}: try again in a minute"
    if code in PASSING:
        return f"Slack cannot answer right now ({code}): try again in a minute"
    remedy = REMEDIES.get(code, "create a new one")
    if token is not BOT and code in WANTS_SCOPE:
        remedy = "create a new one"  # a token keeps the scopes it was created with
    return f"Slack refused {token} ({code}): {remedy}; it is {token.kind}, {_page(token.page)}"


def _not_slack() -> str:
    return f"the answer of {settings.SLACK_API_URL} is not Slack's: {_PROXY}"


def _app_id() -> str:
    """Return the app's ID, which its app-level token contains, "" if unknown."""
    match = _APP_ID.fullmatch(APP.value)
    return match[1] if match else ""


def _page(name: str) -> str:
    """Return the address of a page of the app's settings, or of the app list if unknown."""
    apps, app = "https://api.slack.com/apps", _app_id()
    return f"{apps}/{app}/{name}" if app and name else apps
