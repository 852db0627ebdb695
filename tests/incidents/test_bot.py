"""Incidents in a chat: what is typed, whose thread it is, and who may read along."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot import console
from bot.commands import registry
from bot.conversation import follow_up
from bot.follow_ups import About
from bot.registry import Message
from bot.replies import Reply
from bot.text import normalise
from ops.actor import Actor, Door
from ops.incidents import actions
from ops.subscriptions import actions as subscriptions
from ops.subscriptions.subscription import Channel
from tests.fakes.prometheus import FakePrometheus, alert
from tests.incidents.conftest import quiet_incident

pytestmark = pytest.mark.django_db(transaction=True)
OURS = {"type": "app_mention", "channel": "C012AB3CD", "ts": "17.1", "team": "T012AB3CD",
        "is_ext_shared_channel": False}  # fmt: skip
REPLY = OURS | {"ts": "17.9", "thread_ts": "17.1"}
CLICK = {
    "type": "block_actions",
    "channel": "C012AB3CD",
    "ts": "17.2",
    "thread_ts": "17.1",
    "team": "T012AB3CD",
}


async def said(actor: Actor, text: str, event: Mapping[str, Any] = OURS) -> Reply:
    chat = replace(actor, door=Door.SLACK)
    return await registry.answer(Message(chat, normalise(text), event))


async def test_a_thread_is_the_incidents(operator: Actor, prometheus: FakePrometheus) -> None:
    made = await said(operator, "incident start petstore slow")
    await actions.open_incident(operator, title="another")
    noted = await said(operator, "incident note only petstore-3, site=x is fine", REPLY)
    shown = await said(operator, "incident", REPLY)
    elsewhere = await said(operator, "incident close", OURS | {"ts": "18.1"})
    closed = await said(operator, "incident close", REPLY)
    again = await said(operator, "incident reopen", REPLY)

    assert made.summary == (
        "Incident 1 is open: petstore slow. It gathers what happens to petstore. This thread is "
        "its thread."
    )
    assert [each.line for each in made.follow_ups] == ["incident 1", "incident close 1"]
    assert noted.summary == "Noted in incident 1, petstore slow"
    assert [row.cells[1] for row in shown.rows] == [
        "olga opened the incident",
        "olga: “only petstore-3, site=x is fine”",
    ]
    assert [each.line for each in elsewhere.follow_ups[:2]] == [
        "incident close 2",
        "incident close 1",
    ]
    assert "Several incidents are open (2 and 1): give the number of one" in elsewhere.notes
    assert closed.summary.startswith("petstore slow: closed after")
    assert closed.follow_ups[0].line == "incident reopen 1"
    assert again.summary.startswith("petstore slow: ")
    assert (await actions.show_incident(operator, number=1)).is_open


async def test_it_tells_the_story(operator: Actor, prometheus: FakePrometheus) -> None:
    await quiet_incident(operator, quiet=16)

    reply = await said(operator, "incident 1")

    assert reply.summary == "petstore slow: quiet for 16 min, was failing for 19 min"
    assert [row.cells[1] for row in reply.rows] == [
        "QueueDeep started firing: depth <b>412</b> over 100",
        "QueueDeep resolved after 19 min",
        "olga opened the incident",
    ]
    assert reply.notes == ("All of its alerts have been quiet for 15 min: close it if it is over",)


async def test_numbers_and_sites_can_be_given(operator: Actor, prometheus: FakePrometheus) -> None:
    await said(operator, "incident start deploys fail site=staging", OURS | {"ts": "1.1"})
    noted = await said(operator, 'incident 1 site=staging note "a note"', {})
    shown = await said(operator, "incident 1 site=staging", {})
    none = await said(operator, "incident", {})

    assert noted.summary == "Noted in incident 1, deploys fail (site staging)"
    assert shown.rows[-1].cells[1] == "olga: “a note”"
    assert "no incident is open" in none.summary


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("incident start", "what is wrong?"),
        ("incident note", "what should the note say?"),
        ("incident 3 pin", "which trace? Give its ID"),
        ("incident close it", "no incident is open"),
        ("incident start x alert=1 trace=2", "from one alert, one group or one trace"),
        ("incident 1 note x", "has no incident 1"),
        ("incident close 99999999999", "is not the number of an incident"),
    ],
)
async def test_it_says_what_is_missing(
    text: str, problem: str, operator: Actor, prometheus: FakePrometheus
) -> None:
    assert problem in (await said(operator, text, {})).summary


async def test_an_alert_opens_one(operator: Actor, prometheus: FakePrometheus) -> None:
    prometheus.rule("QueueDeep", alert("QueueDeep", job="petstore"))

    made = await said(operator, "incident start group=QueueDeep")
    twice = await said(operator, "incident start group=QueueDeep", OURS | {"ts": "18.1"})

    assert made.summary.startswith("Incident 1 is open: QueueDeep on petstore")
    assert "incident 1 is open for this already" in twice.summary


@pytest.mark.parametrize(
    "text",
    [
        "incident start petstore slow", "incident note x", "incident pin ab", "incident close",
        "incident", "incidents",
    ],
)  # fmt: skip
async def test_a_channel_shared_with_another_company_is_refused(
    text: str, operator: Actor, prometheus: FakePrometheus
) -> None:
    await actions.open_incident(operator, title="secret")

    reply = await said(operator, text, OURS | {"is_ext_shared_channel": True})

    assert "this channel is shared with another company" in reply.summary
    assert "secret" not in reply.summary
    assert (await actions.show_incident(operator)).entries == ()


async def test_a_click_makes_a_thread_only_where_the_channel_is_known_to_be_ours(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    unknown = await said(operator, "incident start one", CLICK)
    await subscriptions.subscribe(operator, channel=Channel("C012AB3CD", "T012AB3CD", shared=False))
    ours = await said(operator, "incident start two", CLICK)
    alone = await said(operator, "incident start three", OURS | {"response_url": "https://x"})

    assert "thread" not in unknown.summary
    assert ours.summary.endswith("This thread is its thread.")
    assert "thread" not in alone.summary


async def test_nobody_writes_a_note_without_a_mention(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    await said(operator, "incident start petstore slow")
    before = About("incident 1", steps=(("Close incident", "incident close 1"),))

    for text in ("incident note overheard", "close incident", "note this"):
        heard = Message(operator, text, REPLY | {"type": "message"})
        assert await follow_up(heard, registry, before) is None

    assert (await actions.show_incident(operator)).entries == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("open an incident for petstore", "incident start petstore"),
        ("declare an incident", ""),
        ("can you declare an incident: petstore is slow", "incident start petstore is slow"),
    ],
)
async def test_it_is_understood(
    text: str, line: str, operator: Actor, prometheus: FakePrometheus
) -> None:
    reply = await console.answer(operator, text)
    found = await actions.list_incidents(operator)

    offered = [each.line for each in reply.follow_ups]
    if line:
        assert found.incidents or line in offered, (reply.summary, offered)
    else:
        assert "what is wrong?" in reply.summary


async def test_it_lists_them(operator: Actor, prometheus: FakePrometheus) -> None:
    await actions.open_incident(operator, title="petstore slow")
    await actions.close_incident(operator)
    await actions.open_incident(operator, title="deploys fail")

    reply = await said(operator, "incidents")

    assert reply.summary == "1 incident open"
    assert [row.cells[:2] for row in reply.rows] == [("2", "deploys fail"), ("1", "petstore slow")]
    assert reply.items == ("incident 2", "incident 1")
