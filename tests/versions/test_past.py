"""What ran before, from Prometheus's range: at first sight, and at few calls."""

import time

import pytest
from pytest_django import Settings

from ops.actor import Actor
from ops.versions.actions import State, list_versions, show_several, show_versions
from ops.vocabulary.timerange import MINUTE, SECOND
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus

pytestmark = pytest.mark.django_db(transaction=True)

BUILD = "petstore_build_info"
SITE = f"""
[sites.p]
prometheus = {{{{ name = "main", url = "{{url}}" }}}}
[sites.p.services.petstore]
version = "{BUILD}"
rollout_within = "30m"
"""
MANY = 300


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    site_file(SITE.format(url=prometheus.url))


def ran(prometheus: FakePrometheus, now: int, *series: tuple[str, str, int, int]) -> None:
    """Set (instance, version, from, until), in minutes before the last whole one."""
    last = (now - 1) // MINUTE * 60
    labels = [{"job": "petstore", "instance": i, "version": v} for i, v, _, _ in series]
    prometheus.ranges[BUILD] = [
        {
            "metric": each,
            "values": [[last - ago * 60, "1"] for ago in range(start, until - 1, -1)],
        }
        for each, (_, _, start, until) in zip(labels, series, strict=True)
    ]
    prometheus.says(
        BUILD,
        *((each, 1) for each, (*_, until) in zip(labels, series, strict=True) if not until),
    )


async def test_it_knows_since_when_and_what_before_at_first_sight(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    now = time.time_ns()
    ran(prometheus, now, ("a", "v1.10.0", 180, 21), ("a", "v1.9.0", 20, 0))

    (found,) = await list_versions(viewer)

    assert found.history
    assert (found.rollout.state, found.rollout.previous) == (State.STEADY, "v1.10.0")
    assert found.rollout.since == found.history.first_seen("v1.9.0") > now - 22 * MINUTE


async def test_a_rollout_that_takes_longer_than_the_site_file_allows_is_stuck(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    ran(prometheus, time.time_ns(), ("a", "1", 180, 41), ("b", "1", 180, 0), ("a", "2", 40, 0))

    found = await show_versions(viewer)

    assert found.news == "rollout of 2 stuck at 1 of 2: it has taken longer than 30 min"


async def test_at_an_earlier_moment_the_newest_is_what_was_seen_last_until_then(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    then = time.time_ns() - 60 * MINUTE
    ran(prometheus, then, ("a", "1.10", 180, 11), ("b", "1.10", 180, 0), ("a", "1.9", 10, 0))

    (found,) = await show_several(viewer, services=["petstore"], at=then)

    assert found.spread == "1.9 on a, 1.10 on b"
    (form,) = [form for form in prometheus.forms if "start" in form]
    assert float(form["end"]) < then / SECOND
    assert all("kube_" not in form["query"] for form in prometheus.forms)


async def test_at_an_earlier_moment_one_version_needs_no_past(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    ran(prometheus, time.time_ns(), ("a", "1", 180, 0))

    await show_several(viewer, services=["petstore"], at=time.time_ns() - MINUTE)

    assert prometheus.paths.count("/api/v1/query_range") == 0


async def test_a_past_that_cannot_be_read_hides_no_version(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    ran(prometheus, time.time_ns(), ("a", "1", 180, 0))
    prometheus.raw["/api/v1/query_range"] = {
        "status": "error", "errorType": "execution", "error": "too many samples",
    }  # fmt: skip

    found = await show_versions(viewer)

    assert (found.summary, found.history) == ("1 on 1 of 1", None)
    assert found.warnings[0].startswith("OpsPortal cannot tell what ran before: ")
    assert "too many samples" in found.warnings[0]


def own(name: str) -> str:
    return f'build_info{{job="{name}"}}'


async def test_many_services_cost_a_few_calls(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    names = [f"shop-{number:03d}" for number in range(MANY)]
    services = "".join(f"[sites.p.services.{name}]\nversion = '{own(name)}'\n" for name in names)
    site_file(f'[sites.p]\nprometheus = {{ url = "{prometheus.url}" }}\n{services}')
    for name in names:
        labels = {"job": name, "instance": f"{name}-1", "version": "1"}
        prometheus.says(own(name), (labels, 1))
        prometheus.ranges[own(name)] = [{"metric": labels, "values": [[1, "1"]]}]

    assert {each.summary for each in await list_versions(viewer)} == {"1 on 1 of 1"}

    calls = {path: prometheus.paths.count(f"/api/v1/{path}") for path in ("query", "query_range")}
    # 301 queries and as many ranges in groups of 20 to 50, one test of joining, one for `up`.
    assert calls["query"] <= 18
    assert calls["query_range"] <= 16


async def test_services_without_configuration_cost_the_same_however_many(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    names = [f"shop-{number:03d}" for number in range(MANY)]
    services = "".join(f"[sites.p.services.{name}]\n" for name in names)
    site_file(f'[sites.p]\nprometheus = {{ url = "{prometheus.url}" }}\n{services}')
    usual = '__name__=~".+_build_info|target_info|deployedVersion",__name__!="go_build_info"'
    query = f'{{{usual},job=~"{"|".join(names)}"}}'
    series = [
        {"__name__": "x_build_info", "job": name, "instance": "i", "version": "1"} for name in names
    ]
    prometheus.says(query, *((each, 1) for each in series))
    prometheus.ranges[query] = [{"metric": each, "values": [[1, "1"]]} for each in series]

    found = await list_versions(viewer)

    assert {each.summary for each in found} == {"1 on 1 of 1"}
    assert len(prometheus.paths) <= 12


async def test_the_past_is_asked_for_once_a_minute(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    then = time.time_ns() // MINUTE * MINUTE - 60 * MINUTE + SECOND
    ran(prometheus, then + 4 * MINUTE, ("a", "1", 180, 11), ("b", "1", 180, 0), ("a", "2", 10, 0))

    for moment in (then, then + SECOND, then + MINUTE + 30 * SECOND, then + MINUTE):
        await show_several(viewer, services=["petstore"], at=moment)

    # The last one is earlier than what is known of its minute.
    assert prometheus.paths.count("/api/v1/query_range") == 3


async def test_the_past_is_asked_for_anew_when_something_else_runs(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    then = time.time_ns() // MINUTE * MINUTE - 60 * MINUTE + 20 * SECOND
    ran(prometheus, then, ("a", "1", 180, 11), ("b", "1", 180, 0), ("a", "2", 10, 0))
    await show_several(viewer, services=["petstore"], at=then)
    prometheus.says(
        BUILD, *(({"job": "petstore", "instance": i, "version": v}, 1) for i, v in ("a2", "b3"))
    )

    (found,) = await show_several(viewer, services=["petstore"], at=then + 20 * SECOND)

    assert prometheus.paths.count("/api/v1/query_range") == 2
    assert found.counts == (("3", 1), ("2", 1))


async def test_a_slow_past_does_not_hold_up_the_versions(
    viewer: Actor, prometheus: FakePrometheus, settings: Settings
) -> None:
    settings.PATIENCE = 1.0
    ran(prometheus, time.time_ns(), ("a", "1", 180, 0))
    prometheus.waiting.add("/api/v1/query_range")

    found = await show_versions(viewer)

    assert (found.summary, found.history, found.warnings) == ("1 on 1 of 1", None, ())
