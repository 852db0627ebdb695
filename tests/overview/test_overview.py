import math

import grpc
import pytest
from django.contrib.auth.models import Permission

from ops.actor import Actor
from ops.errors import NotPermitted
from ops.overview.actions import show_overview
from ops.overview.figures import STEP, STEPS
from ops.vocabulary import timerange
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = pytest.mark.django_db(transaction=True)

SITE = """
[sites.production]
default_service = "petstore"
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
[sites.production.services.petstore]
instances = ["127.0.0.1:1", "127.0.0.1:2"]
version = "petstore_build_info"
requests = "requests_of_petstore"
failing = "failing_of_petstore"
p95 = "p95_of_petstore"
[sites.production.services.store]
alerts = {{ team = "store", severity = "page" }}
[sites.production.services.quiet]
alerts = {{}}
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus) -> None:
    site_file(SITE.format(jaeger=jaeger.address, prometheus=prometheus.url))


@pytest.fixture
def busy(prometheus: FakePrometheus) -> None:
    """Prometheus answers every query of the site file."""
    prometheus.says("requests_of_petstore", ({}, 42.5))
    prometheus.says("failing_of_petstore", ({}, 0.031))
    prometheus.says("p95_of_petstore", ({}, 0.84))
    prometheus.says(
        "petstore_build_info",
        ({"instance": "a", "version": "1.2.0"}, 1),
        ({"instance": "b", "version": "1.3.0"}, 1),
    )


@ANY_JAEGER
@pytest.mark.usefixtures("busy")
async def test_it_joins_everything_about_a_service(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("Slow", alert("Slow", job="petstore", severity="critical"))
    prometheus.rule("Deep", alert("Deep", team="store", severity="page", job="x"))
    prometheus.rule("Other", alert("Other", team="store", severity="warning"))

    found = await show_overview(viewer)

    petstore, store, quiet = found.lines
    assert (found.site, found.problems) == ("production", ())
    assert [line.service for line in found.lines] == ["petstore", "store", "quiet"]
    assert [each.name for each in petstore.alerts or ()] == ["Slow"]
    assert [each.name for each in store.alerts or ()] == ["Deep"]
    assert quiet.alerts == ()
    assert petstore.versions is not None
    assert petstore.versions.summary == "1.3.0 on 1 of 2, 1.2.0 on 1 of 2"
    assert petstore.sampling is not None
    assert str(petstore.sampling.policies) == "unknown"
    assert (petstore.requests, petstore.failing, petstore.p95) == (42.5, 0.031, 840_000_000)
    assert petstore.problems == ()
    assert found.alerts is not None
    assert len(found.alerts.firing) == 3
    assert found.happened == ()


@ANY_JAEGER
@pytest.mark.usefixtures("busy")
async def test_what_is_not_configured_is_none_and_no_problem(viewer: Actor) -> None:
    store = (await show_overview(viewer)).lines[1]

    assert (store.versions, store.sampling) == (None, None)
    assert (store.requests, store.failing, store.p95, store.p95_history) == (None, None, None, ())
    assert store.problems == ()


@ANY_JAEGER
@pytest.mark.usefixtures("busy")
async def test_what_is_no_number_is_none_and_no_problem(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.says("failing_of_petstore", ({}, "NaN"))
    prometheus.says("p95_of_petstore", ({}, "+Inf"))
    del prometheus.answers["requests_of_petstore"]

    line = (await show_overview(viewer)).lines[0]

    assert (line.requests, line.failing, line.p95, line.problems) == (None, None, None, ())


@ANY_JAEGER
@pytest.mark.usefixtures("busy")
async def test_the_history_has_a_place_for_each_minute(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    end = timerange.now_ns() // STEP * STEP
    points = [[(end - back * STEP) / timerange.SECOND, value] for back, value in (
        (20, "0.5"), (10, "NaN"), (5, "1"),
    )]  # fmt: skip
    prometheus.ranges["p95_of_petstore"] = [{"metric": {}, "values": points}]

    history = (await show_overview(viewer)).lines[0].p95_history

    assert len(history) == STEPS
    assert [value for value in history if value is not None] == [500_000_000, 1_000_000_000]
    places = [place for place, value in enumerate(history) if value is not None]
    assert places[1] - places[0] == 15


async def test_a_service_may_have_but_one_query(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    site_file(
        f'[sites.p.prometheus]\nname = "main"\nurl = "{prometheus.url}"\n'
        '[sites.p.services.a]\nfailing = "failing_of_a"'
    )
    prometheus.says("failing_of_a", ({}, 0))

    line = (await show_overview(viewer)).lines[0]

    assert (line.requests, line.failing, line.p95, line.p95_history) == (None, 0.0, None, ())
    assert line.problems == ()


@ANY_JAEGER
@pytest.mark.usefixtures("busy")
async def test_a_query_of_several_series_is_a_problem(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.says("requests_of_petstore", ({"instance": "a"}, 1), ({"instance": "b"}, 2))

    line = (await show_overview(viewer)).lines[0]

    assert line.requests is None
    assert line.problems == (
        "the query requests_of_petstore returns 2 series; it must return one number",
    )
    assert line.failing is not None
    assert math.isclose(line.failing, 0.031)


def failing(jaeger: FakeJaeger, number: int, service: str, seconds_ago: int) -> None:
    start = timerange.now_ns() - seconds_ago * timerange.SECOND
    root = span(service, f"op{number}", start=start, error=f"e{number}")
    jaeger.add(trace(root, trace_id=f"{number:x}"))


@EITHER_JAEGER
@pytest.mark.usefixtures("busy")
async def test_it_shows_the_latest_failing_traces_of_all_services(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    for number, service, seconds_ago in (
        (1, "petstore", 60),
        (2, "store", 50),
        (3, "petstore", 40),
        (4, "store", 30),
        (5, "petstore", 20),
        (6, "petstore", 10),
        (7, "nobody", 5),
        (8, "petstore", 4000),
    ):
        failing(jaeger, number, service, seconds_ago)
    jaeger.add(trace(span("petstore", "fine")))

    found = await show_overview(viewer)

    assert [int(each.trace_id) for each in found.failing or ()] == [6, 5, 4, 3, 2]
    assert [each.error for each in found.failing or ()][:2] == ["op6: e6", "op5: e5"]


@EITHER_JAEGER
@pytest.mark.usefixtures("busy")
async def test_a_trace_of_several_services_is_there_once(viewer: Actor, jaeger: FakeJaeger) -> None:
    child = span("store", "Query", error="no disk")
    jaeger.add(trace(span("petstore", "AddPets", error="failed", children=[child])))

    found = await show_overview(viewer)

    assert [each.error for each in found.failing or ()] == ["Query: no disk"]


@ANY_JAEGER
async def test_what_fails_is_a_sentence_and_the_rest_is_shown(
    viewer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    prometheus.fault = Fault.INTERNAL
    failing(jaeger, 1, "petstore", 10)

    found = await show_overview(viewer)

    assert found.alerts is None
    assert found.happened == ()
    assert [each.error for each in found.failing or ()] == ["op1: e1"]
    (problem,) = found.problems
    assert problem.startswith(f"Prometheus main of production at {prometheus.url} failed: ")
    line = found.lines[0]
    assert (line.alerts, line.requests, line.p95_history) == (None, None, ())
    assert line.versions is not None
    assert set(line.problems) == {problem}
    assert line.sampling is not None


@EITHER_JAEGER
@pytest.mark.usefixtures("busy")
async def test_a_jaeger_that_fails_hides_nothing_else(viewer: Actor, jaeger: FakeJaeger) -> None:
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")

    found = await show_overview(viewer)

    assert found.failing is None
    (problem,) = found.problems
    assert problem.startswith("Jaeger of production at ")
    assert found.lines[0].requests == 42.5


@ANY_JAEGER
async def test_a_source_of_alerts_that_fails_is_named(
    viewer: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    site_file(
        f"""
        [sites.p]
        jaeger = {{ address = "{jaeger.address}" }}
        [[sites.p.prometheus]]
        name = "a"
        url = "{prometheus.url}"
        [[sites.p.prometheus]]
        name = "b"
        url = "{prometheus.url}/elsewhere"
        """
    )
    prometheus.rule("Fires", alert("Fires"))

    found = await show_overview(viewer)

    assert found.alerts is not None
    assert [each.name for each in found.alerts.alerts] == ["Fires"]
    (problem,) = found.problems
    assert problem.startswith("Prometheus b of p at ")


async def test_a_site_without_backends_says_so(viewer: Actor, site_file: SiteFile) -> None:
    site_file('[sites.bare]\n[sites.bare.services.a]\nrequests = "r"\nversion = "v"')

    found = await show_overview(viewer)

    assert (found.alerts, found.failing, found.happened) == (None, None, ())
    assert found.problems == (), "what is not set up is no problem"
    assert found.lines[0].problems == ('site "bare" has no Prometheus for service "a"',)


@EITHER_JAEGER
async def test_a_site_without_services_searches_all_of_jaegers(
    viewer: Actor, jaeger: FakeJaeger, site_file: SiteFile
) -> None:
    site_file(f'[sites.bare]\njaeger = {{ address = "{jaeger.address}" }}')
    failing(jaeger, 1, "anything", 10)

    found = await show_overview(viewer)

    assert found.lines == ()
    assert [each.error for each in found.failing or ()] == ["op1: e1"]


@pytest.fixture
def looker(person: Person) -> Actor:
    """Somebody who may see the overview and nothing of what is in it."""
    user = person("lea")
    user.user_permissions.add(Permission.objects.get(codename="view_overview"))
    return actor_of(user)


@pytest.mark.usefixtures("busy")
async def test_who_may_not_see_a_part_is_told_so(looker: Actor) -> None:
    found = await show_overview(looker)

    assert (found.alerts, found.failing, found.happened) == (None, None, ())
    assert [sentence.split("permission ")[1] for sentence in found.problems] == [
        "alerts.view_alerts",
        "traces.view_traces",
        "sampling.view_sampling",
        "versions.view_versions",
    ]


async def test_it_asks_nothing_for_a_stranger(
    stranger: Actor, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    with pytest.raises(NotPermitted):
        await show_overview(stranger)

    assert jaeger.calls == []
    assert prometheus.paths == []


async def test_figures_come_from_the_other_source_of_a_pair_if_the_first_is_away(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    async with FakePrometheus() as other:
        sources = "".join(
            f'[[sites.p.prometheus]]\nname = "{name}"\nurl = "{server.url}"\npair = "p"\n'
            for name, server in (("a", prometheus), ("b", other))
        )
        site_file(f'{sources}[sites.p.services.a]\nrequests = "requests_of_a"\n')
        other.says("requests_of_a", ({}, 7))
        prometheus.fault = Fault.UNAVAILABLE
        overview = await show_overview(viewer)
        [line] = overview.lines
        assert (line.requests, line.problems) == (7, ())
        assert [each for each in overview.problems if "requests" in each] == []
