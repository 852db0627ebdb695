"""Follow-ups in a conversation: they are read as whole lines, said, and never change anything."""

import pytest

from bot.console import Conversation
from ops.actor import Actor
from tests.bot.conftest import Backends, cells
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger, span, trace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ids(backends: Backends) -> list[str]:
    """Three traces of the petstore, the newest first; the second failed."""
    jaeger: FakeJaeger = backends.jaeger
    found = [
        jaeger.add(trace(span("petstore", name, error=error)))
        for name, error in (("Third", None), ("Second", "no"), ("First", None))
    ]
    return found[::-1]


async def lines(actor: Actor, *texts: str) -> list[str]:
    """Return the first words of the answers in one conversation."""
    talk = Conversation(actor)
    return [(await talk.answer(text)).summary for text in texts]


def read_as(summary: str) -> str:
    """Return the line that an answer says it was read as."""
    assert summary.startswith("Read as `"), summary
    return summary.split("`")[1]


@ANY_JAEGER
@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["list traces petstore", "and with errors?"], "list traces service=petstore error"),
        (["list traces petstore error", "last 6h"], "list traces service=petstore error last=6h"),
        (["list traces petstore last=1h", "only errors", "since 3 hours ago"], None),
        (
            ["list traces petstore last=1h", "what about store?"],
            "list traces last=1h service=store",
        ),
        (["alerts petstore", "only pending"], "alerts petstore pending"),
        (["version petstore", "and store?"], "version store"),
        (["alerts petstore", "errors"], "list traces error"),
        (["help", "health"], "overview"),
        (["alerts severity=critical", "warning alerts"], "alerts warning"),
        (["list traces petstore", "its version"], "version petstore"),
        (["version petstore", "and alerts?"], "alerts petstore"),
    ],
)
async def test_it_adds_to_the_line_before(
    viewer: Actor, ids: list[str], texts: list[str], line: str | None
) -> None:
    said = read_as((await lines(viewer, *texts))[-1])
    if line is None:
        assert said.startswith("list traces service=petstore error ")
        assert "last=1h" not in said
    else:
        assert said == line


@ANY_JAEGER
async def test_it_opens_the_items_of_a_list_and_what_belongs_to_them(
    viewer: Actor, backends: Backends, ids: list[str]
) -> None:
    talk = Conversation(viewer)
    listed = await talk.answer("list traces petstore")
    ordered = [line.rpartition(" ")[2] for line in listed.items]
    assert sorted(ordered) == sorted(ids)
    second = (await talk.answer("the second one")).summary
    assert read_as(second) == f"show trace {ordered[1]}"
    assert read_as((await talk.answer("its logs")).summary) == f"show logs {ordered[1]}"
    assert read_as((await talk.answer("again")).summary) == f"show logs {ordered[1]}"


@ANY_JAEGER
async def test_a_whole_command_stands_for_itself(
    viewer: Actor, backends: Backends, ids: list[str]
) -> None:
    talk = Conversation(viewer)
    await talk.answer("list traces petstore error last=6h")
    assert (await talk.answer("list traces")).summary.startswith("3 traces")
    assert cells(await talk.answer("help"))


@ANY_JAEGER
async def test_what_is_no_follow_up_changes_nothing_of_the_conversation(
    viewer: Actor, backends: Backends
) -> None:
    talk = Conversation(viewer)
    await talk.answer("list traces petstore")
    for text in ("hi", "the 9th one", "hello is it me you are looking for", "show trace zzz"):
        assert not (await talk.answer(text)).summary.startswith("Read as `list traces")
        assert talk.about is not None
        assert talk.about.line == "list traces petstore"


async def test_no_follow_up_makes_a_change(operator: Actor, backends: Backends) -> None:
    talk = Conversation(operator)
    card = await talk.answer("change sampling petstore 10%")
    assert card.card
    for text in ("apply", "again", "and now 20%", "the first one", "undo it"):
        await talk.answer(text)
    assert [each.told for each in backends.instances] == [[], [], []]
