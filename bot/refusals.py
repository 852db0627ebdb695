"""What Slack's refusals say, and what helps against them."""

from slack_sdk.errors import SlackApiError

LONGEST_PAUSE = 30.0


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
