import pytest
from pytest_django import Settings

from ops.actor import Actor
from ops.language.names import Names
from ops.overview.actions import names
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.jaeger import FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = pytest.mark.django_db(transaction=True)

SITE = """
[sites.production]
default_service = "petstore"
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
[sites.production.services.petstore]
jaeger_name = "pet.v1"
instances = ["127.0.0.1:1"]
version = "petstore_build_info"
[sites.production.services.orders]
[sites.staging.services.lab]
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus) -> None:
    site_file(SITE.format(jaeger=jaeger.address, prometheus=prometheus.url))


async def test_it_has_the_names_that_are_known_now(
    viewer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    jaeger.add(trace(span("pet.v1", "AddPets"), span("billing", "Charge")))
    prometheus.rule("Slow", alert("Slow", job="petstore", severity="critical"))
    prometheus.says("petstore_build_info", ({"instance": "a:1", "version": "1.2.0"}, 1))
    found = (await names(viewer)).own
    assert (found.site, found.default_service) == ("production", "petstore")
    assert found.services == ("petstore", "orders")
    assert found.in_traces == {"pet.v1": "petstore"}
    assert found.others == ("billing",)
    assert found.operations["petstore"] == ("AddPets",)
    assert (found.alerts, found.severities) == (("Slow", "Quiet"), ("critical",))
    assert found.labels["job"] == ("petstore",)
    assert found.versions["petstore"] == ("1.2.0",)
    assert found.instances["petstore"] == ("127.0.0.1:1", "a:1")
    assert not found.missing


async def test_the_site_that_is_asked_about_comes_first(viewer: Actor) -> None:
    found = await names(viewer, site="staging")
    assert [each.site for each in found.sites] == ["staging", "production"]
    assert found.own.services == ("lab",)


async def test_what_does_not_answer_is_missing_and_the_site_file_is_there(
    viewer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus, settings: Settings
) -> None:
    settings.PATIENCE = 1.0
    jaeger.hang()
    prometheus.fault = Fault.HANG
    found: Names = await names(viewer)
    assert found.own.services == ("petstore", "orders")
    assert found.own.missing == {"services", "operations", "alerts", "versions"}
    again: Names = await names(viewer)
    assert "alerts" in again.own.missing, "what is missing is not remembered as nothing"


@pytest.fixture
def newcomer(person: Person) -> Actor:
    return actor_of(person("eve"))


async def test_it_has_only_what_the_user_may_see(
    newcomer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    jaeger.add(trace(span("pet.v1", "AddPets")))
    prometheus.rule("Slow", alert("Slow", job="petstore", severity="critical"))
    found = (await names(newcomer)).own
    assert found.services == ("petstore", "orders")
    assert not found.operations and not found.alerts and not found.versions
    assert not jaeger.calls and not prometheus.paths
