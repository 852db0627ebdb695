"""From "link" in Slack, through the code and the dashboard, to the first answer."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient
from django.utils import timezone
from pytest_django import Settings

from ops.accounts.linking import PAUSE
from ops.accounts.models import Identity, LinkCode
from ops.audit.models import AuditEntry
from ops.database import in_database
from tests.conftest import Person
from tests.dashboard.conftest import logged_in
from tests.dashboard.places import field, heading, text
from tests.fakes.slack import ALICE, CHANNEL, DIRECT, TEAM, FakeSlack, Fault, Post
from tests.fakes.slack import person as slack_user

ENTER, LINK = "/account/slack/", "/account/slack/link/"
KEY = f"{TEAM}/{ALICE}"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(person: Person) -> AsyncClient:
    """A browser in which Olga is logged in."""
    return logged_in(person("olga", "viewers"))


def code_in(post: Post) -> str:
    found = re.search(r"Your code is (\w{4}-\w{4})", post.shown)
    assert found, post.shown
    return found[1]


async def audit() -> list[tuple[str, str, str, str]]:
    def read() -> list[tuple[str, str, str, str]]:
        rows = AuditEntry.objects.order_by("seq")
        return [(row.actor, row.action, row.target, row.outcome) for row in rows]

    return await in_database(read)


async def test_it_links_who_asks_in_a_channel_and_enters_the_code(
    slack: FakeSlack, browser: AsyncClient
) -> None:
    await slack.mention(ALICE, "link")
    direct, pointer = await slack.posted(2)
    assert (direct.channel, direct.thread_ts) == (DIRECT, "")
    assert (pointer.channel, pointer.shown) == (CHANNEL, "I sent you a direct message")
    code = code_in(direct)

    page = await browser.post(ENTER, {"code": code})
    assert heading(page) == "Link alice to your account?"
    assert "alice in Acme → olga" in text(page)
    assert f"{ALICE} in workspace {TEAM}" in text(page)
    assert not await in_database(Identity.objects.exists)

    answer = await browser.post(LINK, {"code": field(page, "code"), "account": KEY})
    page = await browser.get(answer["Location"])
    assert heading(page) == "1 Slack account linked"
    assert f"alice {ALICE} Acme {TEAM}" in text(page)

    await slack.mention(ALICE, "change sampling always")
    *_, post = await slack.posted(3)
    assert "Not permitted: olga is not allowed to do this" in post.shown
    assert await audit() == [
        (f"alice ({ALICE})", "accounts.give_code", f"identity/{KEY}", "ok"),
        ("olga", "accounts.link", f"identity/{KEY}", "started"),
        ("olga", "accounts.link", f"identity/{KEY}", "ok"),
        ("olga", "sampling.change_policy", "", "denied"),
    ]
    assert slack.violations == []


async def test_it_answers_in_place_where_nobody_else_reads(slack: FakeSlack) -> None:
    await slack.direct(ALICE, "link")
    [post] = await slack.posted(1)
    assert post.channel == DIRECT
    assert code_in(post)
    assert "conversations.open" not in [name for name, _ in slack.calls]


async def test_it_links_to_the_page_with_the_code_filled_in(
    slack: FakeSlack, browser: AsyncClient, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"
    await slack.direct(ALICE, "link")
    [post] = await slack.posted(1)
    address = post.blocks[0]["elements"][-1]["elements"][0]["url"]
    code = code_in(post)
    assert address == f"https://ops.example.com/account/slack/?code={code}"

    page = await AsyncClient().get(address.removeprefix("https://ops.example.com"))
    assert page["Location"] == f"/account/login/?next=/account/slack/%3Fcode%3D{code}"
    page = await browser.get(f"/account/slack/?code={code}")
    assert field(page, "code") == code
    assert heading(page) == "No Slack account linked"
    assert not await in_database(Identity.objects.exists), "following a link changes nothing"


async def test_a_strangers_refusal_says_what_to_do(slack: FakeSlack) -> None:
    await slack.mention(ALICE, "alerts")
    [post] = await slack.posted(1)
    lines = post.shown.split("\n")
    assert lines[0] == "I cannot help you: your Slack account is not linked to an OpsPortal user"
    assert lines[1].startswith('Write "link" to me and I will send you a code')
    assert lines[2].endswith(f"in admin with user ID {ALICE} and workspace ID {TEAM}.")


@pytest.mark.parametrize(
    "differently",
    [
        {"is_bot": True},
        {"deleted": True},
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"team_id": "T0OTHER01"},
    ],
)
async def test_it_gives_no_code_to_who_can_be_nobody_here(
    slack: FakeSlack, differently: dict[str, Any]
) -> None:
    slack.users[ALICE] = slack_user(ALICE, "alice", **differently)
    await slack.mention(ALICE, "link")
    [post] = await slack.posted(1)
    assert post.shown.startswith("I cannot help you: you")
    assert not await in_database(LinkCode.objects.exists)
    assert [(action, outcome) for _, action, _, outcome in await audit()] == [
        ("bot.link", "denied")
    ]


async def test_it_gives_no_code_to_who_was_deactivated_here(slack: FakeSlack, alice: User) -> None:
    await in_database(User.objects.filter(pk=alice.pk).update, is_active=False)
    await slack.direct(ALICE, "link")
    [post] = await slack.posted(1)
    assert post.shown.startswith("I cannot help you: your account here is deactivated")
    assert not await in_database(LinkCode.objects.exists)


async def test_it_has_nothing_to_link_for_who_is_somebody(slack: FakeSlack, alice: User) -> None:
    await slack.mention(ALICE, "link")
    [post] = await slack.posted(1)
    assert post.shown == "You already act as alice here; there is nothing to link"


async def test_it_gives_a_new_code_only_after_a_while(slack: FakeSlack) -> None:
    await slack.direct(ALICE, "link")
    [first] = await slack.posted(1)
    await slack.direct(ALICE, "link")
    _, second = await slack.posted(2)
    assert "you got a code by direct message less than a minute ago" in second.shown
    await in_database(LinkCode.objects.update, made=timezone.now() - PAUSE)
    await slack.direct(ALICE, "link my account")
    *_, third = await slack.posted(3)
    assert code_in(third) != code_in(first)
    assert await in_database(LinkCode.objects.count) == 1, "the first one is of no use any more"


async def test_it_keeps_no_code(slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await slack.direct(ALICE, "link")
    [post] = await slack.posted(1)
    code = code_in(post)
    rows = str(await in_database(lambda: list(LinkCode.objects.values())))
    rows += str(await in_database(lambda: [row.text for row in AuditEntry.objects.all()]))
    for kept in (rows, caplog.text):
        assert code not in kept
        assert code.replace("-", "") not in kept


@pytest.mark.parametrize(
    "fault", [Fault("missing_scope"), Fault(status=500), Fault("ratelimited", status=429)]
)
async def test_it_shows_no_code_where_others_read_when_it_cannot_write_directly(
    slack: FakeSlack, fault: Fault
) -> None:
    slack.fail("conversations.open", fault)
    await slack.mention(ALICE, "link")
    [post] = await slack.posted(1)
    assert post.channel == CHANNEL
    assert post.shown.startswith("I could not send you a direct message (")
    assert "Your code" not in post.shown


async def test_it_says_that_it_does_not_know_whether_a_direct_message_came(
    slack: FakeSlack,
) -> None:
    slack.fail("chat.postMessage", Fault(reset=True))
    await slack.mention(ALICE, "link")
    [post] = await slack.posted(1)
    assert post.shown.startswith("My direct message may not have reached you")


async def test_it_shows_a_name_as_one_harmless_line(slack: FakeSlack, browser: AsyncClient) -> None:
    name = "<!channel>\u202egro\n<b>olga</b>" + "x" * 200
    slack.users[ALICE]["profile"]["display_name"] = name
    await slack.direct(ALICE, "link")
    [post] = await slack.posted(1)
    page = await browser.post(ENTER, {"code": code_in(post)})
    assert page.status_code == 200
    assert "<b>olga" not in page.content.decode()
    assert "\u202e" not in page.content.decode()
