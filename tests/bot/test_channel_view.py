"""A terminal shows the messages of a subscribed channel as they would be in Slack."""

import io
import sys

import pytest
from django.core.management import call_command

from bot.channel_view import NOTHING, QUIET, ChannelView
from ops.actor import Actor
from ops.alerts.models import AlertPeriod
from ops.database import in_database
from ops.errors import NotPermitted
from ops.subscriptions.models import StoredSubscription
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.timerange import MINUTE, now_ns
from tests.alerts.making import alert
from tests.alerts.past import period
from tests.conftest import Person, SiteFile

pytestmark = pytest.mark.django_db(transaction=True)
SITES = """
[sites.production.jaeger]
address = "127.0.0.1:1"
[sites.production.prometheus]
url = "http://127.0.0.1:1"
[sites.production.services.petstore]
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile) -> None:
    site_file(SITES)


def subscribed() -> None:
    StoredSubscription.objects.create(
        site="production", number=1, channel="console", made_at=now_ns()
    )


def fires(name: str = "QueueDeep") -> AlertPeriod:
    labels = {"severity": "page", "job": "petstore"}
    return period(alert(name, labels), FIRING, now_ns() - MINUTE, None)


def resolves(row: AlertPeriod) -> None:
    AlertPeriod.objects.filter(pk=row.pk).update(end=now_ns())


async def test_news_come_once_and_again_when_they_change(viewer: Actor) -> None:
    view = ChannelView()
    await in_database(subscribed)
    assert await view.news(viewer) == ""
    row = await in_database(fires)
    news = await view.news(viewer)
    assert news.startswith("#console  QueueDeep is firing (page)\n    Firing since ")
    assert "\n  > in its thread: " in news
    assert await view.news(viewer) == ""
    await in_database(resolves, row)
    news = await view.news(viewer)
    assert news.startswith("#console  edited: QueueDeep resolved after 1")
    assert "\n  > in its thread: Resolved at " in news
    assert await view.news(viewer) == ""


async def test_all_of_it_is_shown_and_buttons_have_numbers(viewer: Actor) -> None:
    view = ChannelView()
    assert await view.whole(viewer) == NOTHING
    await in_database(subscribed)
    assert await view.whole(viewer) == QUIET
    await in_database(fires)
    whole = await view.whole(viewer)
    assert whole.startswith("#console  QueueDeep is firing (page)\n")
    assert "[1 " in whole
    assert "list traces petstore error" in view.buttons.values()
    assert await view.news(viewer) == "", "it has been shown"


async def test_strangers_see_nothing(stranger: Actor) -> None:
    with pytest.raises(NotPermitted):
        await ChannelView().news(stranger)


def test_a_number_presses_a_button(
    person: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person("olga", "operators")
    subscribed()
    fires()
    monkeypatch.setattr(sys, "stdin", io.StringIO("channel\n1\n2\n3\n4\n"))
    call_command("bot_console", "--user", "olga")
    said = capsys.readouterr().out
    assert said.startswith("#console  QueueDeep is firing (page)\n")
    assert "Backend unavailable: Jaeger of production" in said, "one of them lists traces"
