"""Several commands in one message; one command on several lines is still one."""

from dataclasses import replace

import pytest

from bot.batches import MOST_LINES, MOST_READS, answer_each, commands_in
from bot.commands import registry
from bot.registry import Message
from bot.text import typed
from ops.actor import Actor
from tests.bot.test_text import MENTION, rich, text
from tests.fakes.slack import BOT_USER

ID = "17b4f65b0d9f038e2a7bc5ea84309af2"


@pytest.mark.parametrize(
    ("said", "commands"),
    [
        ("alerts\nversion petstore", ["alerts", "version petstore"]),
        ("- alerts\n- version petstore\n", ["alerts", "version petstore"]),
        ("1. alerts\n2) overview please", ["alerts", "overview"]),
        ("please:\n\u2022 alerts\n\u2022 overview", ["alerts", "overview"]),
        ("for my shift:\n* errors of petstore\n* alerts", ["errors of petstore", "alerts"]),
        ("is anything broken?\nany deploys today?", ["is anything broken", "any deploys today"]),
        ("```alerts\noverview```", ["alerts", "overview"]),
        (f"show trace {ID}\n\nshow logs {ID}", [f"show trace {ID}", f"show logs {ID}"]),
        ('list traces a="1\n2"\nalerts', ['list traces a="1\n2"', "alerts"]),
    ],
)
def test_it_finds_the_commands_of_a_message(said: str, commands: list[str]) -> None:
    assert commands_in(said, registry) == commands


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("list traces\nerror\nlast=15m", "list traces error last=15m"),
        ("list traces\n- error\n- last=15m", "list traces error last=15m"),
        (f"show trace\n{ID}", f"show trace {ID}"),
        ("show\nalerts", "show alerts"),
        ("what is wrong with petstore?\nit is slow", "what is wrong with petstore? it is slow"),
        ('list traces a="x\nalerts"', 'list traces a="x\nalerts"'),
        ("alerts\n:pray:\n", "alerts"),
        ("1. alerts", "alerts"),
        ("", ""),
        ("\n", ""),
        ("alerts\n" * (MOST_LINES + 1), " ".join(["alerts"] * (MOST_LINES + 1))),
    ],
)
def test_it_leaves_one_command_whole(said: str, command: str) -> None:
    assert commands_in(said, registry) == [command]


def test_it_reads_slacks_lists() -> None:
    items = [
        {"type": "rich_text_section", "elements": [text(line)]} for line in ("alerts", "overview")
    ]
    event = rich(MENTION, text(" please check:\n"))
    event["blocks"][0]["elements"].append({"type": "rich_text_list", "elements": items})
    assert commands_in(typed(event, BOT_USER), registry) == ["alerts", "overview"]


def test_a_text_that_is_too_long_is_not_taken_apart() -> None:
    [whole] = commands_in("alerts\nversion " + "a" * 4_000, registry)
    assert len(whole) > 4_000


async def test_it_answers_three_reads_in_order_and_offers_the_rest(caller: Actor) -> None:
    lines = ["help", "help alerts", "help version", "help overview", "help sampling"]
    *answered, left = await answer_each(Message(caller, ""), lines, registry)
    assert [reply.summary.partition(":")[0].split()[0] for reply in answered] == [
        "Commands", "alerts", "version",
    ]  # fmt: skip
    assert left.summary == f"I answer {MOST_READS} commands of a message, 2 left"
    assert [each.line for each in left.follow_ups] == lines[3:]


async def test_it_makes_no_change_of_several_commands(caller: Actor) -> None:
    lines = ["change sampling always now", "help", "sampling off", "apply 3f9a1c7e2b"]
    answered, left = await answer_each(Message(caller, ""), lines, registry)
    assert answered.summary == "Commands"
    assert left.summary == "3 changes not made: I ask for each one separately"
    assert [each.line for each in left.follow_ups] == [lines[0], *lines[2:]]


@pytest.mark.django_db(transaction=True)
async def test_it_refuses_a_stranger_once(caller: Actor) -> None:
    stranger = replace(Message(caller, ""), stranger="you are a guest")
    [refused] = await answer_each(stranger, ["help", "alerts"], registry)
    assert refused.summary == "I cannot help you: you are a guest"
