"""A channel is subscribed by a mention in it, or on the page after one, unless it is shared."""

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from ops.database import in_database
from ops.subscriptions.models import MentionedChannel, StoredSubscription
from tests.dashboard.places import text
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.slack import ALICE, CHANNEL, TEAM, FakeSlack

pytestmark = pytest.mark.django_db(transaction=True)
LINE = 'alerts subscribe severity="page"'
PAGE = "/alerts/subscriptions/"


@ANY_JAEGER
async def test_the_channel_is_the_one_of_the_mention(slack: FakeSlack, alice: User) -> None:
    await slack.mention(ALICE, LINE)
    [post] = await slack.posted(1)
    made = await in_database(StoredSubscription.objects.get)
    assert post.shown.startswith('This channel is subscribed to severity="page"')
    assert (made.channel, made.maker) == (CHANNEL, "alice")


@ANY_JAEGER
async def test_it_refuses_shared_channels_and_direct_messages(
    slack: FakeSlack, alice: User
) -> None:
    await slack.deliver(slack.mention_event(ALICE, LINE), is_ext_shared_channel=True)
    await slack.direct(ALICE, LINE)
    shown = " ".join(post.shown for post in await slack.posted(2))
    assert "Slack Connect" in shown
    assert "only a channel can be subscribed" in shown
    assert not await in_database(StoredSubscription.objects.exists)


@ANY_JAEGER
async def test_a_mention_lets_the_page_subscribe_the_channel(
    slack: FakeSlack, alice: User, async_client: AsyncClient
) -> None:
    await async_client.aforce_login(alice)
    before = await async_client.get(PAGE)
    await slack.mention(ALICE, "help")
    await slack.posted(1)
    page = await async_client.get(PAGE)
    done = await async_client.post(PAGE, {"channel": CHANNEL, "filter": 'severity="page"'})

    assert "No channel is known yet" in text(before)
    assert f'<option value="{CHANNEL}" selected>' in page.content.decode()
    assert done.status_code == 302
    made = await in_database(StoredSubscription.objects.get)
    assert (made.channel, made.team, made.maker) == (CHANNEL, TEAM, "alice")


@ANY_JAEGER
async def test_the_page_refuses_a_channel_since_it_is_shared(
    slack: FakeSlack, alice: User, async_client: AsyncClient
) -> None:
    await async_client.aforce_login(alice)
    await slack.mention(ALICE, LINE)
    await slack.posted(1)
    await slack.deliver(slack.mention_event(ALICE, "help"), is_ext_shared_channel=True)
    await slack.posted(2)
    page = await async_client.get(PAGE)
    refused = await async_client.post(PAGE, {"channel": CHANNEL})

    assert f'<option value="{CHANNEL}"' not in page.content.decode()
    assert refused.status_code == 400
    assert "Slack Connect" in text(refused)


@ANY_JAEGER
async def test_only_a_mention_that_tells_something_new_is_stored(
    slack: FakeSlack, alice: User
) -> None:
    await slack.mention(ALICE, "help")
    await slack.posted(1)
    first = await in_database(MentionedChannel.objects.get)
    await slack.mention(ALICE, "help")
    await slack.deliver(slack.mention_event(ALICE, "help"), is_ext_shared_channel=None)
    await slack.direct(ALICE, "help")
    await slack.posted(4)
    again = await in_database(MentionedChannel.objects.get)
    assert (again.seen_at, again.shared) == (first.seen_at, False)
