"""Subscriptions at every door: who may, which channels, their numbers, the site file."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from bot.commands import registry
from bot.registry import Message
from bot.replies import plain
from ops.actor import OPSPORTAL, Actor, Door
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotFound, NotPermitted
from ops.subscriptions import actions, store
from ops.subscriptions.actions import Channel
from ops.subscriptions.models import MentionedChannel
from ops.vocabulary.alert_filters import parse_filter
from ops.vocabulary.quiet_hours import parse_quiet_hours
from ops.vocabulary.timerange import MINUTE
from tests.conftest import Person, SiteFile, actor_of
from tests.dashboard.places import heading, text
from tests.dashboard.sockets import opened, served, session_of
from tests.fakes.prometheus import FakePrometheus, alert

pytestmark = pytest.mark.django_db(transaction=True)
OPS = Channel("C0OPS0001", "T1", "ops", shared=False)
SITE = """
[sites.production.prometheus]
url = "{prometheus.url}"
[sites.production.services.petstore]
alerts = {{ job = "petstore" }}
{more}
[sites.staging]
"""
FIXED = """
[[sites.production.subscription]]
channel = "C0FIXED01"
name = "on-call"
filter = 'severity="critical"'
minimum_age = "2m"
"""


@pytest.fixture
async def prometheus(site_file: SiteFile) -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        site_file(SITE.format(prometheus=fake, more=""))
        labels = {"severity": "critical", "job": "petstore"}
        fake.rule("QueueDeep", alert("QueueDeep", annotations=None, **labels))
        yield fake


async def outcomes(action: str) -> list[str]:
    rows = AuditEntry.objects.filter(action=f"subscriptions.{action}").order_by("seq")
    return [each.outcome for each in await in_database(list, rows)]


async def say(actor: Actor, line: str, **event: Any) -> str:
    """What the bot answers to a mention in #ops."""
    whole = {"channel": OPS.id, "team": "T1", "is_ext_shared_channel": False, **event}
    return plain(await registry.answer(Message(actor, line, whole)))


async def test_a_channel_is_subscribed_listed_and_unsubscribed(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    quiet = parse_quiet_hours("22:00-07:00 Europe/Berlin")
    made = await actions.subscribe(
        operator,
        channel=OPS,
        filter=parse_filter("critical petstore"),
        quiet=quiet,
        minimum_age=2 * MINUTE,
    )
    listed = await actions.list_subscriptions(operator)
    ended = await actions.unsubscribe(operator, number=1)

    assert made.filter == 'job="petstore", severity="critical"', "words are kept as what they mean"
    assert made.terms == "after 2m, quiet 22:00-07:00 Europe/Berlin"
    assert listed.subscriptions == (made,) == (ended,)
    assert (await actions.list_subscriptions(operator)).subscriptions == ()
    assert await outcomes("subscribe") == await outcomes("unsubscribe") == ["started", "ok"]


async def test_a_number_is_not_used_again(operator: Actor, prometheus: FakePrometheus) -> None:
    for severity in ("a", "b"):
        filter = parse_filter(f'severity="{severity}"')
        await actions.subscribe(operator, channel=OPS, filter=filter)
    await actions.unsubscribe(operator, number=1)
    await actions.unsubscribe(operator, number=2)
    again = await actions.subscribe(operator, channel=OPS, filter=parse_filter('severity="c"'))

    assert again.number == 3
    with pytest.raises(NotFound, match="no subscription 2; there are 3"):
        await actions.unsubscribe(operator, number=2)


async def test_of_two_who_subscribe_a_channel_at_once_one_is_told(
    operator: Actor, person: Person, prometheus: FakePrometheus
) -> None:
    bob = actor_of(await in_database(person, "bob", "operators"), Door.SLACK)
    found = await asyncio.gather(
        *(actions.subscribe(each, channel=OPS) for each in (operator, bob)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in found) == ["Conflict", "Subscription"]
    assert "is already subscribed to these alerts: subscription 1" in str(found)


async def test_of_two_who_end_one_at_once_one_does(
    operator: Actor, person: Person, prometheus: FakePrometheus
) -> None:
    bob = actor_of(await in_database(person, "bob", "operators"), Door.SLACK)
    await actions.subscribe(operator, channel=OPS)
    found = await asyncio.gather(
        *(actions.unsubscribe(each, number=1) for each in (operator, bob)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in found) == ["NotFound", "Subscription"]


async def test_viewers_may_look_only(viewer: Actor, prometheus: FakePrometheus) -> None:
    assert (await actions.list_subscriptions(viewer)).subscriptions == ()
    with pytest.raises(NotPermitted):
        await actions.subscribe(viewer, channel=OPS)
    with pytest.raises(NotPermitted):
        await actions.unsubscribe(viewer, number=1)


@pytest.mark.parametrize(
    ("channel", "problem"),
    [
        (Channel("C0PARTNER", shared=True), "Slack Connect"),
        (Channel("D0ALICE01", shared=False), "only a channel"),
        (Channel("C0NEVERMET"), "not known who can read"),
    ],
)
async def test_it_refuses_channels_that_others_may_read(
    operator: Actor, prometheus: FakePrometheus, channel: Channel, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        await actions.subscribe(operator, channel=channel)


@pytest.mark.parametrize("line", ["state=pending", "last=1h", "age>5m", "since=now-1h"])
async def test_it_refuses_filters_that_change_with_time(
    operator: Actor, prometheus: FakePrometheus, line: str
) -> None:
    with pytest.raises(InvalidInput, match="whatever their age"):
        await actions.subscribe(operator, channel=OPS, filter=parse_filter(line))


async def test_the_site_file_fixes_some(
    operator: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    site_file(SITE.format(prometheus=prometheus, more=FIXED))
    [fixed] = (await actions.list_subscriptions(operator)).subscriptions
    own = await actions.subscribe(operator, channel=OPS)
    with pytest.raises(Conflict, match="in the site file"):
        await actions.unsubscribe(operator, number=fixed.number)

    assert (fixed.where, fixed.fixed, fixed.minimum_age) == ("#on-call", True, 2 * MINUTE)
    site_file(SITE.format(prometheus=prometheus, more=FIXED.replace("2m", "3m")))
    changed, _ = (await actions.list_subscriptions(operator)).subscriptions
    assert (changed.id, changed.minimum_age) == (fixed.id, 3 * MINUTE)
    site_file(SITE.format(prometheus=prometheus, more=""))
    assert (await actions.list_subscriptions(operator)).subscriptions == (own,)


async def test_the_bot_subscribes_the_channel_that_it_is_asked_in(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    told = await say(operator, 'alerts subscribe severity=~"critical|page" service=petstore')
    listed = await say(operator, "alerts subscriptions")
    again = await say(operator, 'alerts subscribe severity=~"critical|page" petstore')
    ended = await say(operator, "alerts unsubscribe 1")

    what = 'job="petstore", severity=~"critical|page"'
    assert told.startswith(f"This channel is subscribed to {what}")
    assert "does not replace paging" in told
    assert "does not replace paging" in listed
    assert f"1  This channel  {what}" in listed
    assert "is already subscribed to these alerts: subscription 1" in again
    assert ended.startswith(f"This channel is no longer subscribed to {what}")


async def test_the_bot_reads_when_to_tell(operator: Actor, prometheus: FakePrometheus) -> None:
    told = await say(operator, 'alerts subscribe critical after=2m quiet="22:00-7:00 Asia/Tokyo"')
    twice = await say(operator, "alerts subscribe after=2m after=3m")
    assert "(after 2m, quiet 22:00-07:00 Asia/Tokyo)" in told
    assert '"after" is given twice' in twice


async def test_the_bot_refuses_a_channel_of_several_companies(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    assert "Slack Connect" in await say(operator, "alerts subscribe", is_ext_shared_channel=True)
    unknown = await say(operator, "alerts subscribe", is_ext_shared_channel=None)
    assert "not known who can read" in unknown, "a click or /ops does not say it"


async def test_the_page_lists_subscribes_and_ends(
    operator: Actor, prometheus: FakePrometheus, async_client: AsyncClient
) -> None:
    await actions.subscribe(operator, channel=OPS, filter=parse_filter('severity="page"'))
    user = await in_database(User.objects.get, pk=operator.user_id)
    await async_client.aforce_login(user)

    page = await async_client.get("/alerts/subscriptions/")
    wrong = await async_client.post("/alerts/subscriptions/", {"channel": OPS.id, "quiet": "22-7"})
    unknown = await async_client.post(
        "/alerts/subscriptions/", {"channel": OPS.id, "filter": "critical weird"}
    )
    right = await async_client.post(
        "/alerts/subscriptions/", {"channel": OPS.id, "filter": "service=petstore", "after": "90s"}
    )
    ended = await async_client.post("/alerts/subscriptions/end/", {"number": "1"})

    assert heading(page) == "1 channel is subscribed to alerts"
    assert "#ops" in text(page)
    assert "does not replace paging" in text(page)
    assert wrong.status_code == unknown.status_code == 400
    assert "weird" in text(unknown)
    assert "no quiet hours" in text(wrong)
    assert right.status_code == ended.status_code == 302
    [left] = (await actions.list_subscriptions(operator)).subscriptions
    assert (left.number, left.filter, left.terms) == (2, 'job="petstore"', "after 1m30s")


async def test_the_page_says_why_nothing_is_posted(
    operator: Actor, prometheus: FakePrometheus, async_client: AsyncClient
) -> None:
    made = await actions.subscribe(operator, channel=OPS)
    await actions.note_problem(OPSPORTAL, id=made.id, problem="the channel is archived")
    user = await in_database(User.objects.get, pk=operator.user_id)
    await async_client.aforce_login(user)
    assert "the channel is archived" in text(await async_client.get("/alerts/subscriptions/"))


async def test_an_open_page_shows_what_others_subscribe(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    session = await session_of(operator.name)
    async with served() as host, opened(host, "/alerts/subscriptions/", session) as page:
        await page.until(page.shows("No channel is subscribed to alerts"))
        await actions.note_channel(OPSPORTAL, channel=Channel("C0NEW", "T1", shared=False))
        await page.until(page.shows("C0NEW"))
        await actions.subscribe(operator, channel=OPS)
        await page.until(page.shows("1 channel is subscribed to alerts"))


def test_the_channels_mentioned_longest_ago_make_room() -> None:
    for number in range(store.MOST_KNOWN + 2):
        store.note_channel(Channel(f"C{number:03}", shared=False), number)
    ids = [each.id for each in store.known()]
    assert MentionedChannel.objects.count() == len(ids) == store.MOST_KNOWN
    assert (ids[0], ids[-1]) == ("C501", "C002")
