"""Two real Alertmanagers that gossip: what they say of alerts is what we read."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.actor import Actor
from ops.alerts.notifying import Delivery, Notified, Routed, routed
from ops.backends.clients import close_clients
from ops.silences import actions
from ops.vocabulary.alerts import FIRING, Alert
from ops.vocabulary.matchers import Matcher
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.alertmanager import EXTERNAL
from tests.live import servers
from tests.live.alertmanagers import DEBIAN, RELEASES, SITE, Alertmanager, Cluster, running

WITHIN = 60
SILENCES = 1_000
ROUNDS = 5
HTTP = httpx.Client()
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", params=RELEASES)
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    with running(tmp_path_factory, request.param) as made:
        yield made


@pytest.fixture
def silencer(person: Person) -> Actor:
    return actor_of(person("olga", "operators"))


def send(url: str, **labels: str) -> Alert:
    """Send an alert as Prometheus does, with the external label; returns it as it is shown."""
    whole = [{"labels": {**labels, **EXTERNAL}, "annotations": {}}]
    HTTP.post(f"{url}/api/v2/alerts", json=whole).raise_for_status()
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
    answer = HTTP.post(f"{url}/api/v2/silences", json=made)
    answer.raise_for_status()
    return str(answer.json()["silenceID"])


def end_silence(url: str, key: str) -> None:
    HTTP.delete(f"{url}/api/v2/silence/{key}").raise_for_status()


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
    one = send(cluster.first.url, alertname="A", team="storage", severity="page", job="a")
    other = send(cluster.second.url, alertname="A", team="pets", severity="info", job="a")

    assert (await said(cluster, one, Delivery.NOTIFIED)).receivers == ("pager", "storage")
    assert (await said(cluster, other, Delivery.NOTIFIED)).receivers == ("everybody",)


async def test_a_silence_of_one_instance_holds_back_the_alerts_of_the_other(
    cluster: Cluster,
) -> None:
    alert = send(cluster.first.url, alertname="B", team="pets", severity="info", job="b")
    key = silence(cluster.second.url, {"name": "alertname", "value": "B|C", "isRegex": True})

    found = await said(cluster, alert, Delivery.SILENCED)

    assert [each.id for each in found.silences] == [key]
    assert found.silences[0].created_by == "olga"
    assert str(found.silences[0].matchers[0]) == 'alertname=~"B|C"'
    end_silence(cluster.first.url, key)
    assert (await said(cluster, alert, Delivery.NOTIFIED)).silences == ()


async def test_a_silence_hides_what_its_preview_shows(
    cluster: Cluster, site_file: SiteFile, silencer: Actor
) -> None:
    """Random matchers on labels of all kinds: our matching is Alertmanager's.

    For a while, one of the two is gone: it was killed.
    """
    site_file(SITE.format(cluster=cluster))
    chosen = random.Random(16)
    alerts = [
        {"alertname": "R", "n": str(n), "team": chosen.choice(["", "pets", "Pets", "a|b"]),
         "path": chosen.choice(["/a.b", "C:\\new", "é 1"])}
        for n in range(30)
    ]  # fmt: skip
    for labels in alerts:
        send(cluster.first.url, **{name: value for name, value in labels.items() if value})
    for number in range(ROUNDS):
        wanted = [_random_matchers(chosen) for _ in range(SILENCES // ROUNDS)]
        if number == 1:
            cluster.second.kill()
        previews = await asyncio.gather(*(hidden(silencer, each) for each in wanted))
        made = [silence(cluster.first.url, *map(_as_json, each)) for each in wanted]
        if number == 1:
            cluster.second.start()
        found = silenced_by(cluster.first.url)
        for matchers, preview, key in zip(wanted, previews, made, strict=True):
            assert preview == found[key], [*map(str, matchers)]
        for key in made:
            end_silence(cluster.first.url, key)


async def hidden(actor: Actor, matchers: Sequence[Matcher]) -> set[str]:
    """Return what the preview of a silence shows: the label `n` of the alerts."""
    found = await actions.preview_silence(actor, matchers=matchers)
    return {each.labels["n"] for each in found.hides}


def _as_json(matcher: Matcher) -> dict[str, Any]:
    regex, equal = matcher.operator in ("=~", "!~"), matcher.operator in ("=", "=~")
    return {"name": matcher.name, "value": matcher.value, "isRegex": regex, "isEqual": equal}


def _random_matchers(chosen: random.Random) -> list[Matcher]:
    return [Matcher("alertname", "=", "R"), *_others(chosen)]


def _others(chosen: random.Random) -> Iterator[Matcher]:
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


def silenced_by(url: str) -> Mapping[str, set[str]]:
    """Return by silence the label `n` of the alerts that it hides."""
    found = defaultdict(set)
    for alert in HTTP.get(f"{url}/api/v2/alerts").json():
        for key in alert["status"]["silencedBy"]:
            found[key].add(alert["labels"].get("n", ""))
    return found


async def test_an_inhibited_alert_names_its_cause(cluster: Cluster) -> None:
    send(cluster.first.url, alertname="Down", severity="page", job="d")
    alert = send(cluster.first.url, alertname="Slow", severity="warning", job="d")

    assert (await said(cluster, alert, Delivery.INHIBITED)).inhibited_by == ("Down",)


async def test_an_alert_that_was_never_sent_is_missing(cluster: Cluster) -> None:
    never = Alert("Never", FIRING, "1", 0, {"alertname": "Never"}, {}, ("main",), "demo", "ok")

    await said(cluster, never, Delivery.MISSING)


async def test_without_one_instance_nothing_is_sure(cluster: Cluster, tmp_path: Path) -> None:
    never_started = Alertmanager(tmp_path, DEBIAN)
    gone = Cluster(cluster.release, cluster.first, never_started)
    never = Alert("Never", FIRING, "1", 0, {"alertname": "Never"}, {}, ("main",), "demo", "ok")

    found = await routed(gone.site(), WITHIN)
    await close_clients()

    assert found
    assert [each.source for each in found.failures] == ["b"]
    notified = found.of(never)
    assert notified
    assert notified.delivery is Delivery.UNKNOWN
