"""Links to our pages get a verdict where everybody in the channel may see it, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from slack_sdk.web.async_client import AsyncWebClient

from bot.links import line_of
from bot.slack.identity import linked_actor, outsider
from bot.slack.profiles import Profiles
from bot.slack.trust import Trust
from bot.slack.unfurls import MOST_MEMBERS, Unfurls
from ops.accounts.models import Identity
from ops.database import in_database
from tests.bot.conftest import Backends, Workspace, until
from tests.conftest import Person
from tests.fakes.jaeger import span, trace
from tests.fakes.slack import (
    ALICE,
    BOT_TOKEN,
    BOT_USER,
    CHANNEL,
    SCOPES,
    TEAM,
    FakeSlack,
    Fault,
    bot_user,
)
from tests.fakes.slack import person as slack_user

pytestmark = pytest.mark.django_db(transaction=True)
BOB, EVE, OTHER_BOT = "U0BOB0001", "U0EVE0001", "U0OTHERBT"
OURS = "https://ops.example.com"
ID = "17b4f65b0d9f038e2a7bc5ea84309af2"
Link = Callable[..., Awaitable[None]]


@pytest.fixture
async def slack(settings: Settings, alice: User, link: Link) -> AsyncIterator[FakeSlack]:
    """A channel with Alice and Bob, who are linked, and another program."""
    settings.PUBLIC_URL = OURS
    await link(BOB, "viewers")
    async with FakeSlack(scopes=SCOPES | {"links:read", "links:write", "channels:read"}) as fake:
        fake.users[BOB] = slack_user(BOB, "bob")
        fake.users[OTHER_BOT] = {**bot_user(), "id": OTHER_BOT}
        fake.members[CHANNEL] = [ALICE, BOB, BOT_USER, OTHER_BOT]
        yield fake


@pytest.fixture
def link(person: Person) -> Link:
    """Link a Slack user to a new user in these groups."""

    async def link(slack_id: str, *groups: str) -> None:
        user = await in_database(person, slack_id.lower(), *groups)
        linked = {"slack_user_id": slack_id, "slack_team_id": TEAM, "user": user}
        await in_database(Identity.objects.create, **linked)

    return link


@pytest.fixture
def page(backends: Backends) -> str:
    """The address of the page of a failing trace."""
    return f"{OURS}/traces/{backends.jaeger.add(trace(span('petstore', 'AddPets', error='no')))}/"


class Looking:
    """The bot's part that looks at links."""

    def __init__(self, slack: FakeSlack, *, is_shared: bool = False) -> None:
        self.slack = slack
        self.is_shared = is_shared
        web = AsyncWebClient(BOT_TOKEN, slack.api_url, retry_handlers=[])
        self.unfurls = Unfurls(web, Profiles(web, Trust(TEAM)), BOT_USER)

    async def at(self, url: str, **event: Any) -> list[str]:
        """Look at a link that Alice shares, and return what is then shown below it."""
        channel = event.get("channel", CHANNEL)
        ts = await self.slack.say(ALICE, url, channel)
        whole = {
            "type": "link_shared", "user": ALICE, "channel": channel, "message_ts": ts,
            "links": [{"url": url}], "source": "conversations_history", **event,
        }  # fmt: skip
        for _ in range(2):  # Slack repeats events
            payload = {"team_id": TEAM, "is_ext_shared_channel": self.is_shared, "event": whole}
            self.unfurls.note({"payload": payload})
        await asyncio.gather(*self.unfurls._working)
        return [
            each["blocks"][0]["text"]["text"]
            for each in self.slack.unfurls.get((channel, ts), {}).values()
        ]

    def called(self, method: str) -> int:
        return [name for name, _ in self.slack.calls].count(method)


async def test_it_shows_the_verdict_below_a_link(slack: FakeSlack, page: str) -> None:
    looking = Looking(slack)
    for _ in range(2):
        [verdict] = await looking.at(page)
        assert verdict.startswith("petstore AddPets: ")
        assert "1 error in" in verdict
    assert (looking.called("conversations.members"), looking.called("chat.unfurl")) == (1, 2)
    assert slack.violations == []


@pytest.mark.parametrize(
    ("differently", "groups"),
    [
        ({"is_restricted": True}, ("viewers",)),
        ({"team_id": "T0OTHER01"}, ("viewers",)),
        ({}, ()),
        ({}, None),
    ],
    ids=["a guest", "from elsewhere", "without the right", "not linked"],
)
async def test_it_shows_nothing_where_somebody_may_not_see_it(
    slack: FakeSlack, page: str, link: Link, differently: Any, groups: tuple[str, ...] | None
) -> None:
    slack.users[EVE] = slack_user(EVE, "eve", **differently)
    if groups is not None:
        await link(EVE, *groups)
    slack.members[CHANNEL].append(EVE)
    assert await Looking(slack).at(page) == []
    assert slack.violations == []


async def test_it_shows_nothing_to_a_crowd(slack: FakeSlack, page: str) -> None:
    slack.members[CHANNEL] += [f"U{number:04}" for number in range(MOST_MEMBERS)]
    looking = Looking(slack)
    assert await looking.at(page) == []
    assert looking.called("users.info") == 0


async def test_it_shows_nothing_in_a_channel_shared_with_others(
    slack: FakeSlack, page: str
) -> None:
    assert await Looking(slack, is_shared=True).at(page) == []


async def test_it_shows_nothing_of_somebody_who_is_no_member(slack: FakeSlack, page: str) -> None:
    slack.members[CHANNEL].remove(ALICE)
    assert await Looking(slack).at(page) == []


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("conversations.members", Fault("missing_scope")),
        ("conversations.members", Fault(status=500)),
        ("conversations.members", Fault(body=b'{"ok": true, "members": null}')),
        ("users.info", Fault(status=500)),
        ("chat.unfurl", Fault("missing_scope")),
    ],
)
async def test_it_shows_nothing_when_slack_does_not_answer(
    slack: FakeSlack, page: str, method: str, fault: Fault
) -> None:
    slack.fail(method, fault)
    assert await Looking(slack).at(page) == []


@pytest.mark.parametrize(
    "event",
    [
        {"source": "composer"}, {"user": BOT_USER}, {"user": None}, {"links": None},
        {"links": [None, {"url": 5}, {"url": "https://elsewhere.example.com/traces/1/"}]},
    ],
)  # fmt: skip
async def test_it_does_not_even_look_at_other_links(
    slack: FakeSlack, page: str, event: dict[str, Any]
) -> None:
    looking = Looking(slack)
    assert await looking.at(page, **event) == []
    assert looking.called("conversations.members") == 0


async def test_the_bot_looks_at_what_people_share(
    workspace: Workspace, alice: User, page: str, settings: Settings
) -> None:
    settings.PUBLIC_URL = OURS
    scopes = SCOPES | {"links:read", "links:write", "channels:read"}
    async with workspace(FakeSlack(scopes=scopes)) as running:
        await (await running.share_link(ALICE, page)).acknowledged()
        await until(lambda: bool(running.unfurls))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (f"/traces/{ID}/", f"show trace {ID}"),
        (f"/traces/{ID}/?span=1#logs", f"show trace {ID}"),
        (f"/sites/demo/traces/{ID}/", f"show trace {ID} site=demo"),
        ("/alerts/3f9a1c7e2b5d48aa01c2/", "show alert 3f9a1c7e2b5d48aa01c2"),
        (f"/sites/other/traces/{ID}/", ""),
        ("/traces/", ""),
        ("/traces/a%20site=b/", ""),
        ("/traces/compare/", ""),
        ("/alerts/xyz/", ""),
        ("/no/such/page/", ""),
        ("//evil.example.com/", ""),
        ("", ""),
    ],
)
def test_it_knows_the_pages_of_traces_and_alerts(
    settings: Settings, backends: Backends, path: str, line: str
) -> None:
    settings.PUBLIC_URL = OURS
    assert line_of(OURS + path) == line
    assert line_of(f"https://ops.example.com.evil.org{path}") == ""
    settings.PUBLIC_URL = ""
    assert line_of(OURS + path) == ""


async def test_it_links_nobody_who_only_reads_along(alice: User, settings: Settings) -> None:
    settings.SLACK_MATCH_EMAIL = True
    assert await in_database(linked_actor, outsider(ALICE, TEAM, "you are a guest"), {}) is None
    assert await in_database(Identity.objects.count) == 1
