"""Who is notified of an alert: the same at every door, with Alertmanagers that do not answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient
from pytest_django import Settings

from bot import console
from ops.actor import Actor
from ops.alerts.actions import AlertList, list_alerts, show_alert
from ops.alerts.notifying import Delivery, Notified
from ops.rpc import auth
from ops.rpc.server import serve_grpc
from ops.vocabulary import timerange
from ops.vocabulary.timerange import HOUR
from proto.ops.ops_pb2 import AlertsReq
from proto.ops.ops_pb2 import Notified as NotifiedMessage
from proto.ops.ops_pb2_grpc import OpsStub
from tests.conftest import SiteFile
from tests.dashboard.places import heading, text
from tests.fakes.alertmanager import EXTERNAL, FakeAlertmanager, Fault
from tests.fakes.prometheus import FakePrometheus, alert

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

pytestmark = pytest.mark.django_db(transaction=True)
SITE = """
[sites.production.prometheus]
name = "main"
url = "{prometheus.url}"
[[sites.production.alertmanager]]
name = "am-a"
url = "{first.url}"
timeout = "{timeout}"
[[sites.production.alertmanager]]
name = "am-b"
url = "{second.url}"
"""
HOSTILE = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Pair:
    first: FakeAlertmanager
    second: FakeAlertmanager


@pytest.fixture
async def pair(prometheus: FakePrometheus, site_file: SiteFile) -> AsyncIterator[Pair]:
    async with FakeAlertmanager() as first, FakeAlertmanager() as second:
        site_file(SITE.format(prometheus=prometheus, first=first, second=second, timeout="1m"))
        yield Pair(first, second)


def fires(prometheus: FakePrometheus, name: str, state: str = "firing") -> dict[str, str]:
    prometheus.rule(name, alert(name, state, severity="page", job="petstore"))
    return {"alertname": name, "severity": "page", "job": "petstore"}


def of(found: AlertList, name: str) -> Notified | None:
    assert found.routed
    return found.routed.of(next(each for each in found.alerts if each.name == name))


async def test_each_alert_says_what_happens_to_it(
    viewer: Actor, prometheus: FakePrometheus, pair: Pair
) -> None:
    cause = pair.first.has(fires(prometheus, "DiskFull"), "storage", "lead")
    pair.second.has(fires(prometheus, "QueueDeep"), "pets", silencedBy=["s1", "s2"])
    pair.second.has(fires(prometheus, "Slow"), "pets", inhibitedBy=[cause])
    pair.first.has(fires(prometheus, "Nightly"), "pets", mutedBy=["nights"])
    fires(prometheus, "New")
    fires(prometheus, "Soon", "pending")
    pair.first.silence("s1", ends="2026-11-24T15:00:00Z")
    pair.first.silence("s2", ends="2026-11-24T16:00:00Z")

    found = await list_alerts(viewer)

    said = {each.name: of(found, each.name) for each in found.alerts}
    words = {name: each and each.words for name, each in said.items()}
    assert words == {
        "DiskFull": "notifies lead and storage",
        "QueueDeep": "silenced",
        "Slow": "inhibited by DiskFull",
        "Nightly": "muted by nights",
        "New": "not in Alertmanager, so nobody is notified",
        "Soon": None,
    }
    assert said["QueueDeep"]
    assert [each.id for each in said["QueueDeep"].silences] == ["s2", "s1"]
    assert timerange.format_moment(said["QueueDeep"].until) == "2026-11-24T16:00:00Z"
    assert found.held_back_in_words == "1 silenced, 1 inhibited, 1 muted"


async def test_an_alertmanager_that_fails_is_named_and_the_alerts_stay(
    viewer: Actor, prometheus: FakePrometheus, pair: Pair
) -> None:
    pair.first.has(fires(prometheus, "Known"), "pets")
    fires(prometheus, "Elsewhere")
    pair.second.fault = Fault.HTML

    found = await list_alerts(viewer)

    known, elsewhere = of(found, "Known"), of(found, "Elsewhere")
    assert known
    assert known.delivery is Delivery.NOTIFIED
    assert elsewhere
    assert elsewhere.delivery is Delivery.UNKNOWN, "am-b may have it"
    assert found.routed
    [failure] = found.routed.failures
    assert failure.source == "am-b"
    assert "with HTML instead of JSON" in failure.reason
    assert not found.failures, "no alert is missing"


async def test_one_that_hangs_does_not_hold_up_the_alerts(
    viewer: Actor, prometheus: FakePrometheus, pair: Pair
) -> None:
    fires(prometheus, "Known")
    pair.first.fault = Fault.HANG

    found = await list_alerts(viewer, patience=2)

    assert [each.name for each in found.alerts] == ["Known"]
    assert found.routed
    assert [each.reason for each in found.routed.failures] == ["am-a did not answer within 2 s"]


async def test_one_alert_shows_its_silences(
    viewer: Actor, prometheus: FakePrometheus, pair: Pair
) -> None:
    pair.first.has(fires(prometheus, "QueueDeep"), "pets", silencedBy=["s1"])
    pair.second.silence("s1", ends="2026-11-24T15:00:00Z")  # silences are shared, alerts are not
    [listed] = (await list_alerts(viewer)).alerts

    shown = await show_alert(viewer, fingerprint=listed.fingerprint)

    assert shown.notified
    assert [each.created_by for each in shown.notified.silences] == ["olga"]


async def test_a_site_without_alertmanager_says_nothing_of_notifications(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    site_file(f'[sites.production]\nprometheus = {{ name = "main", url = "{prometheus.url}" }}')
    fires(prometheus, "QueueDeep")

    found = await list_alerts(viewer)

    assert found.routed is None
    assert found.held_back_in_words == ""


async def test_the_pages_say_it_and_escape_what_others_wrote(
    viewer: Actor, async_client: AsyncClient, prometheus: FakePrometheus, pair: Pair
) -> None:
    pair.first.has(fires(prometheus, "QueueDeep"), "pets", silencedBy=["s1"])
    fires(prometheus, "Elsewhere")
    pair.first.silence("s1", ends="2226-11-24T15:00:00Z", comment=HOSTILE, createdBy=HOSTILE)
    pair.second.fault = Fault.MESSAGE
    await async_client.aforce_login(await User.objects.aget(username=viewer.name))
    found = await list_alerts(viewer)
    silenced = next(each for each in found.alerts if each.name == "QueueDeep")

    listed = await async_client.get("/sites/production/alerts/")
    one = await async_client.get(f"/sites/production/alerts/{silenced.fingerprint}/")

    assert heading(listed) == "2 alerts firing, 1 silenced"
    assert "silenced until 24 Nov 2226 15:00:00 UTC" in text(listed)
    assert "not known whether anybody is notified" in text(listed)
    assert "Alertmanager am-b did not answer, so who is notified may be incomplete" in text(listed)
    assert f"by {HOSTILE} until 24 Nov 2226 15:00:00 UTC : {HOSTILE}" in text(one)
    assert HOSTILE not in one.content.decode()


async def test_the_bot_says_it(viewer: Actor, prometheus: FakePrometheus, pair: Pair) -> None:
    pair.first.has(fires(prometheus, "QueueDeep"), "pets", silencedBy=["s1"])
    pair.first.silence("s1", ends="2226-11-24T15:00:00Z")

    listed = await console.answer(viewer, "alerts")
    one = await console.answer(viewer, "alert QueueDeep")

    assert listed.summary == "1 alert firing (1 page), 1 silenced"
    assert "silenced until 2226-11-24 15:00:00 UTC" in listed.rows[0].below
    assert "silence by olga: known" in one.notes


async def test_grpc_says_it(
    viewer: Actor, prometheus: FakePrometheus, pair: Pair, settings: Settings
) -> None:
    settings.GRPC_ANONYMOUS_USER = viewer.name
    auth.cache.clear()
    end = timerange.now_ns() // HOUR * HOUR + HOUR
    pair.first.has(fires(prometheus, "QueueDeep"), "pets", silencedBy=["s1"])
    pair.first.silence("s1", ends=timerange.format_moment(end))
    pair.second.fault = Fault.STRING
    async with (
        serve_grpc("127.0.0.1:0") as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        ops: OpsAsyncStub = OpsStub(channel)
        found = await ops.Alerts(AlertsReq())

    [only] = found.alerts
    assert only.notified == NotifiedMessage(
        delivery=NotifiedMessage.SILENCED,
        receivers=["pets"],
        silenced_by=["s1"],
        silenced_until=end,
    )
    assert [each.source for each in found.alertmanager_failures] == ["am-b"]
    assert EXTERNAL.keys().isdisjoint(only.labels)
