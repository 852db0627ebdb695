"""Two real Alertmanagers that gossip: what they say of alerts is what we read."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ops.actor import Actor
from ops.alerts.notifying import Delivery, Notified, Routed, routed
from ops.backends.clients import close_clients
from ops.silences import actions
from ops.sites import AlertmanagerSource, Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, Alert
from ops.vocabulary.matchers import Matcher
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.alertmanager import EXTERNAL
from tests.live import servers

CONFIG = """
route:
  receiver: everybody
  group_wait: 1s
  routes:
    - {matchers: [team = "storage"], receiver: storage, continue: true}
    - {matchers: [severity = "page"], receiver: pager}
receivers: [{name: everybody}, {name: storage}, {name: pager}]
inhibit_rules:
  - {source_matchers: [severity = "page"], target_matchers: [severity = "warning"], equal: [job]}
"""
WITHIN = 60
SILENCES = 60
SITE = """
[sites.shop]
[[sites.shop.alertmanager]]
name = "a"
url = "{cluster.first}"
[[sites.shop.alertmanager]]
name = "b"
url = "{cluster.second}"
"""
pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Cluster:
    """Two instances; an alert is sent to one of them, as after a network split."""

    first: str
    second: str

    def site(self) -> Site:
        sources = AlertmanagerSource("a", self.first), AlertmanagerSource("b", self.second)
        return Site("shop", None, (), {}, "", alertmanager=sources)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folders = [tmp_path_factory.mktemp("alertmanager") for _ in range(2)]
    one, other = (f"127.0.0.1:{port}" for port in servers.free_ports(2))
    with (
        servers.alertmanager(folders[0], CONFIG, one) as first,
        servers.alertmanager(folders[1], CONFIG, other, peer=one) as second,
    ):
        yield Cluster(first, second)


@pytest.fixture
def silencer(person: Person) -> Actor:
    return actor_of(person("olga", "operators"))


def send(url: str, **labels: str) -> Alert:
    """Send an alert as Prometheus does, with the external label; returns it as it is shown."""
    whole = [{"labels": {**labels, **EXTERNAL}, "annotations": {}}]
    httpx.post(f"{url}/api/v2/alerts", json=whole).raise_for_status()
    name = labels["alertname"]
    return Alert(name, FIRING, "1", 0, labels, {}, ("main",), "demo", "ok")


def silence(url: str, *matchers: Mapping[str, Any]) -> str:
    now = datetime.now(UTC)
    made = {
        "matchers": [{"isRegex": False, "isEqual": True, **each} for each in matchers],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "olga",
        "comment": "known",
    }
    answer = httpx.post(f"{url}/api/v2/silences", json=made)
    answer.raise_for_status()
    return str(answer.json()["silenceID"])


def end_silence(url: str, key: str) -> None:
    httpx.delete(f"{url}/api/v2/silence/{key}").raise_for_status()


async def said(cluster: Cluster, alert: Alert, delivery: Delivery) -> Notified:
    """Wait until that is what happens to an alert."""

    async def ask() -> Routed | None:
        return await routed(cluster.site(), WITHIN)

    def as_expected(found: Routed | None) -> bool:
        notified = found and found.of(alert)
        return bool(notified and notified.delivery is delivery)

    found = await servers.eventually(ask, as_expected)
    await close_clients()
    assert found
    assert not found.failures
    assert not found.unreadable
    notified = found.of(alert)
    assert notified
    return notified


async def test_it_says_who_is_notified(cluster: Cluster) -> None:
    one = send(cluster.first, alertname="A", team="storage", severity="page", job="a")
    other = send(cluster.second, alertname="A", team="pets", severity="info", job="a")

    assert (await said(cluster, one, Delivery.NOTIFIED)).receivers == ("pager", "storage")
    assert (await said(cluster, other, Delivery.NOTIFIED)).receivers == ("everybody",)


async def test_a_silence_of_one_instance_holds_back_the_alerts_of_the_other(
    cluster: Cluster,
) -> None:
    alert = send(cluster.first, alertname="B", team="pets", severity="info", job="b")
    key = silence(cluster.second, {"name": "alertname", "value": "B|C", "isRegex": True})

    found = await said(cluster, alert, Delivery.SILENCED)

    assert [each.id for each in found.silences] == [key]
    assert found.silences[0].created_by == "olga"
    assert str(found.silences[0].matchers[0]) == 'alertname=~"B|C"'
    end_silence(cluster.first, key)
    assert (await said(cluster, alert, Delivery.NOTIFIED)).silences == ()


async def test_a_silence_hides_what_its_preview_shows(
    cluster: Cluster, site_file: SiteFile, silencer: Actor
) -> None:
    """Random matchers on labels of all kinds: our matching is Alertmanager's."""
    site_file(SITE.format(cluster=cluster))
    chosen = random.Random(16)
    alerts = [
        {"alertname": "R", "n": str(n), "team": chosen.choice(["", "pets", "Pets", "a|b"]),
         "path": chosen.choice(["/a.b", "C:\\new", "é 1"])}
        for n in range(30)
    ]  # fmt: skip
    for labels in alerts:
        send(cluster.first, **{name: value for name, value in labels.items() if value})
    for _ in range(SILENCES):
        matchers = [Matcher("alertname", "=", "R"), *_random_matchers(chosen)]
        found = await actions.preview_silence(silencer, matchers=matchers)
        ends = timerange.now_ns() + timerange.HOUR
        made = await actions.create_silence(
            silencer, matchers=matchers, ends_at=ends, confirmed=True
        )
        hidden = silenced_by(cluster.first, made.silence.id)
        assert {each.labels["n"] for each in found.hides} == hidden, matchers
        await actions.end_silence(silencer, key=made.silence.id)


def _random_matchers(chosen: random.Random) -> Iterator[Matcher]:
    for name in chosen.sample(["n", "team", "path", "other"], chosen.randrange(1, 4)):
        values = [
            "",
            "1",
            "pets",
            "p.*",
            "a|b",
            "a\\|b",
            "(?i)pets",
            ".+",
            "/a.b",
            "C:\\\\new",
            "é.1",
        ]
        yield Matcher(name, chosen.choice(["=", "!=", "=~", "!~"]), chosen.choice(values))


def silenced_by(url: str, key: str) -> set[str]:
    answer = httpx.get(f"{url}/api/v2/alerts").json()
    return {each["labels"]["n"] for each in answer if key in each["status"]["silencedBy"]}


async def test_an_inhibited_alert_names_its_cause(cluster: Cluster) -> None:
    send(cluster.first, alertname="Down", severity="page", job="d")
    alert = send(cluster.first, alertname="Slow", severity="warning", job="d")

    assert (await said(cluster, alert, Delivery.INHIBITED)).inhibited_by == ("Down",)


async def test_an_alert_that_was_never_sent_is_missing(cluster: Cluster) -> None:
    never = Alert("Never", FIRING, "1", 0, {"alertname": "Never"}, {}, ("main",), "demo", "ok")

    await said(cluster, never, Delivery.MISSING)


async def test_without_one_instance_nothing_is_sure(cluster: Cluster) -> None:
    gone = Cluster(cluster.first, f"http://127.0.0.1:{servers.free_ports(1)[0]}")
    never = Alert("Never", FIRING, "1", 0, {"alertname": "Never"}, {}, ("main",), "demo", "ok")

    found = await routed(gone.site(), WITHIN)
    await close_clients()

    assert found
    assert [each.source for each in found.failures] == ["b"]
    notified = found.of(never)
    assert notified
    assert notified.delivery is Delivery.UNKNOWN
