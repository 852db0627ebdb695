"""A site of hundreds of services: what it costs, and what is shown before all has come."""

import asyncio

import pytest

from ops.actor import Actor
from ops.errors import NotPermitted
from ops.overview.actions import Gap, Overview, show_overview
from ops.overview.parts import SEARCHED_AT_ALL
from ops.versions.actions import list_versions
from ops.vocabulary.filters import TraceQuery
from tests.conftest import SiteFile
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 120
NAMES = [f"shop-{number:03d}" for number in range(MANY)]
HEAD = """
[sites.p]
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
"""
OWN = """
[sites.p.services.{name}]
version = 'build_info{{job="{name}"}}'
requests = 'requests_of{{job="{name}"}}'
failing = 'failing_of{{job="{name}"}}'
p95 = 'p95_of{{job="{name}"}}'
"""
SHARED = """
[sites.p.every_service]
version = "build_info"
requests = "sum by (job) (requests)"
[sites.p.services.a]
[sites.p.services.b]
[sites.p.services.c]
alerts = { job = "a", team = "c" }
[sites.p.services.own]
requests = "requests_of_own"
version = ""
[sites.p.services.nameless]
alerts = {}
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus) -> None:
    head = HEAD.format(jaeger=jaeger.address, prometheus=prometheus.url)
    site_file(head + "".join(OWN.format(name=name) for name in NAMES))
    for number, name in enumerate(NAMES):
        labels = f'{{job="{name}"}}'
        prometheus.says(f"requests_of{labels}", ({}, number))
        prometheus.says(f"failing_of{labels}", ({}, 0.5))
        prometheus.says(
            f"build_info{labels}", ({"job": name, "instance": f"{name}-1", "version": "1.0"}, 1)
        )
        prometheus.rule("Slow", alert("Slow", job=name, severity="warning"))


@ANY_JAEGER
async def test_it_asks_prometheus_far_fewer_times_than_there_are_queries(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    found = await show_overview(viewer)

    assert [line.requests for line in found.lines] == list(range(MANY))
    assert {line.failing for line in found.lines} == {0.5}
    assert {line.versions.summary for line in found.lines if line.versions} == {"1.0 on 1 of 1"}
    assert [len(line.alerts or ()) for line in found.lines] == [1] * MANY
    assert found.problems == ()
    assert len(prometheus.paths) < MANY


@ANY_JAEGER
async def test_it_asks_for_the_figures_of_those_shown_only(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("Dead", alert("Dead", job="shop-077", severity="critical"))
    prometheus.rule("Dead", alert("Dead", job="shop-005", severity="critical"))

    found = await show_overview(viewer, find="SHOP-0", most=10)

    assert found.services == 100
    assert {line.service for line in found.lines[:2]} == {"shop-005", "shop-077"}
    assert len(found.lines) == 10
    sent = " ".join(form["query"] for form in prometheus.forms if "query" in form)
    asked = {name for name in NAMES if f'requests_of{{job="{name}"}}' in sent}
    assert asked == {line.service for line in found.lines}

    rest = await show_overview(viewer, find="shop-0", first=10, most=200)
    assert len(rest.lines) == 90
    assert not {line.service for line in rest.lines} & asked


async def until_whole(viewer: Actor) -> Overview:
    async with asyncio.timeout(30):
        while (found := await show_overview(viewer, patience=1)).coming:
            pass
    return found


@EITHER_JAEGER
async def test_what_is_slow_comes_later_and_is_never_said_to_be_nothing(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.fault = Fault.HANG

    early = await show_overview(viewer, patience=0)

    assert {"alerts", "versions", "figures"} <= set(early.coming)
    assert (early.alerts, early.problems) == (None, ())
    line = early.lines[0]
    assert (line.alerts, line.requests, line.versions) == (None, None, None)
    gaps = {line.gaps[key] for key in ("alerts", "versions", "requests", "failing", "p95")}
    assert gaps == {Gap.COMING}
    assert line.gaps["sampling"] is Gap.NOT_SET_UP

    prometheus.release.set()
    prometheus.fault = Fault.NONE
    whole = await until_whole(viewer)
    assert [line.requests for line in whole.lines] == list(range(MANY))


@ANY_JAEGER
async def test_who_may_not_see_a_part_does_not_see_what_others_asked_for(
    viewer: Actor, stranger: Actor
) -> None:
    await show_overview(viewer)

    with pytest.raises(NotPermitted):
        await show_overview(stranger)


@ANY_JAEGER
async def test_why_there_is_no_value_is_said(viewer: Actor, prometheus: FakePrometheus) -> None:
    del prometheus.answers['failing_of{job="shop-001"}']
    del prometheus.answers['build_info{job="shop-001"}']
    prometheus.bad['failing_of{job="shop-002"}'] = "wrong"

    lines = (await show_overview(viewer)).lines

    assert (lines[1].failing, lines[1].gaps["failing"]) == (None, Gap.EMPTY)
    assert lines[1].gaps["versions"] is Gap.EMPTY
    assert (lines[2].failing, lines[2].gaps["failing"]) == (None, Gap.FAILED)
    assert lines[0].gaps["sampling"] is Gap.NOT_SET_UP


@EITHER_JAEGER
async def test_failing_traces_are_searched_in_one_go(viewer: Actor, jaeger: FakeJaeger) -> None:
    jaeger.add(trace(span("shop-003", "Buy", error="sold out")))
    jaeger.add(trace(span("another", "Buy", error="of another site")))

    found = await show_overview(viewer)

    assert [each.error for each in found.failing or ()] == ["Buy: sold out"]
    assert jaeger.methods().count("FindTraceSummaries") == 1


@EITHER_JAEGER
async def test_where_a_storage_cannot_some_services_are_searched_and_that_is_said(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    for number in range(TraceQuery().limit * 3):
        jaeger.add(trace(span("another", f"op{number}", error="of another site")))
    jaeger.add(trace(span("shop-003", "Buy", error="sold out", start=1)))

    found = await show_overview(viewer)

    (problem,) = found.problems
    assert f"searched in only {SEARCHED_AT_ALL} of {MANY} services" in problem
    assert len(jaeger.methods()) < MANY


class TestQueriesOfAllServices:
    @pytest.fixture(autouse=True)
    def shared(self, site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus) -> None:
        head = HEAD.format(jaeger=jaeger.address, prometheus=prometheus.url)
        site_file(head + SHARED)
        prometheus.says("sum by (job) (requests)", ({"job": "a"}, 1), ({"job": "b"}, 2))
        prometheus.says("requests_of_own", ({"job": "elsewhere"}, 7))
        prometheus.says(
            "build_info",
            ({"job": "a", "instance": "a-1", "version": "1"}, 1),
            ({"job": "b", "instance": "b-1", "version": "2"}, 1),
        )
        prometheus.says(
            'up{job=~"a|b"}',
            ({"job": "a", "instance": "a-1"}, 1),
            ({"job": "a", "instance": "a-2"}, 0),
            ({"job": "b", "instance": "b-1"}, 1),
        )

    @ANY_JAEGER
    async def test_each_service_has_what_carries_its_labels(
        self, viewer: Actor, prometheus: FakePrometheus
    ) -> None:
        a, b, c, own, nameless = (await show_overview(viewer)).lines

        assert (a.requests, b.requests, own.requests) == (1, 2, 7)
        assert (c.requests, c.gaps["requests"]) == (None, Gap.EMPTY)
        assert own.gaps["versions"] is Gap.NOT_SET_UP
        assert nameless.gaps["requests"] is Gap.NOT_SET_UP
        queries = [form.get("query") for form in prometheus.forms]
        assert queries.count("sum by (job) (requests)") == 1

    async def test_versions_and_targets_are_told_apart(self, viewer: Actor) -> None:
        a, b, c, own, _ = await list_versions(viewer)

        assert (a.summary, b.summary) == ("1 on 1 of 2, 1 down", "2 on 1 of 1")
        assert c.empty and "the version of" in c.problem
        assert not own.empty and "has no version query" in own.problem

    @ANY_JAEGER
    async def test_a_query_of_several_series_is_told_apart_as_well(
        self, viewer: Actor, prometheus: FakePrometheus
    ) -> None:
        prometheus.says("requests_of_own", ({"job": "own"}, 7), ({"job": "elsewhere"}, 8))

        assert (await show_overview(viewer)).lines[3].requests == 7
