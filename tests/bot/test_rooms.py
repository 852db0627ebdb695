"""What tired people type about alerts that somebody has, silences, incidents, channels, sampling.

Each line is answered at once, or the line that is meant is one press away, or the refusal says
what to write. What changes something is done at once only if the text is its command.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.commands import registry
from bot.console import Conversation
from bot.registry import Message
from bot.replies import Reply
from ops.acknowledgements import actions as acknowledgements
from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.incidents import actions as incidents
from ops.silences import actions as silences
from ops.subscriptions import actions as subscriptions
from ops.subscriptions.actions import CONSOLE, Channel
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.matchers import parse_matchers
from tests.bot.conftest import SITES, Backends
from tests.conftest import Person, SiteFile
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger, span, trace
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)
ALERTMANAGER = """
[[sites.demo.alertmanager]]
name = "am"
url = "{url}"
"""
ONE, LIKE_IT = "17b4f65b0d9f038e2a7bc5ea84309af2", "17b4f65b0d9f038e2a7bc5ea84309af3"
OTHER = "9c01d2f4a7e3b8655d0e4f1a2b3c4d5e"

AT_ONCE = {
    # who has it
    "who has it": "alerts",
    "who has queuedeep": "alerts QueueDeep",
    "whos looking at QueueDeep": "alerts QueueDeep",
    "who's on petstore": "alerts petstore",
    "anyone on queue deep?": "alerts QueueDeep",
    "has queuedeep cleared": "show alert QueueDeep",
    "is queuedeep muted?": "show alert QueueDeep",
    "is queuedeep still firing": "alerts QueueDeep firing",
    "anything burning?": "alerts firing",
    # Asking what a silence would hide changes nothing; its answer asks.
    "mute queuedeep for an hour": "silence QueueDeep for=1h",
    "hush slowrequests": "silence SlowRequests",
    "snooze slow requests half an hour": "silence SlowRequests for=30m",
    "shut up queuedeep 15m": "silence QueueDeep for=15m",
    "mute petstore 30m deploy running": 'silence petstore for=30m because="deploy running"',
    "what's muted": "silences",
    "whos silenced what": "silences",
    # incidents
    "any incidents": "incidents",
    "open incidents?": "incidents",
    "what's the incident about": "incident 2",
    "incident status": "incident 2",
    "incident timeline": "incident 2",
    # what happened
    "what happened before slowrequests": "what changed before SlowRequests",
    "timeline": "changes",
    "show me the timeline petstore": "changes petstore",
    # sampling
    "how much do we sample": "sampling",
    "whats petstore sampled at": "sampling petstore",
    # traces
    "find trace with order id 123": "list traces order.id=123",
    "error: refused": 'list traces error=~"(?i).*refused.*"',
    "errors: pool exhausted": 'list traces error=~"(?i).*pool exhausted.*"',
    OTHER[:9]: f"show trace {OTHER}",
    f"show trace {OTHER[:4]}…{OTHER[-4:]}": f"show trace {OTHER}",
    f"show logs {OTHER[:6]}…{OTHER[-3:]}": f"show logs {OTHER}",
}  # fmt: skip
BY_PRESS = {
    "im on queuedeep": "ack QueueDeep",
    "ill take slowrequests": "ack SlowRequests",
    "slowrequests is mine for an hour": "ack SlowRequests for=1h",
    "mine": "ack SlowRequests",  # the only one that nobody has
    "ack": "ack SlowRequests",
    "i got this": "ack SlowRequests",
    "give queuedeep to mia": "hand over QueueDeep to mia",
    "pass queuedeep to mia": "hand over QueueDeep to mia",
    "not mine anymore": "give back QueueDeep",
    "drop queuedeep": "give back QueueDeep",
    "start an incident for petstore it's slow": "incident start petstore it's slow",
    "new incident checkout broken": "incident start checkout broken",
    "we have an incident: petstore down": "incident start petstore down",
    "close it": "incident close 2",
    "incident is over": "incident close 2",
    "hush it for 2h": "silence QueueDeep for=2h",  # or the other one
    "note: rolled back": "incident note rolled back",
    # A note is written as it was typed, and a name is no slip of another word.
    "add a note: store restartde": "incident note store restartde",
    "please note that only petstore-3 is slow": "incident note only petstore-3 is slow",
    "reopen the last incident": "incident reopen 1",
    f"pin {ONE}": f"incident pin {ONE}",
    "unmute store": "end silence {silence}",
    "end the silence on store": "end silence {silence}",
    "extend the silence": "extend silence {silence}",
    "stop posting here": "alerts unsubscribe 1",
    "stop posting alerts here": "alerts unsubscribe 1",
    "unsubscribe": "alerts unsubscribe 1",
    "tell this channel about critical alerts": "alerts subscribe critical",
    "post critical alerts here": "alerts subscribe critical",
    "which channels get alerts": "alerts subscriptions",
    "turn sampling up for petstore": "sampling up petstore",
    "sample more of petstore": "sampling up petstore",
    "crank up petstore sampling": "sampling up petstore",
    "more traces please": "sampling up",
    "full sampling on petstore": "change sampling petstore always",
    "what's on prod right now": "overview",
    "is queuedeep down": "show alert QueueDeep",
    "since when is queuedeep firing": "show alert QueueDeep",
    "who deployed": "version",
    ONE[:8]: f"show trace {ONE}",  # or the other one that starts so
    f"logs {OTHER[:6]}": f"show logs {OTHER}",
    f"show trace {OTHER[:8]}": f"show trace {OTHER}",
}
REFUSED = {
    "tell #ops about petstore alerts": '"alerts subscribe petstore" in #ops',
    "unmute queuedeep": "no silence of QueueDeep is known",
    "pin this trace": "which trace? Give its ID",
    "deadbeef42": "none of the newest traces has an ID like deadbeef42…",
    "ack 3f9a1c7e2b5d48aa01c2": "no such alert is firing or pending",
    "extend sampling": "no change with an end is in force",
}
# What "it" is, and what is not even said, was shown before.
THEN_AT_ONCE = {
    ("show alert SlowRequests", "who has it"): "alerts SlowRequests",
    ("show alert SlowRequests", "mute it for 2h"): "silence SlowRequests for=2h",
    ("show alert SlowRequests", "hush"): "silence SlowRequests",
    ("show alert SlowRequests", "why did it fire"): "what changed before SlowRequests",
    ("show alert SlowRequests", "what happened before it"): "what changed before SlowRequests",
    ("diagnose store", "any errors in it?"): "list traces service=store error",
    ("diagnose store", "still slow?"): "slow operations store",
    ("version petstore", "who's on it"): "alerts petstore",
    (f"show trace {ONE}", "compare it with usual"): f"compare {ONE}",
    (f"show trace {OTHER}", f"logs {OTHER[:4]}…"): f"logs {OTHER}",
}  # fmt: skip
THEN_BY_PRESS = {
    ("show alert SlowRequests", "mine"): "ack SlowRequests",
    ("show alert QueueDeep", "hand it to mia"): "hand over QueueDeep to mia",
    ("show alert QueueDeep", "give it back"): "give back QueueDeep",
    ("incident 2", "close it"): "incident close 2",
    ("change sampling petstore 20%", "cancel it"): "cancel {card}",
    ("change sampling petstore 20%", "apply"): "apply {card}",
    ("sampling petstore", "turn it up"): "sampling up petstore",
    (f"show trace {ONE}", "pin it"): f"incident pin {ONE}",
    ("alerts store", "is it still failing?"): "show alert SlowRequests",
}


@dataclass(frozen=True)
class Rooms:
    """A site where something is going on in each room."""

    jaeger: FakeJaeger
    alertmanager: FakeAlertmanager
    silence: str


@pytest.fixture
async def rooms(
    backends: Backends, site_file: SiteFile, operator: Actor, person: Person
) -> AsyncIterator[Rooms]:
    """The operator has QueueDeep; an incident is closed, another open; the store is silenced."""
    async with FakeAlertmanager() as alertmanager:
        site_file(SITES.format(**vars(backends)) + ALERTMANAGER.format(url=alertmanager.url))
        for name, severity, job in (
            ("QueueDeep", "critical", "petstore"),
            ("SlowRequests", "warning", "store"),
        ):
            backends.prometheus.rule(name, alert(name, severity=severity, job=job))
            alertmanager.has({"alertname": name, "severity": severity, "job": job}, "pets")
        for trace_id in (ONE, LIKE_IT, OTHER):
            backends.jaeger.add(trace(span("petstore", "AddPets", error="no"), trace_id=trace_id))
        await in_database(lambda: person("mia", "operators"))
        await acknowledgements.acknowledge(operator, name="QueueDeep")
        await incidents.open_incident(operator, title="store down", services=("store",))
        await incidents.close_incident(operator, number=1)
        await incidents.open_incident(operator, title="petstore slow", services=("petstore",))
        await subscriptions.subscribe(
            operator, channel=Channel(CONSOLE, shared=False), filter=AlertFilter()
        )
        made = await silences.create_silence(
            operator,
            matchers=parse_matchers('job="store"'),
            ends_at=timerange.now_ns() + timerange.HOUR,
            confirmed=True,
        )
        yield Rooms(backends.jaeger, alertmanager, made.silence.id)


async def answers(actor: Actor, *lines: str) -> Reply:
    """Return the answer to the last line of a conversation."""
    talk = Conversation(actor)
    for line in lines[:-1]:
        assert not (await talk.answer(line)).failed, line
    return await talk.answer(lines[-1])


def read_as(reply: Reply) -> str:
    """Return the line that was read, or the whole summary."""
    summary = str(reply.summary)
    return summary.split("`")[1] if summary.startswith("Read as `") else summary


async def changes() -> int:
    """Return how many rows the audit log has."""
    return await in_database(AuditEntry.objects.count)


@ANY_JAEGER
async def test_it_answers_at_once_and_changes_nothing(operator: Actor, rooms: Rooms) -> None:
    before = await changes()
    read = {line: read_as(await answers(operator, line)) for line in AT_ONCE}
    assert read == AT_ONCE
    then = {lines: read_as(await answers(operator, *lines)) for lines in THEN_AT_ONCE}
    assert then == THEN_AT_ONCE
    assert await changes() == before
    assert len(rooms.alertmanager.silences) == 1


@ANY_JAEGER
async def test_what_is_meant_is_one_press_away(operator: Actor, rooms: Rooms) -> None:
    before = await changes()
    known = {"silence": rooms.silence}
    meant = {line: offered.format_map(known) for line, offered in BY_PRESS.items()}
    assert {line: await first(operator, line) for line in BY_PRESS} == meant
    assert await changes() == before
    assert len(rooms.alertmanager.silences) == 1


@ANY_JAEGER
async def test_what_was_shown_before_is_one_press_away(operator: Actor, rooms: Rooms) -> None:
    for (shown, line), offered in THEN_BY_PRESS.items():
        talk = Conversation(operator)
        card = (await talk.answer(shown)).card
        before = await changes()
        reply = await talk.answer(line)
        assert reply.follow_ups[0].line == offered.format(card=card), (shown, line)
        assert await changes() == before, (shown, line)
        assert await is_accepted(operator, reply), (shown, line)


@ANY_JAEGER
async def test_a_refusal_says_what_to_write(operator: Actor, rooms: Rooms) -> None:
    for line, sentence in REFUSED.items():
        reply = await answers(operator, line)
        assert reply.failed, line
        assert sentence in f"{reply.summary} {' '.join(reply.notes)}", line
        assert await is_accepted(operator, reply), line


async def test_a_clear_command_runs(operator: Actor, rooms: Rooms) -> None:
    for text, done in (
        ("i got slow requests", "olga has all SlowRequests alerts"),
        ("close the incident", "petstore slow: closed"),
    ):
        assert done in (await answers(operator, text)).summary, text


async def test_of_several_open_incidents_each_is_offered(operator: Actor, rooms: Rooms) -> None:
    await incidents.open_incident(operator, title="mail is late")
    for text, verb in (("incident", ""), ("close it", "close "), ("incident status", "")):
        lines = [each.line for each in (await answers(operator, text)).follow_ups[:2]]
        assert sorted(lines) == [f"incident {verb}2", f"incident {verb}3"], text


async def test_a_list_of_several_alerts_does_not_say_which_is_meant(
    operator: Actor, rooms: Rooms
) -> None:
    await acknowledgements.give_back(operator, name="QueueDeep")
    reply = await answers(operator, "alerts", "i got this")
    lines = [each.line for each in reply.follow_ups[:2]]
    assert sorted(lines) == ["ack QueueDeep", "ack SlowRequests"]


async def first(actor: Actor, line: str) -> str:
    """Return the first line that is offered, all of which are accepted."""
    reply = await answers(actor, line)
    assert await is_accepted(actor, reply), line
    return reply.follow_ups[0].line if reply.failed else f"answered: {reply.summary}"


async def is_accepted(actor: Actor, reply: Reply) -> bool:
    """Return whether every line that a reply offers is accepted."""
    message = Message(actor, "")
    return all([await registry.accepts(message, each.line) for each in reply.follow_ups])
