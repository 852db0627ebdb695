import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import registry
from bot.registry import Command, Handler, Message, Registry, RegistryError, command
from bot.replies import Reply
from bot.text import normalise
from ops.actor import Actor
from ops.errors import InvalidInput, OpsError


async def first(message: Message, rest: str) -> Reply:
    return Reply(f"first {rest}")


async def second(message: Message, rest: str) -> Reply:
    return Reply(f"second {rest}")


async def default(message: Message, text: str) -> Reply:
    return Reply(f"default {text}")


def registered(registry: Registry, pattern: str, handler: Handler = first, *examples: str) -> None:
    made = command(pattern, "name", summary="summary", examples=examples or ("go on",))
    registry.add(made(handler))


async def answered(registry: Registry, caller: Actor, text: str) -> str:
    return (await registry.answer(Message(caller, text))).summary


async def test_it_lets_the_first_match_win(caller: Actor) -> None:
    registry = Registry()
    registered(registry, r"go (.+)")
    registered(registry, r"go on", second)
    registry.default(default)
    assert await answered(registry, caller, "go on") == "first on"
    assert await answered(registry, caller, "GO ON") == "first ON"


async def test_it_gives_everything_else_to_the_default(caller: Actor) -> None:
    registry = Registry()
    registered(registry, r"go(?: (.+))?")
    registry.default(default)
    assert await answered(registry, caller, "going") == "default going"
    assert await answered(registry, caller, "let us go") == "default let us go"
    assert await answered(registry, caller, "go") == "first "


def test_it_refuses_a_second_default() -> None:
    registry = Registry()
    registry.default(default)
    with pytest.raises(RegistryError, match="second is a second default handler"):
        registry.default(second)


def test_it_refuses_to_start_without_a_default() -> None:
    with pytest.raises(RegistryError, match="no default"):
        Registry().check()


def test_it_refuses_to_start_when_an_example_reaches_another_handler() -> None:
    registry = Registry()
    registered(registry, r"go (.+)")
    registered(registry, r"go on", second, "go on")
    registry.default(default)
    with pytest.raises(RegistryError, match='the example "go on" does not reach "name"'):
        registry.check()


def test_it_refuses_to_start_when_an_example_reaches_nothing() -> None:
    registry = Registry()
    registered(registry, r"go (.+)", first, "stop")
    registry.default(default)
    with pytest.raises(RegistryError, match='"stop" does not reach'):
        registry.check()


def test_it_refuses_to_start_with_a_command_that_has_no_example() -> None:
    registry = Registry()
    registry.add(command(r"go", "go", summary="go", examples=())(first))
    registry.default(default)
    with pytest.raises(RegistryError, match='"go" has no example'):
        registry.check()


def test_it_refuses_a_pattern_with_two_groups() -> None:
    with pytest.raises(RegistryError, match="more than one group"):
        registered(Registry(), r"(go) (.+)")


async def number(message: Message, rest: str) -> int:
    if not rest.isdecimal():
        raise InvalidInput(f'"{rest}" is not a number')
    return int(rest)


async def counted(message: Message, number: int) -> Reply:
    return Reply(f"{number} steps")


async def test_it_parses_the_words_and_asks_for_help_with_those_that_a_command_refuses(
    caller: Actor,
) -> None:
    async def helper(message: Message, command: Command, problem: OpsError) -> Reply:
        return Reply(f"help with {message.text} of {command.name}: {problem}")

    registry = Registry()
    made = command(r"go (.+)", "go", parse=number, summary="summary", examples=("go 1",))
    registry.add(made(counted))
    registry.default(default)
    assert await answered(registry, caller, "go 3") == "3 steps"
    assert await answered(registry, caller, "go on") == 'Not understood: "on" is not a number'
    registry.helps(helper)
    assert (
        await answered(registry, caller, "go on") == 'help with go on of go: "on" is not a number'
    )


async def test_it_turns_what_a_handler_raises_into_a_reply(
    caller: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuses(message: Message, text: str) -> Reply:
        raise InvalidInput("the limit is 2000")

    async def breaks(message: Message, rest: str) -> Reply:
        raise ZeroDivisionError("secret")

    registry = Registry()
    registry.default(refuses)
    registered(registry, r"break", breaks)
    refused = await registry.answer(Message(caller, "x"))
    assert refused.failed
    assert refused.summary == "Not understood: the limit is 2000"
    broken = await registry.answer(Message(caller, "break"))
    assert broken.failed
    assert broken.summary == "Failed: something went wrong inside OpsPortal; the log has details"
    assert "secret" in caplog.text


@pytest.mark.django_db(transaction=True)
async def test_it_tells_a_stranger_only_that(caller: Actor) -> None:
    registry = Registry()
    registry.default(default)
    reply = await registry.answer(Message(caller, "x", stranger="you are a bot"))
    assert reply.summary == "I cannot help you: you are a bot"
    assert reply.failed


@pytest.mark.parametrize("pattern", [r"(go) \1", r"go(?= on)", r"(go"])
def test_it_refuses_a_pattern_that_may_take_long(pattern: str) -> None:
    with pytest.raises(RegistryError, match='the pattern of "name" is not RE2'):
        registered(Registry(), pattern)


def test_it_looks_at_a_text_once_whatever_it_is() -> None:
    """RE2 takes at most as many steps as letters in the text times the size of its program."""
    for each in registry.commands:
        assert each.pattern.programsize < 100, each.name


@given(st.text(max_size=50).map(lambda said: said * 80))
def test_it_finds_a_command_or_the_default_for_anything(said: str) -> None:
    command, rest = registry.find(normalise(said[:4_000]))
    assert command in registry.commands or command is registry.fallback
    assert isinstance(rest, str)
