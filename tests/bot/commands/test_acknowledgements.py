"""Having an alert from a chat."""

import re

import pytest

from bot.console import Conversation
from bot.replies import Reply
from ops.actor import Actor
from tests.bot.conftest import Backends, said
from tests.conftest import Person, actor_of
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def deep(backends: Backends) -> None:
    deep = (alert("QueueDeep", severity="page", pod=pod) for pod in ("one", "two"))
    backends.prometheus.rule("QueueDeep", *deep)
    backends.prometheus.rule("SlowSearch", alert("SlowSearch", severity="warning"))


@pytest.fixture
def mia(person: Person) -> Actor:
    return actor_of(person("mia", "operators"))


def buttons(reply: Reply) -> list[tuple[str, str]]:
    return [(each.label, each.line) for each in reply.follow_ups]


async def id_of(actor: Actor, line: str) -> str:
    [found] = re.findall("[0-9a-f]{20}", " ".join((await said(actor, line)).items))
    return str(found)


async def test_somebody_has_it_and_everybody_reads_that(operator: Actor, viewer: Actor) -> None:
    listed = await said(viewer, "alerts")
    assert buttons(listed)[0] == ("I have QueueDeep", "ack QueueDeep")

    done = await said(operator, 'i have QueueDeep for=1h because="looking at the store"')

    assert re.match("olga has all QueueDeep alerts until .* UTC", done.summary)
    assert done.notes == ("Note: looking at the store",)
    assert buttons(done)[0] == ("Give back", "give back QueueDeep")
    again = await said(viewer, "alerts QueueDeep")
    assert "olga has it" in again.rows[0].below
    assert not [line for _, line in buttons(again) if line.startswith("ack")]


async def test_a_note_and_an_end_are_changed_one_by_one(operator: Actor) -> None:
    await said(operator, 'ack QueueDeep for=1h because="looking"')

    noted = await said(operator, 'ack QueueDeep because="DB-212"')
    longer = await said(operator, "ack QueueDeep until=23:59")
    until_resolved = await said(operator, "ack QueueDeep permanent")

    assert re.match("olga has all QueueDeep alerts until .* UTC", noted.summary)
    assert noted.notes == longer.notes == until_resolved.notes == ("Note: DB-212",)
    assert "23:59:00 UTC" in longer.summary
    assert until_resolved.summary == "olga has all QueueDeep alerts until they resolve"


async def test_one_alert_has_the_button_and_says_who_has_it(operator: Actor, viewer: Actor) -> None:
    one = await id_of(operator, "alerts pod=one")
    shown = await said(viewer, f"show alert {one}")
    assert buttons(shown)[0] == ("I have it", f"ack {one}")

    await said(operator, f"ack {one}")

    shown = await said(viewer, f"show alert {one}")
    assert shown.notes[0].startswith("olga has it, since ")
    assert "I have it" not in dict(buttons(shown))
    assert "olga has 1 of 2" in (await said(viewer, "alerts QueueDeep")).rows[0].below


async def test_the_second_one_reads_in_a_sentence_who_has_it(operator: Actor, mia: Actor) -> None:
    await said(operator, "ack QueueDeep")

    refused = await said(mia, "ack QueueDeep")

    assert refused.failed
    assert refused.summary.endswith("olga has all QueueDeep alerts since just now")
    assert buttons(refused) == [("Take over", "take over QueueDeep")]


async def test_it_is_handed_over_taken_over_and_given_back(operator: Actor, mia: Actor) -> None:
    await said(operator, "ack QueueDeep")

    handed = await said(operator, 'hand over QueueDeep to mia because="my shift ends"')
    assert handed.summary.startswith("mia has all QueueDeep alerts until they resolve, handed over")
    assert "handed over by olga" in handed.summary
    assert (await said(operator, "give back QueueDeep")).failed
    assert not (await said(operator, "take over QueueDeep")).failed
    given = await said(operator, "give back QueueDeep")
    assert given.summary == "Nobody has all QueueDeep alerts now: olga gave it back"
    refused = await said(mia, "give back QueueDeep")
    assert refused.summary.endswith("nobody has QueueDeep")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ack", "`ack QueueDeep` or `ack SlowSearch`?"),
        ("i have it", "`ack QueueDeep` or `ack SlowSearch`?"),
        ("ack severity=~page|warning", "several alerts: QueueDeep, SlowSearch. Name one of them"),
        ("ack QueueDeep for=-1h", '"for=-1h" is not how long it lasts: write for=1h'),
        ("ack QueueDeep for=", '"for=" is not how long it lasts'),
        ("ack QueueDeep until=soonish", '"until=soonish" is not how long it lasts'),
        ("ack severity=page", "that matches 2 QueueDeep alerts; give the name alone"),
        ("ack 00000000000000000000", "no such alert is firing or pending"),
        ("ack 00000000000000000000 severity=page", "only site= can follow"),
        ("hand over QueueDeep", "who gets it?"),
        ("hand over QueueDeep to mia", "nobody has QueueDeep"),
    ],
)
async def test_it_refuses(operator: Actor, line: str, words: str) -> None:
    refused = await said(operator, line)
    assert refused.failed
    assert words in refused.summary


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("i'll take SlowSearch for an hour", "ack SlowSearch for=1h"),
        ("please assign QueueDeep to mia", "hand over QueueDeep to mia"),
    ],
)
async def test_other_words_are_offered_and_change_nothing(
    operator: Actor, mia: Actor, line: str, read: str
) -> None:
    await said(operator, "i've got QueueDeep")

    offered = await said(operator, line)

    assert read in [line for _, line in buttons(offered)]
    assert "olga has it" in (await said(mia, "alerts QueueDeep")).rows[0].below
    assert not buttons(await said(mia, "alerts SlowSearch"))[0][1].startswith("hand")


async def test_who_names_the_command_need_not_write_it_strictly(operator: Actor) -> None:
    done = await said(operator, "acknowledge the SlowSearch alert please")
    assert "olga has all SlowSearch alerts" in done.summary


async def test_after_an_alert_was_shown_i_have_it_means_that_one(
    operator: Actor, mia: Actor
) -> None:
    one = await id_of(operator, "alerts pod=one")
    talk = Conversation(operator)
    await talk.answer(f"show alert {one}")

    done = await talk.answer("I have it")

    assert "olga has QueueDeep until it resolves" in done.summary
    assert "olga has 1 of 2" in (await said(mia, "alerts QueueDeep")).rows[0].below
