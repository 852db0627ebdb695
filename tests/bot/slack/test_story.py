"""The whole story of a bad release from Slack alone, from the alert's message to the write-up."""

from collections.abc import AsyncIterator

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from pytest_django import Settings

from ops.accounts.models import Identity
from ops.alerts.watching import ALERTS
from ops.database import in_database
from ops.incidents.actions import export
from ops.sampling.actions import change_policy
from ops.versions.actions import VERSIONS
from ops.versions.models import VersionPeriod
from ops.vocabulary import timerange
from ops.vocabulary.policies import rate
from tests.bot.conftest import SITES, Backends, Workspace, until, until_stored
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.slack import ALICE, BOB, TEAM, FakeSlack, Post
from tests.fakes.slack import person as person_of_slack
from tests.incidents.bad_release import BAD, GOOD, KNOWN, VERSION, fails, runs, traces
from tests.watch.conftest import watching

pytestmark = [pytest.mark.django_db(transaction=True), ANY_JAEGER]
MORE = 'alerts = { job = "petstore" }\nrequests = "requests"\nsampling_ceiling = 50\n'
STORY = (
    f"petstore started rolling {GOOD} → {BAD} (1 of 3 instances)",
    "FailingRequests started firing: 12% of requests to petstore fail",
    "alice has all FailingRequests alerts",
    "alice opened the incident from FailingRequests",
    "alice asked to raise sampling of petstore from 10% to 100% for 15 min; bob approved",
    "bob raised sampling of petstore from 10% to 100% for 15 min · 3 of 3 confirmed",
    "alice: “rolling back, DB-212”",
    f"petstore went back to {GOOD} (3 of 3 instances)",
    "FailingRequests resolved after",
    "alice lowered sampling of petstore from 100% to 10% · 3 of 3 confirmed",
    "alice closed the incident",
)


@pytest.fixture(autouse=True)
async def site(settings: Settings, site_file: SiteFile, backends: Backends, alice: User) -> None:
    """A petstore with 200 requests a second that keeps 10%; of 50 on, two people are needed."""
    settings.POLL_SECONDS = 0.5
    settings.PUBLIC_URL = "https://ops.example.com"
    await change_policy(actor_of(alice), policy=rate(0.1), service="petstore", site="demo")
    site_file(SITES.format(**vars(backends)).replace(VERSION, f"{VERSION}{MORE}", 1))
    backends.prometheus.says("requests", ({}, 200))


@pytest.fixture(autouse=True)
async def bob(person: Person) -> User:
    """Bob of Slack, linked to an approver."""
    user = await in_database(person, "bob", "approvers")
    await in_database(Identity.objects.create, slack_user_id=BOB, slack_team_id=TEAM, user=user)
    return user


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    fake.users[BOB] = person_of_slack(BOB, "bob")
    async with workspace(fake) as running:
        yield running


def ten_minutes_pass() -> None:
    """Move the rollout away: a version that is gone is waited for, and traces are compared."""
    passed = 10 * timerange.MINUTE
    VersionPeriod.objects.update(start=F("start") - passed, end=F("end") - passed)
    bad = VersionPeriod.objects.get(version=BAD)
    VersionPeriod.objects.filter(instance=bad.instance, version=GOOD).update(end=bad.start)


class Channel:
    """What people in the channel do, and read."""

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        self.read: set[str] = set()

    async def says(self, start: str, *lines: str) -> Post:
        """Wait for a message that nobody has read yet, and read it."""

        def new() -> list[Post]:
            return [
                post
                for post in self.slack.posts
                if post.ts not in self.read and post.shown.startswith(start)
            ]

        await until(lambda: bool(new()))
        [post] = new()
        self.read.add(post.ts)
        for line in lines:
            assert line in post.shown
        return post

    async def becomes(self, post: Post, start: str, *lines: str) -> None:
        """Wait until a message was edited so."""
        await until(lambda: post.shown.startswith(start))
        for line in lines:
            assert line in post.shown

    async def writes(self, line: str, top: Post | None = None) -> None:
        """Let Alice mention the bot, in the thread of a message."""
        await self.slack.mention(ALICE, line, **({"thread_ts": top.ts} if top else {}))


async def it_is_rolled_out(backends: Backends) -> None:
    """A bad release reaches an instance ten minutes ago, and fails."""
    async with watching(VERSIONS):
        await until_stored(VersionPeriod.objects.filter(version=GOOD).exists)
        runs(backends.prometheus, backends.instances, BAD, GOOD, GOOD)
        await until_stored(VersionPeriod.objects.filter(version=BAD).exists)
    await in_database(ten_minutes_pass)
    traces(backends.jaeger, BAD, start=timerange.now_ns() - 5 * timerange.MINUTE, failing=True)


async def it_is_rolled_back(backends: Backends) -> None:
    runs(backends.prometheus, backends.instances, GOOD, GOOD, GOOD)
    again = VersionPeriod.objects.filter(version=GOOD, instance=backends.instances[0].address)
    await until_stored(lambda: again.count() > 1)


async def the_alert_comes_and_somebody_has_it(channel: Channel) -> Post:
    top = await channel.says("FailingRequests is firing (critical)", "12% of requests to petstore")
    assert top.thread_ts == ""
    await channel.slack.press(ALICE, top, "I have it")
    await channel.says("alice has all FailingRequests alerts until they resolve")
    await channel.becomes(top, "FailingRequests is firing, alice has it (critical)")
    return top


async def it_says_what_changed(channel: Channel, top: Post) -> None:
    await channel.slack.press(ALICE, top, "What changed")
    said = f"petstore {BAD} fails 100% of {KNOWN} traces, {GOOD} none of {KNOWN} the hour before"
    answer = await channel.says("FailingRequests started", f"started to run {BAD}", said)
    assert answer.thread_ts == top.ts


async def an_incident_is_opened(channel: Channel, top: Post) -> None:
    await channel.slack.press(ALICE, top, "Open incident")
    opened = await channel.says(
        "Incident 1 is open: FailingRequests on petstore", "This thread is its thread"
    )
    assert opened.thread_ts == top.ts


async def sampling_is_raised(channel: Channel, top: Post, backends: Backends) -> None:
    """Above the ceiling, so Bob has to approve it."""
    await channel.slack.press(ALICE, top, "Sample at 100% for 15 min")
    card = await channel.says(
        "Approve sampling of petstore: 10% -> 100% on 3 instances for 15 min?",
        "Over petstore's ceiling of 50 traces/s: about 200 traces/s",
        f"Reason: FailingRequests is firing; petstore {BAD} on 1 of 3",
    )
    await channel.writes("incident", top)
    await channel.says(
        "FailingRequests on petstore: ",
        "alice asked to raise sampling of petstore from 10% to 100% for 15 min; it waits for",
    )
    await channel.slack.press(BOB, card, "Approve")
    await channel.becomes(card, "Sampling of petstore: 10% -> 100%, confirmed by 3 of 3 instances")
    assert "Approved by bob" in card.shown
    assert [each.told[-1] for each in backends.instances] == [("STFloat", 1.0)] * 3


async def sampling_returns(channel: Channel, top: Post, backends: Backends) -> None:
    await channel.writes("revert sampling", top)
    await channel.says("Sampling of petstore: 100% -> 10%, confirmed by 3 of 3 instances")
    assert [each.told[-1] for each in backends.instances] == [("STFloat", 0.1)] * 3


async def it_is_closed(channel: Channel, top: Post) -> None:
    await channel.writes("incident close", top)
    await channel.says("FailingRequests on petstore: closed", *STORY, "incident 1 · write-up")


async def test_from_the_alert_to_the_write_up(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    channel = Channel(slack)
    rule = backends.prometheus.rule("FailingRequests")
    runs(backends.prometheus, backends.instances, GOOD, GOOD, GOOD)
    traces(backends.jaeger, GOOD, start=timerange.now_ns() - 30 * timerange.MINUTE)
    await channel.writes('alerts subscribe severity="critical"')
    await channel.says('This channel is subscribed to severity="critical"')
    await it_is_rolled_out(backends)
    async with watching(ALERTS, VERSIONS):
        rule["alerts"] = [fails()]
        top = await the_alert_comes_and_somebody_has_it(channel)
        await it_says_what_changed(channel, top)
        await an_incident_is_opened(channel, top)
        await sampling_is_raised(channel, top, backends)
        await channel.writes("incident note rolling back, DB-212", top)
        await channel.says("Noted in incident 1")
        await it_is_rolled_back(backends)
        rule["alerts"] = []
        await channel.becomes(top, "FailingRequests resolved after", "It fired from")
        await sampling_returns(channel, top, backends)
        await it_is_closed(channel, top)
    written = await export(actor_of(alice), address=lambda _: "", number=1, site="demo")
    for line in STORY:
        assert line in written.replace("**", "")
    assert "# FailingRequests on petstore" in written
    assert "had more traces kept from" in written
    assert f"petstore {BAD} fails** 100% of {KNOWN} traces" in written
    assert {post.thread_ts for post in slack.posts[1:]} == {"", top.ts}
    assert slack.violations == []
