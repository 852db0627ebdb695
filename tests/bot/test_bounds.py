"""No command reads a text that is too long, or whose author lacks the permission."""

import pytest

from bot.commands import registry
from bot.registry import Command, Message
from bot.text import clean
from ops.actor import Actor, Door
from ops.limits import LONGEST_TEXT, MOST_ITEMS
from tests.bot.conftest import Backends
from tests.fakes.slack import ALICE, BOT_USER, FakeSlack
from tests.watching import Calls, watched

FOR_EVERYBODY = {"help", "link"}
each_command = pytest.mark.parametrize("command", registry.commands, ids=lambda each: each.name)


def handlers_among(calls: Calls) -> set[str]:
    return {module for module in calls.modules if module.startswith("bot.commands")}


async def answered(actor: Actor, line: str) -> tuple[str, Calls]:
    with watched(LONGEST_TEXT, MOST_ITEMS) as calls:
        reply = await registry.answer(Message(actor, line))
    return str(reply.summary), calls


@each_command
async def test_no_command_reads_a_text_that_is_too_long(command: Command, caller: Actor) -> None:
    """Slack allows messages of 40,000 characters."""
    line = f"{command.examples[0]} {'a? ' * 13_000}"
    event = FakeSlack().mention_event(ALICE, line)
    summary, calls = await answered(caller, clean(event, BOT_USER))
    assert summary.startswith("Not understood: your message has ")
    assert summary.endswith(f"characters; the limit is {LONGEST_TEXT:,}. Shorten it")
    assert not handlers_among(calls)
    assert calls.given <= {"bot.registry", "bot.errors", "ops.limits"}


@pytest.mark.django_db(transaction=True)
@each_command
async def test_no_command_reads_the_words_of_somebody_without_the_right(
    command: Command, backends: Backends
) -> None:
    if command.name in FOR_EVERYBODY:
        return
    line = f'{command.name} alertname=~"{"a?" * 1_900}"'
    assert registry.find(line)[0] is command
    summary, calls = await answered(Actor(None, "somebody", Door.CONSOLE), line)
    assert summary.startswith("Not permitted: ")
    assert not handlers_among(calls)


def test_every_command_says_what_it_needs() -> None:
    free = {command.name for command in registry.commands if not command.needs}
    assert free == FOR_EVERYBODY


async def test_it_takes_what_people_write(caller: Actor, backends: Backends) -> None:
    prose = "could somebody please look at why the shop is so slow " * 60
    summary, _ = await answered(caller, prose.strip())
    assert summary.startswith("Not understood: there is no command ")
