"""In an incident's thread the bot asks whether to close it, once, when all is quiet for long."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from ops.actor import OPSPORTAL
from ops.alerts.models import AlertPeriod
from ops.database import in_database
from ops.incidents import actions
from ops.incidents.models import StoredIncident
from tests.bot.conftest import QUICK, Workspace, another_bot
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.slack import ALICE, FakeSlack
from tests.incidents.conftest import SITE, fired

pytestmark = pytest.mark.django_db(transaction=True)
OFFERING = replace(QUICK, beat=0.05)


@pytest.fixture
async def slack(workspace: Workspace, alice: User, site_file: SiteFile) -> AsyncIterator[FakeSlack]:
    async with FakePrometheus() as prometheus, workspace(FakeSlack(), OFFERING) as running:
        site_file(SITE.format(prometheus=prometheus))
        yield running


def quiet() -> None:
    """Let the alert have been quiet for 16 minutes, and the incident have begun before it."""
    fired(16)
    first = AlertPeriod.objects.earliest("start")
    StoredIncident.objects.update(begins=first.start)


async def test_two_bots_ask_once_in_its_thread_and_the_button_closes_it(slack: FakeSlack) -> None:
    await slack.mention(ALICE, "incident start petstore slow")
    [opened] = await slack.posted(1)
    async with another_bot(slack, OFFERING):
        await in_database(quiet)
        offer = (await slack.posted(2))[1]
        assert await actions.list_offers(OPSPORTAL) == ()
        await slack.press(ALICE, offer, "Close incident")
        closed = (await slack.posted(3))[2]

    assert "This thread is its thread" in opened.text
    assert (offer.channel, offer.thread_ts) == (opened.channel, opened.thread_ts)
    assert offer.text.startswith("All alerts of incident 1, petstore slow, have been quiet since ")
    assert closed.text.startswith("petstore slow: closed, was failing for 19 min")
    assert len(slack.posts) == 3
