"""A silence's maker is warned of its end once: in the thread where it was made, or directly."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from django.contrib.auth.models import User

from bot.models import SilenceMessage
from bot.slack.timed_store import Said
from ops.accounts.models import Identity
from ops.database import in_database
from ops.silences import actions
from ops.vocabulary import timerange
from ops.vocabulary.matchers import parse_matchers
from ops.vocabulary.timerange import HOUR
from tests.bot.conftest import Workspace, another_bot
from tests.bot.slack.test_timed import LIMITED, LOST, REFUSED, TENDING
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.slack import ALICE, BOB, SECONDS, TEAM, FakeSlack, Fault
from tests.fakes.slack import person as slack_person
from tests.silences.conftest import Cluster, clustered
from tests.silences.passing import time_passes

pytestmark = pytest.mark.django_db(transaction=True)
SILENCE = 'silence alertname="QueueDeep" for=1h confirm'
WARNED = "The silence of QueueDeep ends in "


@pytest.fixture
async def cluster(workspace: Workspace, site_file: SiteFile) -> AsyncIterator[Cluster]:
    async with clustered(site_file) as running:
        yield running


@pytest.fixture
async def slack(workspace: Workspace, alice: User, cluster: Cluster) -> AsyncIterator[FakeSlack]:
    cluster.fires("QueueDeep")
    async with workspace(FakeSlack(), TENDING) as running:
        yield running


async def said() -> str:
    row = await in_database(SilenceMessage.objects.exclude(ts="").first)
    return row.said if row else "unknown"


async def until_said(wanted: Said) -> None:
    async with asyncio.timeout(SECONDS):
        while await said() != wanted:
            pass


async def on_a_page(user: User) -> None:
    """Alice silences QueueDeep in the browser."""
    ends = timerange.now_ns() + HOUR
    matchers = parse_matchers('alertname="QueueDeep"')
    await actions.create_silence(actor_of(user), matchers=matchers, ends_at=ends)


async def test_it_is_warned_of_in_its_thread_and_then_ends(
    slack: FakeSlack, cluster: Cluster
) -> None:
    post = await slack.ask(ALICE, SILENCE)
    assert post.shown.startswith("1 alert silenced until ")
    await until_said(Said.NOTHING)
    await time_passes(cluster, minutes=50)
    warning = (await slack.posted(2))[1]
    assert (warning.channel, warning.thread_ts) == (post.channel, post.thread_ts)
    assert warning.shown.startswith(WARNED)
    assert "Made by alice; set " in warning.shown
    assert "It hides 1 alert now." in warning.shown
    assert warning.shown.endswith("[1 hour more]")

    await time_passes(cluster, minutes=11)
    await slack.replaced(post.ts)
    assert post.shown.startswith("The silence of QueueDeep ended ")
    assert "1 hour more" not in post.shown
    await until_said(Said.ENDED)
    assert len(slack.posts) == 2
    assert slack.violations == []


@pytest.mark.parametrize("new_id", [False, True])
async def test_an_hour_more_is_one_press_and_is_warned_of_again(
    slack: FakeSlack, cluster: Cluster, new_id: bool
) -> None:
    await slack.ask(ALICE, SILENCE)
    await until_said(Said.NOTHING)
    await time_passes(cluster, minutes=50)
    warning = (await slack.posted(2))[1]
    [before] = cluster.first.silences
    cluster.first.always_replaces = new_id
    await slack.press(ALICE, warning, "1 hour more")
    longer = (await slack.posted(3))[2]
    assert longer.shown.startswith("1 alert silenced until ")
    assert ("Alertmanager gave it a new ID: " in longer.shown) is new_id
    assert (before["id"] in longer.shown.partition("in place of")[2]) is new_id
    await until_said(Said.NOTHING)
    await time_passes(cluster, minutes=58)
    again = (await slack.posted(4))[3]
    assert again.shown.startswith(WARNED)
    assert (again.channel, again.thread_ts) == (warning.channel, warning.thread_ts)


async def test_one_that_is_ended_is_not_warned_of(slack: FakeSlack, cluster: Cluster) -> None:
    post = await slack.ask(ALICE, SILENCE)
    await slack.press(ALICE, post, "End it")
    await slack.replaced(post.ts)
    assert post.shown.startswith("The silence of QueueDeep ended ")
    assert " by alice" in post.shown
    await time_passes(cluster, minutes=50)
    await until_said(Said.ENDED)
    assert len(slack.posts) == 2


async def test_one_that_was_made_on_a_page_is_warned_of_directly(
    slack: FakeSlack, cluster: Cluster, alice: User
) -> None:
    await on_a_page(alice)
    await time_passes(cluster, minutes=50)
    [warning] = await slack.posted(1)
    assert warning.channel.startswith("D")
    assert not warning.thread_ts
    assert warning.shown.startswith(WARNED)
    await until_said(Said.WARNED)
    await time_passes(cluster, minutes=11)
    await slack.replaced(warning.ts)
    assert warning.shown.startswith("The silence of QueueDeep ended ")
    assert len(slack.posts) == 1


async def test_one_that_was_made_elsewhere_is_not_warned_of(
    slack: FakeSlack, cluster: Cluster, alice: User
) -> None:
    ends = timerange.format_moment(timerange.now_ns() + 65 * timerange.MINUTE)
    cluster.first.silence("s1", ends=ends, createdBy="alice")
    await on_a_page(alice)
    await time_passes(cluster, minutes=58)
    [warning] = await slack.posted(1)
    await until_said(Said.WARNED)
    assert "QueueDeep" in warning.shown
    assert await in_database(SilenceMessage.objects.count) == 1


async def test_it_is_warned_of_once_however_many_bots_run(
    slack: FakeSlack, cluster: Cluster, alice: User
) -> None:
    await on_a_page(alice)
    post = await slack.ask(ALICE, SILENCE)
    async with another_bot(slack, TENDING), another_bot(slack, TENDING):
        await until_said(Said.NOTHING)
        await time_passes(cluster, minutes=50)
        await slack.posted(3)
        await time_passes(cluster, minutes=11)
        await slack.replaced(post.ts)
        await until_said(Said.ENDED)
    assert len(slack.posts) == 3


@pytest.mark.parametrize(("fault", "posts"), [(LIMITED, 2), (LOST, 2), (REFUSED, 1)])
async def test_a_warning_that_slack_did_not_take_is_not_repeated(
    slack: FakeSlack, cluster: Cluster, fault: Fault, posts: int
) -> None:
    await slack.ask(ALICE, SILENCE)
    slack.fail("chat.postMessage", fault)
    await until_said(Said.NOTHING)
    await time_passes(cluster, minutes=50)
    await slack.posted(posts)
    await until_said(Said.WARNED)
    assert len(slack.posts) == posts


@pytest.mark.parametrize("guest", [False, True])
async def test_an_account_that_cannot_use_the_bot_any_more_is_not_written_to(
    slack: FakeSlack, cluster: Cluster, alice: User, person: Person, guest: bool
) -> None:
    await on_a_page(alice)
    if guest:
        slack.users[ALICE] = slack_person(ALICE, "alice", is_restricted=True)
    else:
        await in_database(alice.slack_identities.all().delete)
    slack.users[BOB] = slack_person(BOB, "bob")
    bob = await in_database(person, "bob", "operators")
    await in_database(Identity.objects.create, slack_user_id=BOB, slack_team_id=TEAM, user=bob)
    await on_a_page(bob)
    await time_passes(cluster, minutes=50)
    [warning] = await slack.posted(1)
    await until_said(Said.WARNED)
    assert "Made by bob" in warning.shown, "although alice's ends first"
    assert len(slack.posts) == 1
