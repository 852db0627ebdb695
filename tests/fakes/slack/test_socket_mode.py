"""Envelopes: copies, what is sent again by itself, echoes, and acknowledgements of any kind."""

from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import ALICE, APP_TOKEN, BOT_TOKEN, CHANNEL, DIRECT, FakeSlack


async def connected(session: ClientSession, slack: FakeSlack) -> ClientWebSocketResponse:
    """Open a connection as an app does, and read the hello on it."""
    bearer = {"Authorization": f"Bearer {APP_TOKEN}"}
    async with session.post(f"{slack.api_url}/apps.connections.open", headers=bearer) as answer:
        socket = await session.ws_connect((await answer.json())["url"])
    await socket.receive_json()
    return socket


async def test_it_is_for_the_copy_that_was_sent_on_the_same_connection() -> None:
    async with FakeSlack() as slack, ClientSession() as session:
        _first, second = await connected(session, slack), await connected(session, slack)
        sent = await slack.mention(ALICE, "help")
        copy = await slack.redeliver(sent, 0)
        received = await second.receive_json()
        await second.send_json({"envelope_id": received["envelope_id"]})
        await copy.acknowledged()
        assert not sent.acked.is_set()


async def test_what_is_not_acknowledged_comes_again_by_itself() -> None:
    async with FakeSlack() as slack, ClientSession() as session:
        first, second = await connected(session, slack), await connected(session, slack)
        slack.redelivery_speed = 100
        delivery = await slack.mention(ALICE, "help")
        sent = await first.receive_json()
        again = await second.receive_json()  # after four seconds of Slack's
        assert (again["retry_attempt"], again["retry_reason"]) == (1, "timeout")
        assert again["envelope_id"] != sent["envelope_id"]
        copy = await second.receive_json()  # after fifteen, on another connection
        assert (copy["retry_attempt"], copy["envelope_id"]) == (0, sent["envelope_id"])
        assert again["payload"] == copy["payload"] == sent["payload"]
        await second.send_json({"envelope_id": again["envelope_id"]})
        await delivery.copies[0].acknowledged()
        await slack.all_redelivered()
        assert len(delivery.copies) == 2


async def test_the_app_hears_its_own_direct_messages_and_what_it_subscribes_to() -> None:
    async with FakeSlack() as slack, ClientSession() as session:
        socket = await connected(session, slack)
        web = AsyncWebClient(BOT_TOKEN, slack.api_url)
        await web.chat_postMessage(channel=CHANNEL, text="not heard")
        await web.chat_postMessage(channel=DIRECT, text="heard")
        event = (await socket.receive_json())["payload"]["event"]
        assert (event["text"], event["channel_type"]) == ("heard", "im")
        assert event["bot_id"]
        slack.subscribed.add("message.channels")
        posted = await web.chat_postMessage(channel=CHANNEL, text="heard too")
        assert (await socket.receive_json())["payload"]["event"]["text"] == "heard too"
        await web.chat_update(channel=CHANNEL, ts=posted["ts"], text="changed")
        event = (await socket.receive_json())["payload"]["event"]
        assert (event["subtype"], event["message"]["text"]) == ("message_changed", "changed")
        mention = await slack.mention(ALICE, "help")
        kinds = [(await socket.receive_json())["payload"]["event"]["type"] for _ in range(2)]
        assert kinds == ["app_mention", "message"]
        assert not mention.copies


async def test_the_payload_of_an_acknowledgement_is_kept_and_shown() -> None:
    async with FakeSlack() as slack, ClientSession() as session:
        socket = await connected(session, slack)
        for number, kind in enumerate(("ephemeral", "in_channel")):
            delivery = await slack.slash(ALICE, "alerts")
            answer = {"text": f"{number} alerts", "response_type": kind}
            received = await socket.receive_json()
            await socket.send_json({"envelope_id": received["envelope_id"], "payload": answer})
            await delivery.acknowledged()
            assert delivery.answer == answer
        assert [each.text for each in slack.whispers] == ["0 alerts"]
        assert [each.text for each in slack.posts] == ["1 alerts"]
        assert slack.violations == []


@pytest.mark.parametrize(
    "frame", ["no JSON", "[]", "{}", "null", '{"envelope_id": ["x"]}', "[" * 10_000, b"bytes"]
)
async def test_it_survives_any_frame_of_an_app(frame: str | bytes) -> None:
    async with FakeSlack() as slack, ClientSession() as session:
        socket = await connected(session, slack)
        await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        delivery = await slack.mention(ALICE, "help")
        received = await socket.receive_json()
        await socket.send_json({"envelope_id": received["envelope_id"]})
        await delivery.acknowledged()
        assert len(slack.violations) == 1


@pytest.mark.parametrize(
    "event", [{}, {"type": "app_mention"}, {"type": 7, "ts": "soon"}, {"ts": None, "user": []}]
)
async def test_it_sends_any_event(event: dict[str, Any]) -> None:
    async with FakeSlack() as slack, ClientSession() as session:
        socket = await connected(session, slack)
        await slack.deliver(event)
        await slack.send({"type": ["odd"], "payload": None, "envelope_id": None})
        assert (await socket.receive_json())["payload"]["event"] == event
        assert (await socket.receive_json())["payload"] is None
