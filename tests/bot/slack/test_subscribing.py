"""A channel is subscribed by a mention in it, unless another company can read it."""

import pytest
from django.contrib.auth.models import User

from ops.database import in_database
from ops.subscriptions.models import StoredSubscription
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.slack import ALICE, CHANNEL, FakeSlack

pytestmark = pytest.mark.django_db(transaction=True)
LINE = 'alerts subscribe severity="page"'


@ANY_JAEGER
async def test_the_channel_is_the_one_of_the_mention(slack: FakeSlack, alice: User) -> None:
    await slack.mention(ALICE, LINE)
    [post] = await slack.posted(1)
    made = await in_database(StoredSubscription.objects.get)
    assert post.shown.startswith('This channel hears of severity="page"')
    assert (made.channel, made.maker) == (CHANNEL, "alice")


@ANY_JAEGER
async def test_it_refuses_shared_channels_and_direct_messages(
    slack: FakeSlack, alice: User
) -> None:
    await slack.deliver(slack.mention_event(ALICE, LINE), is_ext_shared_channel=True)
    await slack.direct(ALICE, LINE)
    shown = " ".join(post.shown for post in await slack.posted(2))
    assert "Slack Connect" in shown
    assert "only a channel can hear of alerts" in shown
    assert not await in_database(StoredSubscription.objects.exists)
