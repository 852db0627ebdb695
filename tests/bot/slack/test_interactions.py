"""Buttons, /ops and the Home tab: recorded, answered once, each in its place."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from bot import console
from bot.models import ReceivedEvent, State
from bot.slack.event_store import write
from bot.slack.interactions import SLASH, as_event
from bot.slack.jobs import new_job
from bot.text import clean
from ops.actor import Actor, Door
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.vocabulary.timerange import MINUTE, now_ns
from tests.bot.conftest import SITES, Backends, Workspace, another_bot
from tests.bot.slack.test_delivery import until_ended
from tests.conftest import SiteFile
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, span, trace
from tests.fakes.slack import ALICE, CHANNEL, DIRECT, FakeSlack, Fault, Post

pytestmark = pytest.mark.django_db(transaction=True)
STRANGER = "U0EVE0001"


NAMES = st.sampled_from(
    ["type", "user", "id", "actions", "value", "container", "message_ts", "is_ephemeral", "event",
     "user_id", "channel_id", "text", "response_url", "trigger_id", "team", "message", "channel"]
)  # fmt: skip
SHAPES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["block_actions", "app_home_opened", "\ud800", "x" * 500]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(st.sampled_from(["interactive", "slash_commands", "events_api"]), SHAPES)
def test_no_shape_is_too_strange(kind: str, payload: Any) -> None:
    event = as_event({"type": kind, "envelope_id": "e", "payload": payload})
    if event is not None:
        assert isinstance(clean(event["event"], "U0OPSBOT1"), str)
        assert event["event"]["user"]
        assert event["event"]["once"]


async def listed(slack: FakeSlack, backends: Backends) -> tuple[Post, str]:
    """Ask for a list of one trace in a channel; return it and the trace's ID."""
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets", error="no pets")))
    await slack.mention(ALICE, "list traces")
    [post] = await slack.posted(1)
    return post, trace_id


@ANY_JAEGER
async def test_it_answers_a_button_in_the_thread_as_if_it_was_typed(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post, _ = await listed(slack, backends)
    pressed = await slack.press(ALICE, post, "Open the first")
    await pressed.acknowledged()
    answer = (await slack.posted(2))[1]
    assert answer.shown.startswith("petstore AddPets: 10 ms, 1 error in AddPets: no pets")
    assert (answer.channel, answer.thread_ts) == (CHANNEL, post.thread_ts)
    await slack.press(ALICE, answer, "Logs")
    logs = (await slack.posted(3))[2]
    assert logs.shown.startswith("No log lines in petstore AddPets")
    assert logs.thread_ts == post.thread_ts
    assert slack.violations == []


@EITHER_JAEGER
async def test_a_list_leads_to_its_traces_their_logs_and_older_ones(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    first, second = (
        backends.jaeger.add(trace(span("petstore", name, start=now_ns() - minutes * MINUTE)))
        for name, minutes in (("older", 9), ("newer", 8))
    )
    await slack.mention(ALICE, "list traces limit=1")
    [post] = await slack.posted(1)
    for label, shown in (
        ("Open the first", "petstore newer: "),
        ("Logs of the first", "No log lines in petstore newer"),
        ("Older", "1 trace, none failed"),
    ):
        await slack.press(ALICE, post, label)
        answer = (await slack.posted(len(slack.posts) + 1))[-1]
        assert answer.shown.startswith(shown)
    assert second in post.shown
    assert first in answer.shown


@ANY_JAEGER
async def test_it_answers_a_press_once_however_often_it_comes(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post, _ = await listed(slack, backends)
    async with another_bot(slack):
        pressed = await slack.press(ALICE, post, "Open the first")
        for attempt in (0, 0, 1):
            await (await slack.redeliver(pressed, attempt)).acknowledged()
        await slack.posted(2)
        await slack.press(ALICE, post, "Open the first")
        await slack.posted(3)
        await until_ended(3)
    assert len(slack.posts) == 3, "the list, and each press"
    states = await in_database(lambda: list(ReceivedEvent.objects.values_list("state", flat=True)))
    assert states == [State.ANSWERED] * 3


@ANY_JAEGER
async def test_it_lets_nobody_do_more_by_a_button(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post, _ = await listed(slack, backends)
    slack.users[STRANGER] = {**slack.users[ALICE], "id": STRANGER}
    pressed = await slack.press(STRANGER, post, "Open the first")
    answer = (await slack.posted(2))[1]
    assert answer.shown.startswith("I cannot help you: your Slack account is not linked")
    entry = await in_database(AuditEntry.objects.get)
    assert entry.outcome == "denied"
    assert entry.record["origin"]["slack_user"] == STRANGER
    assert entry.record["origin"]["ts"] == post.ts
    assert entry.record["origin"]["event_id"] == pressed.envelope["payload"]["trigger_id"]


@ANY_JAEGER
async def test_it_answers_the_command_to_whoever_typed_it_alone(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    backends.jaeger.add(trace(span("petstore", "AddPets")))
    typed = await slack.slash(ALICE, "list traces petstore", channel="C0OTHER01")
    await typed.acknowledged()
    [whisper] = await slack.whispered(1)
    assert whisper.shown.startswith("1 trace, none failed, for service=petstore")
    assert (whisper.channel, whisper.thread_ts) == ("C0OTHER01", ALICE)
    await slack.press(ALICE, whisper, "Open the first")
    again = (await slack.whispered(2))[1]
    assert again.shown.startswith("petstore AddPets: 10 ms, no errors")
    await until_ended(2)
    assert slack.posts == []
    assert slack.violations == []


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault(reset=True), State.UNKNOWN),
        (Fault(status=500), State.UNKNOWN),
        (Fault("expired_url", status=404), State.FAILED),
    ],
)
async def test_it_gives_up_an_answer_to_one_person_as_any_other(
    slack: FakeSlack, alice: User, fault: Fault, state: State
) -> None:
    slack.fail("response_url", fault)
    await slack.slash(ALICE, "help")
    await until_ended(1)
    assert (await in_database(ReceivedEvent.objects.get)).state == state
    assert slack.whispers == []


async def test_it_says_lines_to_one_person_where_tables_are_refused(
    slack: FakeSlack, alice: User
) -> None:
    slack.lacks = {"table"}
    await slack.slash(ALICE, "help")
    [whisper] = await slack.whispered(1)
    assert [block["type"] for block in whisper.blocks] == ["rich_text", "actions"]
    assert "help\n  list the commands" in whisper.shown
    assert slack.violations == ["response_url: invalid_blocks"]


async def test_it_says_text_alone_to_one_person_where_blocks_are_refused(
    slack: FakeSlack, alice: User
) -> None:
    slack.fail("response_url", *[Fault("invalid_blocks", status=400)] * 2)
    await slack.slash(ALICE, "help")
    [whisper] = await slack.whispered(1)
    assert whisper.blocks == []
    assert whisper.shown.startswith("Commands")
    assert slack.calls[-1][1]["mrkdwn"] is False, "as in a message"


@ANY_JAEGER
async def test_it_shows_the_overview_and_the_persons_rights_at_home(
    slack: FakeSlack, alice: User
) -> None:
    await (await slack.open_home(ALICE)).acknowledged()
    home = await slack.published(ALICE)
    assert home.shown.startswith("Nothing is firing, petstore runs 2 versions")
    assert "You are alice and can see traces" in home.shown
    assert "change sampling policies" in home.shown
    await slack.open_home(ALICE)
    await slack.published(ALICE, 2)
    await (await slack.open_home(ALICE, tab="messages")).acknowledged()
    await slack.press(ALICE, home, "Versions")
    [post] = await slack.posted(1)
    assert (post.channel, post.thread_ts) == (DIRECT, "")
    assert post.shown.startswith("2 services, several versions of petstore")
    assert len(slack.homes[ALICE]) == 2
    assert slack.violations == []


@ANY_JAEGER
async def test_it_shows_text_alone_at_home_where_blocks_are_refused(
    slack: FakeSlack, alice: User, backends: Backends, site_file: SiteFile
) -> None:
    names = (f"service-{number}-{'x' * 40}" for number in range(60))
    more = "".join(f'[sites.demo.services.{name}]\nversion = "odd_build_info"\n' for name in names)
    site_file((SITES + more).format(**vars(backends)))
    backends.prometheus.says("odd_build_info", ({"instance": "i", "version": "<&>" * 9}, 1))
    slack.fail("views.publish", Fault("invalid_blocks"))
    await slack.open_home(ALICE)
    home = await slack.published(ALICE)
    assert [block["type"] for block in home.blocks] == ["section"]
    assert home.shown.startswith("Nothing is firing, petstore runs 2 versions")
    assert slack.violations == []


async def test_it_says_at_home_how_a_stranger_is_linked(slack: FakeSlack) -> None:
    await slack.open_home(ALICE)
    home = await slack.published(ALICE)
    assert home.shown.startswith("I cannot help you: your Slack account is not linked")
    assert ALICE in home.shown
    await slack.press(ALICE, home, "Link")
    [post] = await slack.posted(1)
    assert post.channel == DIRECT
    assert "code" in post.shown


async def test_it_whispers_a_code_where_the_command_asks(slack: FakeSlack) -> None:
    await slack.slash(ALICE, "link")
    [whisper] = await slack.whispered(1)
    assert (whisper.channel, whisper.thread_ts) == (CHANNEL, ALICE)
    assert "code" in whisper.shown


async def test_it_says_a_code_directly_where_a_button_asks(slack: FakeSlack) -> None:
    await slack.mention(ALICE, "help")
    [refusal] = await slack.posted(1)
    await slack.press(ALICE, refusal, "Link")
    directly, said = (await slack.posted(3))[1:]
    assert (directly.channel, said.channel) == (DIRECT, CHANNEL)
    assert said.shown == "I sent you a direct message"


async def test_it_offers_what_was_probably_meant_as_a_button(slack: FakeSlack, alice: User) -> None:
    await slack.mention(ALICE, "turn off sampling")
    [post] = await slack.posted(1)
    assert labels(post)[0] == "sampling off"
    long = "because nobody looks at these traces and the disk of Jaeger is full"
    await slack.mention(ALICE, f"sample 10% {long}")
    line = f'change sampling 10% because="{long.removeprefix("because ")}"'
    assert labels((await slack.posted(2))[1])[0] == f"{line[:74]}…"
    slack.posts.pop()
    await slack.press(ALICE, post, "sampling off")
    assert (await slack.posted(2))[1].shown.startswith("Change sampling of petstore: ")
    await slack.press(ALICE, post, "Help")
    assert (await slack.posted(3))[2].shown.startswith("Commands")


async def test_it_answers_a_command_that_a_killed_process_has_left(
    workspace: Workspace, alice: User
) -> None:
    slack = FakeSlack()
    then = timezone.now() - timedelta(minutes=1)
    async with workspace(slack):
        typed = await slack.slash(ALICE, "help")
        await slack.whispered(1)
        await until_ended(1)
        row = await in_database(ReceivedEvent.objects.get)
        assert (row.kind, row.payload) == (SLASH, ""), "the address is forgotten"
        event = as_event(typed.envelope)
        assert event is not None
        left = new_job({**event, "event_id": "1.2.x"}, "killed", then).row
        left.ts = "1.2.x"
        await in_database(write, [left], {}, then)
        async with another_bot(slack):
            again = (await slack.whispered(2))[1]
    assert again.shown.startswith("Commands")


@pytest.mark.parametrize(
    "envelope",
    [
        {"type": "interactive", "payload": {"type": "view_submission"}},
        {"type": "interactive", "payload": {"type": "block_actions", "actions": []}},
        {"type": "interactive", "payload": {"type": "block_actions", "actions": [7], "user": []}},
        {
            "type": "interactive",
            "payload": {
                "type": "block_actions",
                "user": {"id": ALICE},
                "actions": [{"type": "button", "url": "https://example.com"}],
            },
        },
        {"type": "slash_commands", "payload": {"user_id": {}, "text": 7}},
        {"type": "slash_commands", "payload": [1]},
        {"type": "events_api", "payload": {"event": {"type": "app_home_opened"}}},
        {"type": "something_new", "payload": {"event": {}}},
    ],
)
async def test_it_acknowledges_what_is_nothing_to_do(
    slack: FakeSlack, envelope: dict[str, Any]
) -> None:
    assert as_event(envelope) is None
    await (await slack.send(envelope)).acknowledged()
    assert await in_database(ReceivedEvent.objects.count) == 0


def at_any_time(text: str) -> list[str]:
    """Return the words of a text without its times."""
    return re.sub(r"\d\d:\d\d:\d\d", "…", text).split()


@ANY_JAEGER
@pytest.mark.parametrize(
    "line",
    [
        "help",
        "HELP list traces",
        "version petstore",
        "versoin petstore",
        "chang sampling 20%",
        "list trace no=such",
        "show trace",
        "overview",
        "what is going on",
        "",
    ],
)
async def test_it_says_the_same_wherever_it_is_asked(
    slack: FakeSlack, alice: User, backends: Backends, line: str
) -> None:
    """In a mention, a direct message, /ops, a button and the console."""
    await slack.mention(ALICE, line)
    [mentioned] = await slack.posted(1)
    await slack.direct(ALICE, line)
    direct = (await slack.posted(2))[1]
    await slack.slash(ALICE, line)
    [whisper] = await slack.whispered(1)
    said = [mentioned, direct, whisper]
    if line:
        slack.posts.append(button_for(line, mentioned))
        await slack.press(ALICE, slack.posts[-1], "Again")
        said.append((await slack.posted(4))[3])
    user = await in_database(User.objects.get)
    reply = await console.answer(Actor(user.pk, user.get_username(), Door.CONSOLE), line)
    words = at_any_time(reply.summary)
    assert [at_any_time(each.shown)[: len(words)] for each in said] == [words] * len(said)
    assert [labels(each) for each in said] == [labels(mentioned)] * len(said)
    assert slack.violations == []


def button_for(line: str, post: Post) -> Post:
    """Return a post in another's thread, with a button for a line."""
    button = {
        "type": "button",
        "action_id": "line_0",
        "text": {"type": "plain_text", "text": "Again"},
        "value": line,
    }
    blocks = [{"type": "actions", "elements": [button]}]
    return Post(post.channel, post.thread_ts, f"{post.ts}9", "", blocks)


def labels(post: Post) -> list[str]:
    """Return the labels of a post's buttons."""
    elements = [each for block in post.blocks for each in block.get("elements", [])]
    return [each["text"]["text"] for each in elements if each["type"] == "button"]
