"""What a word alone in a filter means: state > service > severity > alert > label."""

import pytest

from ops.actor import Actor
from ops.alerts.actions import AlertList, list_alerts
from ops.errors import InvalidInput
from ops.vocabulary.alert_filters import parse_filter
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    site_file(
        f"""
        default_site = "production"
        [sites.production]
        prometheus = {{ name = "main", url = "{prometheus.url}" }}
        [sites.production.services.petstore]
        instances = ["localhost:1"]
        [sites.production.services.nameless]
        instances = ["localhost:2"]
        alerts = {{}}
        [sites.staging]
        prometheus = {{ name = "main", url = "{prometheus.url}" }}
        [sites.staging.services.orders]
        instances = ["localhost:3"]
        """
    )
    prometheus.rule(
        "QueueDeep",
        alert("QueueDeep", severity="page", job="petstore", annotations={"runbook_url": "x"}),
        alert("QueueDeep", "pending", severity="Page", team="store"),
    )
    prometheus.rule("DiskFull", alert("DiskFull", severity="warning", petstore="yes"))
    prometheus.rule("Watchdog", alert("Watchdog", severity="none"))
    prometheus.rule("Silent", labels={"severity": "sev2"})


async def found_by(viewer: Actor, line: str) -> AlertList:
    return await list_alerts(viewer, filter=parse_filter(line))


@pytest.mark.parametrize(
    ("line", "meaning", "number"),
    [
        ("firing", "state=firing", 2),
        ("Pending firing", "state=pending,firing", 3),
        ("petstore", 'job="petstore"', 1),
        ("Petstore firing", 'state=firing job="petstore"', 1),
        ("warning", 'severity="warning"', 1),
        ("page", 'severity=~"(?i:Page)"', 2),
        ("warning page", 'severity=~"warning|(?i:Page)"', 3),
        ("critical", 'severity="critical"', 0),
        ("sev2", 'severity="sev2"', 0),
        ("QueueDeep", 'alertname="QueueDeep"', 2),
        ("queuedeep diskfull", 'alertname=~"QueueDeep|DiskFull"', 3),
        ("Silent", 'alertname="Silent"', 0),
        ("Watchdog", 'alertname="Watchdog"', 1),
        ("team", 'team!=""', 1),
        ("runbook_url", 'runbook_url!=""', 1),
        ("team page state=pending", 'state=pending severity=~"(?i:Page)", team!=""', 1),
    ],
)
async def test_a_word_means_what_is_called_so(
    viewer: Actor, line: str, meaning: str, number: int
) -> None:
    found = await found_by(viewer, line)

    assert (str(found.filter), len(found.alerts)) == (meaning, number)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("QueuDeep", 'alert or label is called "QueuDeep"; did you mean "QueueDeep"? Otherwise'),
        ("Team", 'did you mean "team"?'),
        ("zzzz", '2 alerts firing, but no state, service, severity, alert or label is called "zz'),
        ("zzzz", 'is called "zzzz"; write label="value" (with =, !=, =~ or !~)'),
        ("inactive", "inactive alerts are not listed"),
        ("firing state=firing", '"state" is given twice'),
        ("petstore nameless", "petstore and nameless are services; give one of them"),
        ("nameless", "the site file has no labels that identify the alerts of nameless"),
        ("orders", 'site "production" has no service "orders"; it is in site=staging'),
        ("nameless site=staging", 'site "staging" has no service "nameless"; it is in site='),
    ],
)
async def test_a_word_that_nothing_is_called_is_refused(
    viewer: Actor, line: str, sentence: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await found_by(viewer, line)
    assert sentence in str(refusal.value)


async def test_the_refusal_names_a_source_that_may_know_it(
    viewer: Actor, site_file: SiteFile, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    site_file(
        f"""
        [[sites.p.prometheus]]
        name = "a"
        url = "{prometheus.url}"
        [[sites.p.prometheus]]
        name = "b"
        url = "{second.url}"
        """
    )
    second.fault = Fault.INTERNAL

    with pytest.raises(InvalidInput, match=r'is called "Other" \(b did not answer\); write'):
        await found_by(viewer, "Other")


async def test_a_word_waits_for_the_sources_that_may_know_it(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.fault = Fault.HANG
    early = await list_alerts(viewer, filter=parse_filter("QueueDeep firing"), patience=0)

    assert (str(early.filter), early.alerts, early.coming) == (
        "state=firing QueueDeep",
        (),
        ("main",),
    )
    prometheus.release.set()
    assert len((await found_by(viewer, "QueueDeep firing")).alerts) == 1
