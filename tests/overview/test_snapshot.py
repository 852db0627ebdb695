"""What else was true while a trace ran."""

import pytest
from django.contrib.auth.models import Permission

from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import InvalidInput, NotPermitted
from ops.overview.actions import MOST_SERVICES, show_snapshot
from ops.sampling.actions import change_policy
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.instance import fake_instance
from tests.fakes.prometheus import FakePrometheus, Fault

pytestmark = pytest.mark.django_db(transaction=True)

START = 1_795_469_320_743_000_000
END = START + 2 * timerange.SECOND
SITE = """
[sites.production]
prometheus = {{ name = "main", url = "{prometheus}" }}
[sites.production.services.petstore]
jaeger_name = "shop.petstore"
instances = ["{instance}"]
version = "petstore_build_info"
[sites.production.services.store]
version = "store_build_info"
[sites.production.services.quiet]
alerts = {{}}
"""
SERVICES = ("shop.petstore", "store", "quiet", "kafka", "<b>")


@pytest.fixture
def site(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    site_file(SITE.format(prometheus=prometheus.url, instance="127.0.0.1:1"))


@pytest.fixture
def then(prometheus: FakePrometheus) -> None:
    """Two versions of petstore ran, and two alerts of one name were active."""
    prometheus.says(
        "petstore_build_info",
        ({"instance": "petstore-1", "version": "1.2.0"}, 1),
        ({"instance": "petstore-3", "version": "1.3.0"}, 1),
    )
    prometheus.remembers(
        'ALERTS{job="petstore"}',
        {"alertname": "Slow", "alertstate": "pending", "instance": "petstore-1"},
        {"alertname": "Slow", "alertstate": "firing", "instance": "petstore-3"},
    )


@pytest.mark.usefixtures("then")
async def test_it_joins_versions_alerts_and_sampling_of_the_trace(
    operator: Actor, site_file: SiteFile, prometheus: FakePrometheus
) -> None:
    async with fake_instance() as instance:
        site_file(SITE.format(prometheus=prometheus.url, instance=instance.address))
        change = await change_policy(operator, policy=ALWAYS, service="petstore")
    start = timerange.now_ns()

    found = await show_snapshot(operator, services=SERVICES, start=start, end=start)

    [petstore] = found.lines
    assert (found.site, found.start, found.end, found.problems) == ("production", start, start, ())
    assert petstore.service == "petstore"
    assert petstore.versions is not None
    assert petstore.versions.spread == "1.3.0 on petstore-3, 1.2.0 on petstore-1"
    assert [(alert.name, alert.state) for alert in petstore.alerts] == [("Slow", "firing")]
    assert petstore.sampling == change


@pytest.mark.usefixtures("site")
async def test_it_is_silent_where_nothing_is_known(viewer: Actor) -> None:
    found = await show_snapshot(viewer, services=SERVICES, start=START, end=END)

    assert (found.lines, found.problems) == ((), ())


@pytest.mark.usefixtures("site", "then")
async def test_a_source_that_fails_is_one_sentence(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.fault = Fault.INTERNAL

    found = await show_snapshot(viewer, services=SERVICES, start=START, end=END)

    assert found.lines == ()
    [problem] = found.problems
    assert "Prometheus main of production" in problem


@pytest.fixture
def tracer(person: Person) -> Actor:
    """Somebody who may see traces and versions, nothing else."""
    tina = person("tina")
    codenames = ("view_traces", "view_versions")
    tina.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return actor_of(tina)


@pytest.mark.usefixtures("site", "then")
async def test_what_a_person_may_not_see_is_left_out_and_not_asked_for(
    tracer: Actor, prometheus: FakePrometheus
) -> None:
    found = await show_snapshot(tracer, services=SERVICES, start=START, end=END)

    [petstore] = found.lines
    assert petstore.versions is not None
    assert (petstore.alerts, petstore.sampling, found.problems) == ((), None, ())
    assert all("ALERTS" not in form["query"] for form in prometheus.forms)
    assert await in_database(AuditEntry.objects.count) == 0


async def test_it_asks_about_a_dozen_services_at_most(
    viewer: Actor, site_file: SiteFile, prometheus: FakePrometheus
) -> None:
    names = [f"s{number}" for number in range(MOST_SERVICES + 5)]
    site_file(
        f'[sites.production]\nprometheus = {{ url = "{prometheus.url}" }}\n'
        + "".join(f"[sites.production.services.{name}]\n" for name in names)
    )

    await show_snapshot(viewer, services=names, start=START, end=END)

    asked = [form["query"] for form in prometheus.forms if "ALERTS" in form["query"]]
    assert len(asked) == MOST_SERVICES
    assert len(prometheus.paths) - len(asked) <= 5  # their versions, all together
    assert "s12" not in " ".join(form["query"] for form in prometheus.forms)


@pytest.mark.usefixtures("site")
async def test_it_refuses_an_end_before_the_start(viewer: Actor) -> None:
    with pytest.raises(InvalidInput, match=r"2026-11-23T21:28:40\.743Z, is before the start"):
        await show_snapshot(viewer, services=SERVICES, start=END, end=START)


@pytest.mark.usefixtures("site")
async def test_it_asks_nothing_for_a_stranger(stranger: Actor, prometheus: FakePrometheus) -> None:
    with pytest.raises(NotPermitted):
        await show_snapshot(stranger, services=SERVICES, start=START, end=END)

    assert prometheus.paths == []
