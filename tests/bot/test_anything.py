"""Whatever people type is read without an error, and nothing is offered that would be refused.

ANYTHING_RUNS=100000 reads that many lines instead of a few.
"""

import os
import random

import pytest

from bot.commands import reader, registry
from bot.registry import Message
from bot.text import normalise
from bot.understanding.candidates import candidates, read_text
from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import InvalidInput
from ops.requests.models import ChangeRequest
from tests.bot.conftest import Backends
from tests.fakes.jaeger import ANY_JAEGER, span, trace
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)
RUNS = int(os.environ.get("ANYTHING_RUNS", "300"))
SEED = int(os.environ.get("SEED", "15"))
NAMES = (
    "petstore", "PETSTORE", "petsotre", "store", "billing", "AddPets", "addpets", "SELECT",
    "QueueDeep", "queue deep", "SlowRequests", "critical", "warning", "1.3.0", "demo", "petstore-1",
    "17b4f65b0d9f038e2a7bc5ea84309af2", "17b4f65b-0d9f-038e-2a7b-c5ea84309af2", "17b4f65b0d9f",
)  # fmt: skip
VALUES = (
    "10%", "50 percent", "0.5", "100", "half", "always", "never", "everything", "1 in 10", "5/s",
    "last 15m", "last hour", "yesterday", "since 10:00", "between 2 and 3 pm", "until six",
    "for fifteen minutes", "for=15m", "because of QueueDeep", 'because "the disk is full"', "now",
    "permanent", "user=42", "status=error", "http.status_code>=500", "min=1s", "limit=5", "-n 5",
    "--error", "site=demo", "site=elsewhere", "service=petstore", "to 12", "=~", "!=", "{", "}",
    '"', '"two words"', "'", "`", "(", "|", "\\", "\u201cquoted\u201d", "\u202ereversed", "\u00a0",
    "<!channel>", "<@U0ALICE01>", "https://jaeger.example.com/trace/17b4f65b?x=y", ":wave:", "?",
    "\ue000", "\ud800", "\x00", "na\u00efve", "\uff45\uff52\uff52\uff4f\uff52\uff53", "%s", "*",
)  # fmt: skip
POLITE = (
    "please",
    "can you",
    "show me the",
    "any",
    "what is",
    "is",
    "of",
    "for",
    "in",
    "the",
    "and",
)


def line_of(chance: random.Random) -> str:
    """Return some words that may stand in a line, in any order, with slips."""
    words = [
        chance.choice(chance.choice((CUES, CUES, NAMES, VALUES, POLITE)))
        for _ in range(chance.randint(1, 8))
    ]
    line = " ".join(words)
    if chance.random() < 0.2:  # a slip
        at = chance.randrange(len(line))
        line = line[:at] + chance.choice(("", "x", line[at] * 2)) + line[at + 1 :]
    if chance.random() < 0.02:
        line = (line * 4_000)[: chance.randint(1, 4_000)]
    return normalise(line)


CUES = tuple(sorted(reader.cues.known))


@ANY_JAEGER
async def test_anything_is_read_and_only_what_is_accepted_is_offered(
    operator: Actor, backends: Backends
) -> None:
    backends.prometheus.rule("QueueDeep", alert("QueueDeep", severity="critical", job="petstore"))
    backends.jaeger.add(trace(span("petstore", "AddPets", error="no")))
    chance = random.Random(SEED)
    offered = 0
    for _ in range(RUNS):
        message = Message(operator, line_of(chance))
        try:
            read = await read_text(message, message.text, reader.cues)
        except InvalidInput:
            continue  # too many words
        command, _ = registry.find(message.text)
        named = command if command in registry.commands else None
        for each in (await candidates(registry, message, read, named)).found:
            if each.problem is None:
                offered += 1
                assert await registry.accepts(message, each.line), (message.text, each.line)
                assert registry.find(each.line)[0] is each.command
                assert not (each.command.changes and " now" in each.line), each.line
    assert offered > RUNS / 3
    assert [each.told for each in backends.instances] == [[], [], []]
    assert not await in_database(ChangeRequest.objects.exists), "no reading asks for anything"
    assert not await in_database(AuditEntry.objects.exists)


@ANY_JAEGER
async def test_no_answer_to_anything_is_an_error_or_a_change(
    operator: Actor, backends: Backends
) -> None:
    chance = random.Random(SEED + 1)
    for _ in range(RUNS // 6):
        text = line_of(chance)
        if registry.find(text)[0].changes:
            continue
        reply = await registry.answer(Message(operator, text))
        assert not reply.summary.startswith("Failed"), text
        assert not reply.card, text
    assert [each.told for each in backends.instances] == [[], [], []]
