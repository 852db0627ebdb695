"""What Slack's refusals mean: the code, how long to wait, and what to do about a token."""

import aiohttp
from slack_sdk.errors import SlackApiError

LONGEST_PAUSE = 600.0  # a Slack that asks for more is broken
_AGAIN = "reinstall the app and copy the new token"
_SCOPES = (
    "give the app the scopes in docs/slack-manifest.json, and its app-level token the scope "
    "connections:write"
)

# Codes after which a retry cannot help, and what does.
REMEDIES = {
    "account_inactive": f"the bot was removed; {_AGAIN}",
    "invalid_auth": "copy it again from the app's settings",
    "missing_scope": _SCOPES,
    "no_permission": _SCOPES,
    "not_allowed_token_type": "OPSPORTAL_SLACK_APP_TOKEN is the app-level token (xapp-), "
    "OPSPORTAL_SLACK_BOT_TOKEN the bot's (xoxb-)",
    "not_authed": "copy it again from the app's settings",
    "team_disabled": "the workspace is disabled",
    "token_expired": "create a new one in the app's settings",
    "token_revoked": _AGAIN,
    "user_removed_from_team": f"the bot was removed from the workspace; {_AGAIN}",
}
WANTS_SCOPE = ("missing_scope", "no_permission")
# The codes among them that condemn the token whatever the call.
DEAD_TOKEN = REMEDIES.keys() - {*WANTS_SCOPE, "not_allowed_token_type"}
LIMITED = ("ratelimited", "rate_limited")
_THEIR_FAULTS = ("fatal_error", "internal_error")
PASSING = (*LIMITED, *_THEIR_FAULTS, "service_unavailable")

# Raised by a call without a proper answer; slack_sdk fails on anything but a JSON object.
_NO_SENSE = (AttributeError, UnicodeDecodeError)
UNANSWERED = (aiohttp.ClientError, TimeoutError, *_NO_SENSE)
FAILED_CALL = (SlackApiError, *UNANSWERED)


def error_code(error: SlackApiError) -> str:
    """Return Slack's error code, or the HTTP status if there is none."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or f"HTTP {getattr(error.response, 'status_code', 'error')}")


def reason(error: Exception) -> str:
    """Return in a few words why a call failed."""
    if isinstance(error, SlackApiError):
        return error_code(error)
    if isinstance(error, _NO_SENSE):
        return "an unreadable answer"
    return str(error) or "no answer in time"


def is_refusal(error: SlackApiError) -> bool:
    """Return whether Slack definitely did nothing, rather than failing or answering nonsense."""
    code = error_code(error)
    return code not in _THEIR_FAULTS and (code.startswith("HTTP 4") or not code.startswith("HTTP"))


def retry_after(error: Exception) -> float | None:
    """Return how many seconds Slack asks to wait, None if it does not ask."""
    response = getattr(error, "response", None)
    if getattr(response, "status_code", None) != 429:
        return None
    seconds = str(response.headers.get("Retry-After", "")) if response else ""
    return min(float(seconds), LONGEST_PAUSE) if seconds.isdecimal() else 1.0
