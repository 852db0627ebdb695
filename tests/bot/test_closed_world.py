import gc

import pytest
import re2

from bot.commands import registry
from bot.errors import HEADS, error_reply
from bot.registry import Command, Message
from bot.text import clean
from ops import errors, guard
from ops.actor import Actor, Door, new_request_id
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import BackendTimeout, NotConfirmed, OpsError
from ops.guard import ACTIONS
from tests.bot.conftest import Backends
from tests.fakes.slack import ALICE, BOT_USER, FakeSlack

NO_ACTION = {"help", "link"}
COMMANDS = [command.name for command in registry.commands]
EXAMPLES = [
    (command.name, example)
    for command in registry.commands
    if command.name not in NO_ACTION
    for example in command.examples
]


def every_kind(kind: type[OpsError]) -> list[type[OpsError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in every_kind(each))]


def made(kind: type[OpsError]) -> OpsError:
    if issubclass(kind, errors.BackendUnavailable):
        return kind("the sentence", backend="Jaeger")
    return NotConfirmed("the sentence", None) if kind is NotConfirmed else kind("the sentence")


def test_it_can_start() -> None:
    registry.check()


@pytest.mark.parametrize("command", registry.commands, ids=lambda command: command.name)
async def test_it_reaches_its_own_handler_with_every_example_of_help(
    command: Command, caller: Actor
) -> None:
    shown = await registry.answer(Message(caller, f"help {command.name}"))
    examples = [row.cells[0] for row in shown.rows]
    assert examples == list(command.examples)
    for example in examples:
        event = FakeSlack().mention_event(ALICE, example)
        for said in (event, {**event, "blocks": None}):
            assert registry.find(clean(said, BOT_USER))[0] is command


def test_it_matches_under_re2_which_no_text_makes_slow() -> None:
    assert {type(command.pattern) for command in registry.commands} == {type(re2.compile(""))}


def test_it_has_the_commands_that_were_promised() -> None:
    assert COMMANDS == [
        "help", "list traces", "show trace", "show logs", "compare", "change sampling",
        "undo sampling", "revert sampling", "extend sampling", "apply", "cancel", "version",
        "show alert", "alerts subscribe", "alerts subscriptions", "alerts unsubscribe", "alerts",
        "ack", "hand over", "take over", "give back",
        "silences", "extend silence", "end silence", "silence",
        "incident start", "incidents", "incident note", "incident pin", "incident close",
        "incident reopen", "incident",
        "sampling off", "sampling up", "sampling history", "sampling",
        "diagnose", "slow operations", "what changed before", "changes", "rollouts", "overview",
        "link",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", every_kind(OpsError), ids=lambda kind: kind.__name__)
def test_it_renders_every_error(kind: type[OpsError]) -> None:
    gc.collect()
    request_id = new_request_id()
    reply = error_reply(made(kind))
    assert reply.failed
    assert "the sentence" in reply.summary
    assert f"request {request_id}" in reply.notes


def test_it_has_words_of_its_own_for_each_public_error() -> None:
    public = {kind for kind in every_kind(OpsError) if kind.__module__ == "ops.errors"}
    assert set(HEADS) == public
    assert len(set(HEADS.values())) == len(public)
    assert error_reply(BackendTimeout("x", backend="y")).summary == "Backend timed out: x"


@pytest.mark.parametrize("name", COMMANDS)
async def test_it_has_help_for_every_command(name: str, caller: Actor) -> None:
    overview = await registry.answer(Message(caller, "help"))
    assert name in [row.cells[0] for row in overview.rows]
    reply = await registry.answer(Message(caller, f"help {name}"))
    assert not reply.failed
    assert reply.summary.startswith(name)
    assert reply.rows
    for shouted in (f"HELP {name.upper()}", f"help  {name.replace(' ', '  ')}"):
        assert (await registry.answer(Message(caller, shouted))).summary == reply.summary


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "example"), EXAMPLES)
async def test_it_reaches_an_action_with_every_example(
    name: str, example: str, backends: Backends
) -> None:
    stranger = Actor(None, "somebody", Door.SLACK)
    reply = await registry.answer(Message(stranger, example))
    assert reply.summary.startswith("Not permitted: "), reply.summary
    entry = await in_database(AuditEntry.objects.get)
    assert entry.action in ACTIONS
    assert (entry.outcome, entry.door) == ("denied", "slack")
    guard.refused_lately.clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "example"), EXAMPLES)
async def test_it_marks_the_commands_that_change_something(
    name: str, example: str, backends: Backends
) -> None:
    await registry.answer(Message(Actor(None, "somebody", Door.SLACK), example))
    entry = await in_database(AuditEntry.objects.get)
    assert registry.changes(example) == ACTIONS[entry.action].audit
    guard.refused_lately.clear()


def test_it_tries_every_command_that_has_an_action() -> None:
    assert {name for name, _ in EXAMPLES} | NO_ACTION == set(COMMANDS)
