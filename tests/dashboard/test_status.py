"""How the bot is, on the overview and on a page of its own."""

import re
from datetime import timedelta

import pytest
from django.test import AsyncClient
from django.utils import timezone

from bot.models import BotProcess, ReceivedEvent, State
from ops.backends.prometheus import Rules
from ops.database import in_database
from ops.vocabulary import timerange
from ops.vocabulary.timerange import MILLISECOND, SECOND
from ops.watch.models import SourcePeriod, Watched, WatchedSite
from ops.watch.picture import Picture, SourceAnswer, pictures
from tests.dashboard.places import Place, heading, link, text
from tests.fakes.jaeger import ANY_JAEGER

PIECE = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db(transaction=True)


def bot_runs(seconds_ago: float = 0) -> None:
    seen = timezone.now() - timedelta(seconds=seconds_ago)
    BotProcess.objects.create(
        name="host:1:aa", workspace="https://acme.slack.com/", sockets=2, reached=2,
        heard=seen - timedelta(seconds=4), seen=seen,
    )  # fmt: skip


def answers_are_lost(number: int) -> None:
    now = timezone.now()
    for each in range(number):
        ReceivedEvent.objects.create(
            event_id=f"Ev{each}", channel=f"C{each}", ts=f"1760005{each:03}.000100", team="T1",
            kind="app_mention", payload="", state=State.UNKNOWN, holder="x", lease_until=now,
            received=now + timedelta(seconds=each - number), finished=now,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def site(place: Place) -> None:
    """A site to be looked at."""


@ANY_JAEGER
async def test_without_a_bot_nothing_is_said(viewer: AsyncClient) -> None:
    assert "Slack" not in text(await viewer.get("/"))
    assert heading(await viewer.get("/status/")) == "No bot is set up"


@pytest.fixture
def running(transactional_db: None) -> None:
    bot_runs()


@ANY_JAEGER
@pytest.mark.usefixtures("running")
async def test_a_bot_that_is_well_is_one_line(viewer: AsyncClient) -> None:
    said = text(await viewer.get("/"))
    assert re.search(r"Slack: 2 connections, last seen \d+ s ago", said)
    assert heading(await viewer.get("/status/")) == "Slack bot healthy"


@pytest.fixture
def gone(transactional_db: None) -> None:
    bot_runs(seconds_ago=40)


@ANY_JAEGER
@pytest.mark.usefixtures("gone")
async def test_a_bot_that_is_gone_is_said_with_the_remedy(viewer: AsyncClient) -> None:
    sentence = (
        "▲ Slack: the bot host:1:aa is gone: messages are not being answered; start one with "
        r"manage.py runbot Slack was last seen \d+ s ago"
    )
    assert re.search(sentence, text(await viewer.get("/")))
    assert heading(await viewer.get("/status/")) == "Slack bot needs attention"


@pytest.fixture
def lost(running: None) -> None:
    answers_are_lost(5)


@ANY_JAEGER
@pytest.mark.usefixtures("lost")
async def test_lost_answers_are_shown_where_they_were_asked_for(viewer: AsyncClient) -> None:
    overview = await viewer.get("/")
    assert "5 answers to check in Slack last day all" in text(overview)
    assert link(overview, "C4") == "https://acme.slack.com/archives/C4/p1760005004000100"
    assert "C0 : the answer may be missing" not in text(overview)

    whole = await viewer.get(link(overview, "all"))
    assert heading(whole) == "5 answers to check"
    assert "C0 : the answer may be missing" in text(whole)


@pytest.mark.usefixtures("running")
async def test_whoever_may_not_see_the_overview_is_told_nothing(newcomer: AsyncClient) -> None:
    piece = await newcomer.get("/status/", headers=PIECE)
    assert "2 connections" not in piece.content.decode()
    assert piece.headers["HX-Refresh"] == "true"
    assert (await newcomer.get("/status/")).status_code == 403


@pytest.mark.parametrize("before", ["/doors/", "/sites/production/doors/"])
async def test_its_address_in_earlier_releases_leads_there(
    place: Place, viewer: AsyncClient, before: str
) -> None:
    answer = await viewer.get(before)
    assert (answer.status_code, answer["Location"]) == (302, "../status/")


@pytest.fixture
def watched(transactional_db: None) -> None:
    now = timezone.now()
    WatchedSite.objects.create(
        site="production", holder="host-1-aa", epoch=3, lease_until=now + timedelta(seconds=9)
    )
    ns = int(now.timestamp()) * 10**9
    Watched.objects.create(site="production", epoch=3, start=ns - 10**11, end=ns)
    SourcePeriod.objects.create(
        site="production", key="alerts shop-a", state="answers", start=ns - 10**11
    )
    SourcePeriod.objects.create(
        site="production",
        key="alerts shop-b",
        state="fails",
        start=ns - 10**11,
        reason="Prometheus shop-b <b>is</b> away",
    )


@ANY_JAEGER
@pytest.mark.usefixtures("watched")
async def test_it_says_which_sources_answer(viewer: AsyncClient) -> None:
    page = await viewer.get("/status/")
    assert heading(page) == "production is being watched"
    said = text(page)
    assert re.search(r"shop-a alerts unknown answers since [^,]+, 1 min ago", said)
    assert "Prometheus shop-b <b>is</b> away" in said
    assert "watched by host-1-aa" in said
    assert "no watcher" not in text(await viewer.get("/"))


@ANY_JAEGER
@pytest.mark.usefixtures("watched")
async def test_it_says_that_nobody_watches_any_more(viewer: AsyncClient) -> None:
    await in_database(WatchedSite.objects.update, lease_until=timezone.now())
    assert heading(await viewer.get("/status/")) == "production is not being watched"
    assert "no watcher is running: nothing is remembered now" in text(await viewer.get("/"))


@ANY_JAEGER
@pytest.mark.usefixtures("watched")
async def test_it_says_when_each_source_answered_last(viewer: AsyncClient) -> None:
    now = timerange.now_ns()
    answer = SourceAnswer(Rules((), ()), now - 2 * SECOND, took=34 * MILLISECOND)
    pictures.publish(Picture("production", "alerts", 1, 1, now, {"shop-a": answer}))
    said = text(await viewer.get("/status/"))
    assert re.search(r"shop-a alerts \d s ago ?, in 34 ms answers since", said)
    assert "shop-b alerts unknown" in said
