"""The watcher polls, and everybody reads what it knows."""

import asyncio

import pytest
from pytest_django import Settings

from ops.actor import Actor
from ops.alerts.actions import list_alerts, show_alert
from ops.alerts.models import AlertPeriod, RulePeriod
from ops.backends.breaker import FAILURES
from ops.backends.prometheus import Rules
from ops.database import in_database
from ops.errors import OpsError
from ops.vocabulary import timerange
from ops.watch.models import SourcePeriod, Watched, WatchedSite, Watcher
from ops.watch.picture import Picture, SourceAnswer, pictures
from ops.watch.watcher import check_watching
from tests.fakes.prometheus import FakePrometheus, Fault, alert
from tests.watch.conftest import answering, picture, watching

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("site")]


async def periods() -> list[AlertPeriod]:
    return await in_database(lambda: list(AlertPeriod.objects.order_by("start")))


async def test_readers_never_ask_what_the_watcher_knows(
    first: FakePrometheus, second: FakePrometheus, operator: Actor, settings: Settings
) -> None:
    first.rule("Down", alert("Down"))
    second.rule("Down", alert("Down"))
    settings.POLL_SECONDS = 60  # the next poll is far away
    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
        asked = len(first.paths)
        found = await asyncio.gather(*(list_alerts(operator) for _ in range(20)))
        assert len(first.paths) == asked
    assert {each.headline() for each in found} == {"1 alert firing"}
    assert found[0].firing[0].sources == ("shop-a", "shop-b")


async def test_readers_ask_themselves_without_a_watcher(
    first: FakePrometheus, operator: Actor
) -> None:
    assert (await list_alerts(operator)).headline() == "Nothing is firing"
    assert len(first.paths) == 1
    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
    assert (await picture()).sources == {}


async def test_a_source_that_falls_silent_keeps_its_last_alerts(
    first: FakePrometheus, second: FakePrometheus, operator: Actor
) -> None:
    first.rule("Down", alert("Down", pod="one"))
    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
        first.fault = second.fault = Fault.UNAVAILABLE
        await watcher.until(answering())
        found = await list_alerts(operator)
        [kept] = found.firing
        assert kept.stale_since
        assert found.headline() == "1 alert firing that we know of"
        assert [failure.source for failure in found.failures] == ["shop-a", "shop-b"]
        assert found.doubts[0].words == "shop-a has not answered for a few seconds"
        first.fault = second.fault = Fault.NONE
        await watcher.until(answering("shop-a", "shop-b"))
        [fresh] = (await list_alerts(operator)).firing
        assert not fresh.stale_since


async def test_why_a_source_is_silent_stays_the_same_from_poll_to_poll(
    second: FakePrometheus,
) -> None:
    reasons: dict[int, str] = {}

    async def has_failed_often() -> bool:
        found = await picture()
        if error := found.sources["shop-b"].error:
            reasons[found.number] = error
        return len(reasons) > 2 * FAILURES

    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
        second.fault = Fault.CUT_OFF
        await watcher.until(has_failed_often)
    assert len({*reasons.values()}) == 1, reasons


async def test_it_writes_what_changes_and_nothing_else(first: FakePrometheus) -> None:
    rule = first.rule("Down", alert("Down", "pending"))
    async with watching() as watcher:
        await watcher.until(periods)
        rule["alerts"] = [alert("Down", "pending", value="3")]
        await watcher.news(4)
        rule["alerts"] = [alert("Down", "firing")]

        async def fires() -> bool:
            return len(await periods()) == 2

        await watcher.until(fires)
        rule["alerts"] = []

        async def is_over() -> bool:
            return (await periods())[-1].end is not None

        first.groups[0]["interval"] = 0.1
        await watcher.until(is_over)
    pending, firing = await periods()
    assert [pending.state, firing.state] == ["pending", "firing"]
    assert pending.end == firing.start
    keys = await in_database(lambda: sorted(SourcePeriod.objects.values_list("key", "state")))
    assert keys == [("alerts shop-a", "answers"), ("alerts shop-b", "answers")]


async def test_it_remembers_when_a_source_was_silent(second: FakePrometheus) -> None:
    async def known() -> list[str]:
        rows = SourcePeriod.objects.filter(key="alerts shop-b").order_by("start")
        return await in_database(lambda: [row.state for row in rows])

    async def fails() -> bool:
        return await known() == ["answers", "fails"]

    async def is_back() -> bool:
        return await known() == ["answers", "fails", "answers"]

    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
        second.fault = Fault.UNAVAILABLE
        await watcher.until(fails)
        second.fault = Fault.NONE
        await watcher.until(is_back)
    reason = await in_database(lambda: SourcePeriod.objects.get(state="fails").reason)
    assert "shop-b" in reason


async def test_it_gives_its_sites_back(operator: Actor) -> None:
    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
        held = await in_database(WatchedSite.objects.get)
        assert held.holder
    left = await in_database(WatchedSite.objects.get)
    assert (left.holder, left.epoch) == ("", held.epoch)
    assert await in_database(Watcher.objects.count) == 0
    assert await in_database(Watched.objects.count) == 1


async def test_what_is_older_than_the_history_is_pruned(settings: Settings) -> None:
    settings.HISTORY_DAYS = 1
    long_ago = timerange.now_ns() - 25 * timerange.HOUR

    def make() -> None:
        past = {"site": "production", "start": 0, "end": long_ago}
        Watched.objects.create(epoch=0, **past)
        SourcePeriod.objects.create(key="alerts shop-a", state="fails", **past)
        RulePeriod.objects.create(key="1", state="broken", **past)
        AlertPeriod.objects.create(
            key="1", state="firing", labels={}, annotations={}, sources=[], active_at=0, **past
        )

    def left() -> int:
        tables = (Watched, SourcePeriod, RulePeriod, AlertPeriod)
        return sum(table.objects.filter(end=long_ago).count() for table in tables)

    async def all_are_gone() -> bool:
        return not await in_database(left)

    await in_database(make)
    async with watching() as watcher:
        await watcher.until(all_are_gone)


async def test_an_answer_is_old_by_the_clock_and_not_by_the_picture(
    operator: Actor, settings: Settings
) -> None:
    settings.POLL_SECONDS = 60
    answer = Rules((), ())
    now = timerange.now_ns()
    answered = SourceAnswer(answer, now - 200 * timerange.SECOND)
    sources = {"shop-a": SourceAnswer(answer, now), "shop-b": answered}
    pictures.publish(Picture("production", "alerts", 1, 1, now - 100 * timerange.SECOND, sources))
    found = await list_alerts(operator)
    assert [each.source for each in found.failures] == ["shop-b"]


async def test_of_a_pair_the_one_that_answers_knows_what_is_over(
    first: FakePrometheus, second: FakePrometheus, operator: Actor
) -> None:
    rule = first.rule("Down", alert("Down"))
    second.rule("Down", alert("Down"))
    async with watching() as watcher:
        await watcher.until(answering("shop-a", "shop-b"))
        second.fault = Fault.UNAVAILABLE
        await watcher.until(answering("shop-a"))
        found = await list_alerts(operator)
        [still] = found.firing
        assert (still.sources, still.disagree, still.stale_since) == (("shop-a",), "", 0)
        assert found.failures[0].others == ("shop-a",)
        rule["alerts"] = []

        async def is_over() -> bool:
            return not (await list_alerts(operator)).firing

        await watcher.until(is_over)
        shown = await show_alert(operator, fingerprint=still.fingerprint)
        assert shown.state == "resolved"
        found = await list_alerts(operator)
    assert found.headline() == (
        "Nothing is firing that we know of: shop-b has not answered for a few seconds "
        "(of pair shop only shop-a answers)"
    )


async def test_it_is_ready_once_it_has_leases_and_no_longer_than_it_runs() -> None:
    async def is_ready() -> bool:
        try:
            await check_watching()
        except OpsError:
            return False
        return True

    assert not await is_ready()
    async with watching() as watcher:
        await watcher.until(is_ready)
    assert not await is_ready()
