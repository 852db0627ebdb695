"""What Slack accepts at a response_url, and as a Home tab."""

import time
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from . import ALICE, BOT_TOKEN, FakeSlack
from .interactions import find_button
from .responses import MOST_RESPONSES, RESPONSE_SECONDS, Respond
from .views import refused_view

DIVIDER = {"type": "divider"}
BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "value": "go"}


def test_it_takes_five_answers_in_half_an_hour() -> None:
    respond = Respond("C0OPS0001", ALICE, used=MOST_RESPONSES - 1)
    assert respond.refusal({"text": "x"}) == ""
    assert respond.refusal({}) == "no_text"
    assert respond.refusal({"blocks": [{"type": "unknown"}]}) == "invalid_blocks"
    respond.used += 1
    assert respond.refusal({"text": "x"}) == "used_url"
    late = Respond("C0OPS0001", ALICE, made=time.monotonic() - RESPONSE_SECONDS - 1)
    assert late.refusal({"text": "x"}) == "expired_url"


@pytest.mark.parametrize(
    ("view", "refusal"),
    [
        ({"type": "home", "blocks": [DIVIDER] * 100}, ""),
        ({"type": "home", "blocks": [DIVIDER] * 101}, "invalid_blocks"),
        ({"type": "home", "blocks": [{"type": "table", "rows": []}]}, "invalid_blocks"),
        ({"type": "home", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"type": "modal", "blocks": []}, "invalid_arguments"),
        ({"type": "home"}, "invalid_arguments"),
    ],
)
def test_it_takes_a_hundred_blocks_at_home(view: dict[str, Any], refusal: str) -> None:
    assert refused_view(view) == refusal


def test_it_finds_a_button_by_its_label() -> None:
    blocks: list[dict[str, Any]] = [DIVIDER, {"type": "actions", "elements": [BUTTON]}]
    assert find_button(blocks, "Go") == BUTTON
    with pytest.raises(LookupError, match=r"no button 'Stop' among \['Go'\]"):
        find_button(blocks, "Stop")


async def test_slacks_own_clients_answer_there() -> None:
    async with FakeSlack() as slack:
        web = AsyncWebClient(BOT_TOKEN, slack.api_url)
        await web.views_publish(user_id=ALICE, view={"type": "home", "blocks": [DIVIDER]})
        assert (await slack.published(ALICE)).blocks == [DIVIDER]
        with pytest.raises(SlackApiError, match="user_not_found"):
            await web.views_publish(user_id="U0NOBODY1", view={"type": "home", "blocks": []})
        webhook = AsyncWebhookClient(slack._respond_url("C0OPS0001", ALICE))
        answers = [await webhook.send(text="hello") for _ in range(MOST_RESPONSES + 1)]
        assert [each.body for each in answers] == ["ok"] * MOST_RESPONSES + ["used_url"]
        await webhook.send(text="hello", response_type="in_channel")
    assert len(await slack.whispered(MOST_RESPONSES)) == MOST_RESPONSES
    assert slack.violations == ["views.publish: user_not_found", *["response_url: used_url"] * 2]


async def test_an_answer_replaces_or_deletes_the_message_that_was_clicked() -> None:
    async with FakeSlack() as slack:
        web = AsyncWebClient(BOT_TOKEN, slack.api_url)
        await web.chat_postMessage(channel="C0OPS0001", text="sure?")
        [post] = slack.posts
        webhook = AsyncWebhookClient(slack._respond_url("C0OPS0001", ALICE, post))
        await webhook.send(text="thinking", replace_original=True)
        assert (post.text, post.earlier) == ("thinking", ["sure?"])
        await webhook.send(text="in the thread", response_type="in_channel", replace_original=False)
        assert [each.text for each in slack.posts] == ["thinking", "in the thread"]
        await webhook.send_dict({"delete_original": True})
        assert [each.text for each in slack.deleted] == ["thinking"]
        typed = AsyncWebhookClient(slack._respond_url("C0OPS0001", ALICE))
        for text in ("wait", "done"):
            await typed.send(text=text, replace_original=True)
        assert [(each.text, each.earlier) for each in slack.whispers] == [("done", ["wait"])]
        odd = AsyncWebhookClient(slack._respond_url("C0OPS0001", ALICE))
        assert (await odd.send_dict({"blocks": "[{"})).body == "invalid_blocks_format"
