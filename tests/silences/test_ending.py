"""The end of a silence: when it is warned of, who is, and what has become of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from ops.actor import OPSPORTAL, Actor
from ops.backends.clients import close_clients
from ops.database import in_database
from ops.errors import InvalidInput
from ops.silences import actions
from ops.silences.actions import SilenceEnding
from ops.silences.models import OwnSilence
from ops.silences.rules import warn_at
from ops.silences.store import MOST
from ops.vocabulary import timerange
from ops.vocabulary.matchers import parse_matchers
from ops.vocabulary.timerange import DAY, HOUR, MINUTE
from tests.conftest import Person
from tests.dashboard.places import text
from tests.fakes.alertmanager import Fault
from tests.silences.conftest import Cluster
from tests.silences.passing import time_passes

pytestmark = pytest.mark.django_db(transaction=True)
AT = timerange.parse_moment("2026-11-30T14:00:00Z").nanoseconds
A = parse_matchers('alertname="A"')
LISTED = "/sites/production/alerts/silences/"


async def an_hour(actor: Actor) -> int:
    """Silence A for an hour; returns the number of that."""
    ends = timerange.now_ns() + HOUR
    return (await actions.create_silence(actor, matchers=A, ends_at=ends)).number


async def ending(number: int) -> SilenceEnding:
    return (await actions.endings(OPSPORTAL, numbers=[number]))[number]


def banner(response: Any) -> str:
    """The attributes of the banner that warns."""
    markup: str = response.content.decode()
    return markup.partition("ending own")[2].partition(">")[0]


@pytest.mark.parametrize(
    ("lasts", "left"),
    [(10 * MINUTE, 2 * MINUTE), (75 * MINUTE, 15 * MINUTE), (30 * DAY, 15 * MINUTE)],
)
def test_it_is_warned_of_in_its_last_fifth_at_most_fifteen_minutes_before(
    lasts: int, left: int
) -> None:
    assert warn_at(AT, AT + lasts) == AT + lasts - left


async def test_its_maker_is_to_be_warned_until_it_is_over(
    operator: Actor, cluster: Cluster
) -> None:
    cluster.fires("A")
    number = await an_hour(operator)
    early = await actions.to_warn_of(OPSPORTAL)
    await time_passes(cluster, minutes=49)
    due = await actions.to_warn_of(OPSPORTAL)
    found = await ending(number)
    await time_passes(cluster, minutes=12)

    assert early == {}
    assert due == {number: operator.user_id}
    assert (found.what, found.by, found.alerts, found.is_over) == ("A", operator.name, 1, False)
    assert (await ending(number)).is_over
    assert await actions.to_warn_of(OPSPORTAL) == {}


async def test_those_who_may_not_see_alerts_any_more_are_not_warned(
    operator: Actor, cluster: Cluster
) -> None:
    await an_hour(operator)
    await time_passes(cluster, minutes=50)
    await User.objects.filter(username=operator.name).aupdate(is_active=False)

    assert await actions.to_warn_of(OPSPORTAL) == {}


async def test_however_many_are_not_warned_the_others_are(
    operator: Actor, cluster: Cluster, person: Person
) -> None:
    number = await an_hour(operator)
    await time_passes(cluster, minutes=50)

    def made_by_somebody_who_left() -> None:
        left = person("leo")
        one = OwnSilence.objects.get(pk=number)
        term = {"since": one.since, "warn_at": one.warn_at, "until": one.until - timedelta(1e-4)}
        OwnSilence.objects.bulk_create(
            OwnSilence(site=one.site, key=f"left-{each}", user=left, matchers=one.matchers, **term)
            for each in range(MOST)
        )

    await in_database(made_by_somebody_who_left)

    assert await actions.to_warn_of(OPSPORTAL) == {number: operator.user_id}


async def test_one_that_was_made_elsewhere_is_not_ours_to_warn_of(
    operator: Actor, cluster: Cluster
) -> None:
    ends = timerange.format_moment(timerange.now_ns() + 5 * MINUTE)
    cluster.first.silence("s1", ends=ends, createdBy=operator.name)

    await actions.extend_silence(operator, key="s1", ends_at=timerange.now_ns() + 6 * MINUTE)

    assert await actions.ending_soon(operator) == ()
    assert not await in_database(OwnSilence.objects.exists)


async def test_it_is_over_if_it_was_ended_here_or_elsewhere(
    operator: Actor, cluster: Cluster
) -> None:
    here, there = await an_hour(operator), await an_hour(operator)
    keys = [each["id"] for each in cluster.first.silences]
    await actions.end_silence(operator, key=keys[0])
    cluster.first.silences[1]["status"] = {"state": "expired"}
    await close_clients()  # and what they have read
    just_made = await ending(there)
    await time_passes(cluster, minutes=2)

    assert ((await ending(here)).is_over, (await ending(here)).ended_by) == (True, operator.name)
    assert not just_made.is_over, "Alertmanagers may not have told each other yet"
    assert ((await ending(there)).is_over, (await ending(there)).ended_by) == (True, "")


async def test_an_end_that_was_moved_elsewhere_counts(operator: Actor, cluster: Cluster) -> None:
    number = await an_hour(operator)
    [silence] = cluster.first.silences
    later = timerange.parse_moment(silence["endsAt"]).nanoseconds + HOUR
    silence["endsAt"] = timerange.format_moment(later)
    await time_passes(cluster, minutes=50)

    assert (await ending(number)).until == later - 50 * MINUTE


async def test_without_alertmanager_what_we_know_counts(operator: Actor, cluster: Cluster) -> None:
    number = await an_hour(operator)
    await time_passes(cluster, minutes=50)
    cluster.first.fault = cluster.second.fault = Fault.HTML

    found = await ending(number)

    assert (found.is_over, found.alerts) == (False, None)


async def test_a_longer_one_is_warned_of_later_also_under_another_id(
    operator: Actor, cluster: Cluster
) -> None:
    number = await an_hour(operator)
    await time_passes(cluster, minutes=50)
    [before] = await actions.ending_soon(operator)
    cluster.first.always_replaces = True
    later = before.until + HOUR
    longer = await actions.extend_silence(operator, key=before.key, ends_at=later)
    found = await ending(number)

    assert longer.replaced == before.key
    assert (found.key, found.is_over) == (longer.silence.id, False)
    assert abs(found.warn_at - (later - 14 * MINUTE)) < MINUTE
    assert await actions.to_warn_of(OPSPORTAL) == {}


async def test_a_refused_change_says_that_the_old_one_stays(
    operator: Actor, cluster: Cluster
) -> None:
    await an_hour(operator)
    [silence] = cluster.first.silences
    cluster.first.always_replaces, cluster.first.most_silences = True, 1

    with pytest.raises(InvalidInput) as caught:
        await actions.extend_silence(
            operator, key=silence["id"], ends_at=timerange.now_ns() + 2 * HOUR
        )

    assert "refuses it: exceeded maximum number of silences: 1 (limit: 1)" in str(caught.value)
    assert ". The silence stays as it was, until 20" in str(caught.value)
    assert silence["status"]["state"] == "active"


async def test_pages_warn_the_maker_with_an_hour_more(
    operator: Actor, cluster: Cluster, async_client: AsyncClient
) -> None:
    cluster.fires("A")
    await an_hour(operator)
    await async_client.aforce_login(await User.objects.aget(username=operator.name))
    early = await async_client.get("/sites/production/alerts/")
    await time_passes(cluster, minutes=50)
    late = await async_client.get("/sites/production/alerts/")
    cluster.first.alerts.clear()
    await time_passes(cluster, seconds=1)
    idle = await async_client.get("/sites/production/alerts/")
    cluster.first.always_replaces = True
    [ours] = await actions.ending_soon(operator)
    longer = await async_client.post(
        f"{LISTED}change/", {"key": ours.key, "longer": str(ours.until)}, follow=True
    )

    assert "hidden" in banner(early), "the browser shows it when it is time"
    assert "data-from=" in banner(early)
    assert "hidden" not in banner(late)
    assert "Your silence of A ends in 9 min" in text(late)
    assert "1 hour more" in text(late)
    assert "Your silence of A, which matches no alert now, ends in" in text(idle)
    assert f"in place of {ours.key}" in text(longer)
    assert "Alertmanager gave it a new ID" in text(longer)


@pytest.mark.parametrize("group", ["viewers", "operators"])
async def test_nobody_else_is_warned_on_pages(
    operator: Actor, cluster: Cluster, async_client: AsyncClient, person: Person, group: str
) -> None:
    await an_hour(operator)
    await time_passes(cluster, minutes=50)
    await async_client.aforce_login(await in_database(person, "mia", group))

    assert "Your silence" not in text(await async_client.get("/sites/production/alerts/"))
