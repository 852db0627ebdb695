"""The usual methods, as Slack's own client calls them, and what they refuse."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from . import ALICE, BOT_TOKEN, BOT_USER, CHANNEL, DIRECT, EVERY_SCOPE, FakeSlack, person

LINK = "https://ops.example.com/trace/1"
TITLE = {"type": "plain_text", "text": "Add pets"}
NUMBER = {
    "type": "input", "label": TITLE,
    "element": {"type": "plain_text_input", "action_id": "number"},
}  # fmt: skip
MODAL: dict[str, Any] = {"type": "modal", "title": TITLE, "submit": TITLE, "blocks": [NUMBER]}
HOUR = 3_600


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(scopes=EVERY_SCOPE) as slack:
        yield slack


@pytest.fixture
def client(slack: FakeSlack) -> AsyncWebClient:
    return AsyncWebClient(BOT_TOKEN, slack.api_url)


async def test_messages_are_posted_replaced_deleted_and_read(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    asked = await slack.say(ALICE, "anybody here?")
    posted = await client.chat_postMessage(channel=CHANNEL, text="one", thread_ts=asked)
    attached = {"text": "see", "fallback": "see", "blocks": [{"type": "divider"}]}
    await client.chat_postMessage(channel=CHANNEL, attachments=[attached])
    updated = await client.chat_update(channel=CHANNEL, ts=posted["ts"], text="two")
    assert updated["message"]["text"] == "two"
    thread = await client.conversations_replies(channel=CHANNEL, ts=asked)
    assert [each["text"] for each in thread["messages"]] == ["anybody here?", "two"]
    history = await client.conversations_history(channel=CHANNEL, limit=1)
    [newest] = history["messages"]
    assert newest["attachments"] == [attached]
    link = await client.chat_getPermalink(channel=CHANNEL, message_ts=asked)
    assert link["permalink"].endswith(f"/archives/{CHANNEL}/p{asked.replace('.', '')}")
    await client.chat_delete(channel=CHANNEL, ts=posted["ts"])
    assert [post.shown for post in slack.deleted] == ["two"]
    whispered = await client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="psst")
    assert [each.ts for each in slack.whispers] == [whispered["message_ts"]]
    assert slack.violations == []


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.postEphemeral"])
async def test_the_bot_writes_where_it_is_a_member(
    slack: FakeSlack, client: AsyncWebClient, method: str
) -> None:
    said = {"channel": CHANNEL, "user": ALICE, "text": "x"}
    slack.members[CHANNEL] = [ALICE]
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await client.api_call(method, data=said)
    slack.archived.add(CHANNEL)
    with pytest.raises(SlackApiError, match="is_archived"):
        await client.api_call(method, data=said)


async def test_lists_come_page_by_page(slack: FakeSlack, client: AsyncWebClient) -> None:
    for number in range(5):
        slack.users[f"U0{number}"] = person(f"U0{number}", f"user{number}")
    seen = [
        user["id"] async for page in await client.users_list(limit=3) for user in page["members"]
    ]
    assert seen == list(slack.users)
    channels = await client.conversations_list(types="public_channel,im")
    assert {each["id"] for each in channels["channels"]} == {CHANNEL, DIRECT}
    members = await client.conversations_members(channel=CHANNEL)
    assert members["members"] == [ALICE, BOT_USER]
    info = await client.conversations_info(channel=CHANNEL, include_num_members=True)
    assert (info["channel"]["name"], info["channel"]["num_members"]) == ("ops", 2)
    group = await client.conversations_open(users="U00,U01")
    assert group["channel"]["id"] in slack.channels
    found = await client.users_lookupByEmail(email="ALICE@example.com")
    assert found["user"]["id"] == ALICE
    assert (await client.team_info())["team"]["domain"] == "acme"


async def test_reactions_schedules_and_unfurls(slack: FakeSlack, client: AsyncWebClient) -> None:
    ts = await slack.say(ALICE, f"look at {LINK}")
    await client.reactions_add(channel=CHANNEL, timestamp=ts, name="eyes")
    found = await client.reactions_get(channel=CHANNEL, timestamp=ts)
    assert found["message"]["reactions"] == [{"name": "eyes", "count": 1, "users": [BOT_USER]}]
    await client.reactions_remove(channel=CHANNEL, timestamp=ts, name="eyes")
    await client.chat_unfurl(channel=CHANNEL, ts=ts, unfurls={LINK: {"text": "a trace"}})
    assert slack.unfurls == {(CHANNEL, ts): {LINK: {"text": "a trace"}}}
    later = int(time.time()) + HOUR
    made = await client.chat_scheduleMessage(channel=CHANNEL, post_at=later, text="later")
    listed = await client.chat_scheduledMessages_list()
    assert [each["text"] for each in listed["scheduled_messages"]] == ["later"]
    await client.chat_deleteScheduledMessage(
        channel=CHANNEL, scheduled_message_id=made["scheduled_message_id"]
    )
    assert slack.scheduled == {}


async def test_a_modal_needs_a_fresh_trigger_and_follows_its_hash(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    slack._triggers |= {"1.2.a": slack.clock(), "1.2.b": slack.clock() - 4}
    opened = (await client.views_open(trigger_id="1.2.a", view=MODAL))["view"]
    for trigger, code in (("1.2.a", "invalid_trigger_id"), ("1.2.b", "expired_trigger_id")):
        with pytest.raises(SlackApiError, match=code):
            await client.views_open(trigger_id=trigger, view=MODAL)
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("chat.postMessage", {"channel": "C0NONE"}, "channel_not_found"),
        ("chat.postMessage", {"channel": CHANNEL}, "no_text"),
        ("chat.postMessage", {"channel": CHANNEL, "blocks": "[{"}, "invalid_blocks_format"),
        ("chat.postMessage", {"channel": CHANNEL, "blocks": "{}x"}, "invalid_blocks_format"),
        ("chat.postMessage", {"channel": CHANNEL, "blocks": '{"a": 1}'}, "invalid_blocks_format"),
        ("chat.postMessage", {"channel": CHANNEL, "blocks": "[7]"}, "invalid_blocks"),
        ("chat.postMessage", {"channel": CHANNEL, "blocks": '[{"type": "section", "fields": 7}]'},
         "invalid_blocks"),
        ("chat.postMessage", {"channel": CHANNEL, "attachments": "[1]"}, "invalid_attachments"),
        ("chat.update", {"channel": CHANNEL, "ts": "1.0", "text": "x"}, "message_not_found"),
        ("chat.delete", {"channel": CHANNEL, "ts": "THEIRS"}, "cant_delete_message"),
        ("chat.postEphemeral", {"channel": CHANNEL, "user": "U0", "text": "x"},
         "user_not_in_channel"),
        ("chat.getPermalink", {"channel": CHANNEL, "message_ts": "1.0"}, "message_not_found"),
        ("chat.scheduleMessage", {"channel": CHANNEL, "text": "x", "post_at": 1}, "time_in_past"),
        ("chat.scheduleMessage", {"channel": CHANNEL, "text": "x", "post_at": 10**12},
         "time_too_far"),
        ("chat.deleteScheduledMessage", {}, "invalid_scheduled_message_id"),
        ("chat.unfurl", {"channel": CHANNEL, "ts": "THEIRS"}, "missing_unfurls"),
        ("chat.unfurl", {"channel": CHANNEL, "ts": "1.0", "unfurls": '{"x": {}}'},
         "cannot_find_message"),
        ("chat.unfurl", {"channel": CHANNEL, "ts": "THEIRS", "unfurls": '{"x": {}}'},
         "cannot_unfurl_url"),
        ("reactions.add", {"channel": CHANNEL, "timestamp": "THEIRS"}, "no_item_specified"),
        ("reactions.remove", {"channel": CHANNEL, "timestamp": "THEIRS", "name": "a"},
         "no_reaction"),
        ("conversations.replies", {"channel": CHANNEL, "ts": "1.0"}, "thread_not_found"),
        ("conversations.history", {"channel": CHANNEL, "oldest": "x"}, "invalid_ts_oldest"),
        ("conversations.list", {"types": "secret"}, "invalid_types"),
        ("conversations.open", {}, "users_list_not_supplied"),
        ("users.list", {"limit": "many"}, "invalid_arguments"),
        ("users.list", {"limit": -1}, "invalid_limit"),
        ("users.list", {"cursor": "?"}, "invalid_cursor"),
        ("users.lookupByEmail", {"email": ""}, "users_not_found"),
        ("views.open", {"view": "{"}, "invalid_arguments"),
        ("views.open", {"view": '{"type": "modal", "blocks": []}'}, "invalid_arguments"),
        ("views.update", {"view_id": "V1"}, "not_found"),
        ("rtm.start", {}, "unknown_method"),
    ],
)  # fmt: skip
async def test_it_refuses_as_slack_does(
    slack: FakeSlack, client: AsyncWebClient, method: str, arguments: dict[str, Any], code: str
) -> None:
    theirs = await slack.say(ALICE, "mine")
    sent = {key: theirs if value == "THEIRS" else value for key, value in arguments.items()}
    with pytest.raises(SlackApiError) as error:
        await client.api_call(method, data=sent)
    assert error.value.response["error"] == code
    assert slack.violations == [f"{method}: {code}"]


@pytest.mark.parametrize(
    ("sent", "ok"),
    [
        ({"data": {"token": BOT_TOKEN}}, True),
        ({"params": {"token": BOT_TOKEN}}, True),
        ({"headers": {"Authorization": f"Bearer {BOT_TOKEN}"}}, True),
        ({"json": {"token": BOT_TOKEN}}, False),
        ({"data": {"token": "xoxb-wrong"}}, False),
        ({"data": "{", "headers": {"Content-Type": "application/json"}}, False),
    ],
)
async def test_a_token_is_in_the_header_a_form_or_the_query(
    slack: FakeSlack, sent: dict[str, Any], ok: bool
) -> None:
    async with (
        ClientSession() as session,
        session.post(f"{slack.api_url}/auth.test", **sent) as got,
    ):
        assert (await got.json())["ok"] is ok


async def test_the_app_needs_the_scope_of_the_channels_kind(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    slack.scopes.remove("channels:history")
    await client.conversations_history(channel=DIRECT)
    with pytest.raises(SlackApiError, match="channels:history"):
        await client.conversations_history(channel=CHANNEL)
