"""Answer at the address that a command or click comes with (its response_url)."""

import json
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.proxy import proxy_for


async def respond(web: AsyncWebClient, url: str, content: dict[str, Any]) -> AsyncSlackResponse:
    """Show an answer to its user alone.

    Raises SlackApiError, although Slack answers here only with a status.
    """
    webhook = AsyncWebhookClient(url, session=web.session, ssl=web.ssl, retry_handlers=[])
    webhook.proxy = proxy_for(url)
    said = await webhook.send_dict(
        {
            "response_type": "ephemeral",
            "replace_original": False,
            "mrkdwn": False,
            **content,
        }
    )
    response = AsyncSlackResponse(
        client=None,
        http_verb="POST",
        api_url="response_url",
        req_args={},
        data={"error": _error_in(said.body)} if 300 <= said.status_code < 500 else {},
        headers=said.headers,
        status_code=said.status_code,
    )
    if said.status_code != 200:
        raise SlackApiError(  # type: ignore[no-untyped-call]
            "Slack did not accept an answer", response
        )
    return response


def _error_in(body: str) -> str:
    """Return Slack's error code from an answer in JSON or plain text, "" if there is none."""
    try:
        found = json.loads(body).get("error")
    except (ValueError, AttributeError):
        found = body
    return found if isinstance(found, str) and len(found) < 80 and "<" not in found else ""
