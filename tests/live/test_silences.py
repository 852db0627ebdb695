"""Silences of people and of amtool on real Alertmanagers: each is seen by all others."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient
from pytest_django import Settings

from ops.accounts.models import Identity
from ops.actor import Actor
from ops.alerts.notifying import ask_all
from ops.backends.clients import close_clients
from ops.errors import InvalidInput
from ops.silences import actions
from ops.vocabulary import timerange
from ops.vocabulary.matchers import parse_matchers
from ops.vocabulary.timerange import HOUR
from tests.bot.conftest import another_bot
from tests.conftest import Person, SiteFile, actor_of
from tests.dashboard.places import text
from tests.fakes.slack import ALICE, APP_TOKEN, BOT_TOKEN, TEAM, FakeSlack
from tests.live import servers
from tests.live.alertmanagers import RELEASES, SITE, Alertmanager, Cluster, amtool, running

pytestmark = pytest.mark.django_db(transaction=True)
LISTED = "/sites/shop/alerts/silences/"
A, B = parse_matchers('alertname="A"'), parse_matchers('alertname="B"')
NAMES = {"InBrowser", "InSlack", "ByAmtool"}


@pytest.fixture(params=RELEASES)
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, site_file: SiteFile
) -> Iterator[Cluster]:
    with running(tmp_path_factory, request.param) as made:
        site_file(SITE.format(cluster=made))
        yield made


@pytest.fixture
def alice(person: Person) -> User:
    user = person("alice", "operators")
    Identity.objects.create(slack_user_id=ALICE, slack_team_id=TEAM, user=user)
    return user


@pytest.fixture
def operator(alice: User) -> Actor:
    return actor_of(alice)


@pytest.fixture
async def slack(
    cluster: Cluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FakeSlack]:
    """A workspace with the bot in it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    settings.SLACK_APP_TOKEN, settings.SLACK_BOT_TOKEN = APP_TOKEN, BOT_TOKEN
    async with FakeSlack() as running:
        settings.SLACK_API_URL = running.api_url
        async with another_bot(running):
            yield running


async def asked(slack: FakeSlack, line: str) -> str:
    """Send Alice's line, and return the answer."""
    number = len(slack.posts)
    await slack.mention(ALICE, line)
    return (await slack.posted(number + 1))[number].shown


def in_amtool(url: str) -> set[str]:
    listed = amtool(url, "silence", "query")
    return {name for name in NAMES if name in listed}


def in_force(url: str) -> set[str]:
    """The silences that an instance knows, as amtool says."""
    return {*amtool(url, "silence", "query", "--quiet").split()}


async def test_each_is_seen_in_the_browser_in_slack_and_by_amtool(
    cluster: Cluster, slack: FakeSlack, alice: User, async_client: AsyncClient
) -> None:
    await async_client.aforce_login(alice)
    first, second = cluster.first.url, cluster.second.url
    wish = {"matchers": 'alertname="InBrowser"', "lasts": "2h", "reason": "known"}

    made = await async_client.post(f"{LISTED}new/", wish, follow=True)
    said = await asked(slack, 'silence alertname="InSlack" for=1h confirm')
    key = amtool(
        second, "silence", "add", "alertname=ByAmtool", "-a", "bob", "-c", "disk", "-d", "1h"
    )
    servers.until(lambda: in_amtool(first) == NAMES, "both know all three")
    await close_clients()
    page, answer = text(await async_client.get(LISTED)), await asked(slack, "silences")

    assert "InBrowser" in text(made)
    assert said.startswith("0 alerts silenced until ")
    assert in_amtool(second) == NAMES
    for shown in (page, answer):
        assert all(f'alertname="{name}"' in shown for name in NAMES)
        assert "bob" in shown
        assert "disk" in shown
        assert "3 silences, 3 match no alert" in shown

    assert (await asked(slack, f"end silence {key}")).startswith("Silence ended")
    servers.until(lambda: in_amtool(second) == NAMES - {"ByAmtool"}, "amtool sees that it ended")
    others = in_force(first)
    amtool(first, "silence", "expire", *others)
    servers.until(lambda: not in_amtool(second), "the other has heard it")
    await close_clients()
    assert "Nothing is silenced" in text(await async_client.get(LISTED))
    assert (await asked(slack, "silences")).startswith("No silences")


async def test_what_amtool_made_is_extended_here_and_keeps_its_maker(
    cluster: Cluster, operator: Actor
) -> None:
    first, second = cluster.first.url, cluster.second.url
    key = amtool(first, "silence", "add", "alertname=A", "-a", "bob", "-c", "disk", "-d", "1h")

    ends = timerange.now_ns() + 3 * HOUR
    done = await actions.extend_silence(operator, key=key, ends_at=ends)

    assert (done.silence.id, done.replaced) == (key, "")
    assert "bob" in amtool(second, "silence", "query")
    assert in_force(second) == {key}
    [listed] = (await actions.list_silences(operator)).silences
    assert abs(listed.silence.ends_at - ends) < timerange.SECOND


async def test_one_that_is_killed_in_between_loses_nothing(
    cluster: Cluster, operator: Actor
) -> None:
    """The one that we write to: then the other takes the changes, and tells it when it is back."""
    before = await actions.create_silence(operator, matchers=A, ends_at=_in(1))
    gone = await actions.create_silence(operator, matchers=B, ends_at=_in(1))
    cluster.first.kill()
    await close_clients()

    longer = await actions.extend_silence(operator, key=before.silence.id, ends_at=_in(2))
    await actions.end_silence(operator, key=gone.silence.id)
    new = await actions.create_silence(operator, matchers=B, ends_at=_in(2))
    without = await actions.list_silences(operator)
    cluster.first.start()
    wanted = {longer.silence.id, new.silence.id}
    servers.until(lambda: in_force(cluster.first.url) == wanted, "it knows what it missed")
    await close_clients()
    again = await actions.list_silences(operator)

    assert longer.replaced == ""
    assert [each.source for each in without.failures] == ["a"]
    assert {each.silence.id for each in without.silences} == wanted
    assert again.failures == ()
    assert {each.silence.id for each in again.silences} == wanted
    found = await ask_all(cluster.site(), 5)
    assert found.by_source["a"].keys() == found.by_source["b"].keys() == wanted


async def test_at_its_limit_a_new_one_is_refused_and_the_old_one_can_be_extended(
    tmp_path: Path, site_file: SiteFile, operator: Actor
) -> None:
    """Debian's release has no limit."""
    alone = Alertmanager(tmp_path, "0.35", "--silences.max-silences=1")
    with alone.running():
        site_file(SITE.format(cluster=Cluster("0.35", alone, alone)))
        made = await actions.create_silence(operator, matchers=A, ends_at=_in(1))
        with pytest.raises(InvalidInput, match="refuses it: exceeded maximum number of silences"):
            await actions.create_silence(operator, matchers=B, ends_at=_in(1))
        longer = await actions.extend_silence(operator, key=made.silence.id, ends_at=_in(2))
        assert longer.replaced == ""
        assert in_force(alone.url) == {made.silence.id}


def _in(hours: int) -> int:
    return timerange.now_ns() + hours * HOUR
