"""Alerts that were active while something ran, from the series ALERTS."""

import pytest

from ops.actor import Actor
from ops.alerts.actions import alerts_during
from ops.alerts.truth import Reason
from ops.errors import BackendUnavailable, NotFound, NotPermitted
from ops.vocabulary.timerange import HOUR, SECOND
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault

pytestmark = pytest.mark.django_db(transaction=True)

START = 1_795_469_320_743_000_000
PETSTORE = 'ALERTS{job="petstore"}'
SITE = """
[sites.production]
default_service = "petstore"
[[sites.production.prometheus]]
name = "a"
pair = "shop"
url = "{first}"
[[sites.production.prometheus]]
name = "b"
pair = "shop"
url = "{second}"
[sites.production.services.petstore]
[sites.production.services.store]
alerts = {{ team = 'the "store"', severity = "page" }}
[sites.production.services.quiet]
alerts = {{}}
[sites.staging.services.petstore]
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus, second: FakePrometheus) -> None:
    site_file(SITE.format(first=prometheus.url, second=second.url))


def active(name: str, state: str = "firing", **labels: str) -> dict[str, str]:
    return {"__name__": "ALERTS", "alertname": name, "alertstate": state, **labels}


async def test_it_tells_each_alert_of_all_sources_once_the_urgent_first(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    slow = active("Slow", severity="critical")
    prometheus.remembers(PETSTORE, active("Slow", "pending", severity="critical"), slow)
    second.remembers(PETSTORE, slow, active("Deep", "pending"))

    found = await alerts_during(viewer, start=START, end=START + SECOND)

    one, other = found.alerts
    assert (one.name, one.state, one.severity) == ("Slow", "firing", "critical")
    assert one.labels == {"alertname": "Slow", "severity": "critical"}
    assert sorted(one.sources) == ["a", "b"]
    assert (other.name, other.state, other.sources) == ("Deep", "pending", ("b",))
    assert (found.site, found.sources, found.failures) == ("production", 2, ())


async def test_it_looks_at_whole_seconds_from_before_the_start_to_after_the_end(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    await alerts_during(viewer, start=START, end=START)
    await alerts_during(viewer, start=START, end=START + HOUR)

    moments = [[float(form[key]) for key in ("start", "end", "step")] for form in prometheus.forms]
    assert moments == [
        [1_795_469_320, 1_795_469_321, 1],
        [1_795_469_320, 1_795_472_921, 61],
    ]


async def test_it_asks_by_the_labels_that_make_an_alert_the_services(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    store = 'ALERTS{team="the \\"store\\"", severity="page"}'
    prometheus.remembers(store, active("Deep"))

    found = await alerts_during(viewer, start=START, end=START, service="store")
    quiet = await alerts_during(viewer, start=START, end=START, service="quiet")

    assert [alert.name for alert in found.alerts] == ["Deep"]
    assert quiet.alerts == ()
    assert len(prometheus.forms) == 1


async def test_a_source_that_fails_is_named_beside_what_the_other_says(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    second.remembers(PETSTORE, active("Slow"))
    prometheus.fault = Fault.INTERNAL

    found = await alerts_during(viewer, start=START, end=START)

    assert [alert.name for alert in found.alerts] == ["Slow"]
    [failure] = found.failures
    assert failure.source == "a" and "the storage is gone" in failure.reason

    second.fault = Fault.INTERNAL
    with pytest.raises(BackendUnavailable, match="no Prometheus of production answered"):
        await alerts_during(viewer, start=START, end=START + 9 * SECOND)


async def test_a_partial_answer_about_the_past_is_a_doubt(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.warnings = ["store 10.0.0.3 did not answer"]

    found = await alerts_during(viewer, start=START, end=START + SECOND)

    [doubt] = found.doubts
    assert (doubt.reason, doubt.source) == (Reason.PARTIAL, "a")
    assert doubt.detail == "store 10.0.0.3 did not answer"
    assert found.infos == ()


async def test_a_site_without_a_prometheus_knows_none(viewer: Actor) -> None:
    with pytest.raises(NotFound, match='site "staging" has no Prometheus'):
        await alerts_during(viewer, start=START, end=START, site="staging")


async def test_it_asks_nothing_for_a_stranger(stranger: Actor, prometheus: FakePrometheus) -> None:
    with pytest.raises(NotPermitted):
        await alerts_during(stranger, start=START, end=START)

    assert prometheus.paths == []
