"""From an alert to its silence: one press leads to what that hides, another makes it."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from bot import console
from ops.actor import Actor
from ops.silences.rules import MOST_MATCHERS, matchers_of
from ops.vocabulary.alerts import FIRING, Alert
from tests.dashboard.places import heading, text
from tests.silences.conftest import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
ALERTS = "/sites/production/alerts/"
LINK = re.compile(r'<a[^>]* href="([^"]*)">Silence(?: all)? 1 h …</a>')


def links(response: object) -> list[str]:
    markup = response.content.decode()  # type: ignore[attr-defined]
    return [unescape(each) for each in LINK.findall(markup)]


async def test_a_row_leads_to_the_preview_of_its_alert_alone(
    operator: Actor, cluster: Cluster, async_client: AsyncClient
) -> None:
    cluster.fires("A", note='say "hi", confirm')
    await async_client.aforce_login(await User.objects.aget(username=operator.name))

    [row] = links(await async_client.get(ALERTS))
    preview = await async_client.get(row)

    assert heading(preview) == "Silence 1 alert for 1 h?"
    assert cluster.first.silences == []


async def test_a_group_leads_to_the_preview_of_all_of_its_name(
    operator: Actor, cluster: Cluster, async_client: AsyncClient
) -> None:
    cluster.fires("A")
    cluster.fires("A", instance="two")
    cluster.fires("B")
    await async_client.aforce_login(await User.objects.aget(username=operator.name))

    found = links(await async_client.get(ALERTS))
    group = next(each for each in found if "instance" not in each and "job" not in each)

    assert len(found) == 4, "each row, and the group of two"
    assert heading(await async_client.get(group)) == "Silence 2 alerts for 1 h?"


async def test_viewers_are_offered_none(
    viewer: Actor, cluster: Cluster, async_client: AsyncClient
) -> None:
    cluster.fires("A")
    await async_client.aforce_login(await User.objects.aget(username=viewer.name))

    assert "A" in text(await async_client.get(ALERTS))
    assert links(await async_client.get(ALERTS)) == []


async def test_the_bot_offers_it_below_alerts_of_one_name(
    operator: Actor, cluster: Cluster
) -> None:
    cluster.fires("A", note='say "hi", confirm')
    cluster.fires("A", note="x confirm y")

    listed = await console.answer(operator, "alerts A")
    shown = await console.answer(operator, listed.items[0])
    of_all = next(each for each in listed.follow_ups if each.label == "Silence 1 h")
    asked = await console.answer(operator, of_all.line)
    one = await console.answer(operator, 'alerts note="x confirm y"')
    alone = await console.answer(operator, one.items[0])
    of_one = next(each for each in alone.follow_ups if each.label == "Silence 1 h")
    asked_of_one = await console.answer(operator, of_one.line)
    made = await console.answer(operator, asked_of_one.follow_ups[0].line)

    assert shown.summary.startswith("2 alerts firing")
    assert asked.summary.startswith("Silence 2 alerts until ")
    assert asked_of_one.summary.startswith("Silence 1 alert until ")
    assert made.summary.startswith("1 alert silenced until ")


async def test_the_bot_offers_it_for_one_name_only(operator: Actor, cluster: Cluster) -> None:
    cluster.fires("A")
    cluster.fires("B")

    listed = await console.answer(operator, "alerts")

    assert "Silence 1 h" not in [each.label for each in listed.follow_ups]


def test_an_alert_with_many_labels_is_silenced_by_the_first() -> None:
    labels = {f"l{n:02}": "x" for n in range(40)}
    alert = Alert("A", FIRING, "1", 0, labels, {}, ("main",), "demo", "ok")

    found = matchers_of(alert)

    assert len(found) == MOST_MATCHERS
    assert str(found[0]) == 'alertname="A"'
