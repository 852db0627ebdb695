"""What people probably meant is offered to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import registry
from bot.registry import Message, Registry, command
from bot.replies import Reply
from bot.sayings import SAYINGS
from bot.suggestions import nearest
from bot.text import normalise


async def first(message: Message, rest: str) -> Reply:
    return Reply(f"first {rest}")


@pytest.fixture
def near() -> Registry:
    registry = Registry()
    registry.add(
        command(
            r"list traces(?: (.+))?|traces(?: .+)?",
            "list traces",
            summary="summary",
            examples=("go",),
        )(first)
    )
    registry.add(
        command(
            r"change sampling(?: (.+))?", "change sampling", summary="summary", examples=("go",)
        )(first)
    )
    registry.add(
        command(r"sampling(?: (.+))?", "sampling", summary="summary", examples=("go",))(first)
    )
    registry.add(command(r"alerts(?: (.+))?", "alerts", summary="summary", examples=("go",))(first))
    registry.default(first)
    return registry


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("lst trace Error  a=b", "list traces Error a=b"),
        ("listtraces error", "list traces error"),
        ("list of traces", "list traces"),
        ("tracs error", "list traces error"),
        ("chang sampling 20%", "change sampling 20%"),
        ("set sampling 20%", "change sampling 20%"),
        ("alrts severity=page", "alerts severity=page"),
        ("could you list traces error", "list traces error"),
        ("show me the alerts", "alerts"),
        ("could you please show me traces", "traces"),
        ("a b c d e f alerts", ""),
        ("what is going on here", ""),
        ("hello", ""),
        ("", ""),
        ("x" * 4_000, ""),
    ],
)
def test_it_knows_the_line_that_was_probably_meant(near: Registry, said: str, meant: str) -> None:
    assert nearest(near, said) == meant


@pytest.mark.parametrize(("saying", "meant"), SAYINGS.items())
def test_it_knows_what_people_mean_by_each_saying(saying: str, meant: str) -> None:
    line = nearest(registry, saying)
    assert line == " ".join(meant.replace("{}", "").split())
    assert nearest(registry, f"please {saying}") == line


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("errors petstore", "list traces petstore error"),
        ("show me errors", "list traces error"),
        ("what's firing", "alerts"),
        ("is anything firing", "alerts"),
        ("sample petstore 10%", "change sampling petstore 10%"),
        ("turn sampling up to 50%", "change sampling to 50%"),
        ("change samplng 10%", "change sampling 10%"),
        ("undo petstore", "undo sampling petstore"),
        ("udno", "undo sampling"),
        ("undo sampilng petstore", "undo sampling petstore"),
        ("revrt samplng", "revert sampling"),
        ("who changd sampling", "sampling history"),
    ],
)
def test_it_knows_what_is_near_a_saying(said: str, meant: str) -> None:
    assert nearest(registry, said) == meant


@given(st.text())
def test_it_suggests_only_what_a_command_understands(said: str) -> None:
    line = nearest(registry, normalise(said))
    assert not line or registry.find(line)[0].name
