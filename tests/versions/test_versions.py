import pytest

from ops.actor import Actor
from ops.errors import BackendUnavailable, InvalidInput, NotFound, NotPermitted
from ops.versions.actions import InstanceVersion, list_versions, show_versions
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault

pytestmark = pytest.mark.django_db(transaction=True)

BUILD = "petstore_build_info"
TARGETS = f"up and on(job) group by (job) ({BUILD})"
SITE = f"""
[sites.production]
default_service = "petstore"
prometheus = {{ name = "main", url = "%s" }}
[sites.production.services.petstore]
version = "{BUILD}"
instances = ["localhost:1", "localhost:2"]
[sites.production.services.mailer]
version = "target_info"
version_label = "service_version"
instance_label = "pod"
[sites.production.services.legacy]
instances = ["localhost:3"]
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    site_file(SITE % prometheus.url)


def build(prometheus: FakePrometheus, **versions: str) -> None:
    """Let each instance say its version."""
    labels = [{"instance": name, "version": version} for name, version in versions.items()]
    prometheus.says(BUILD, *((each, 1) for each in labels))


def targets(prometheus: FakePrometheus, **up: int) -> None:
    prometheus.says(TARGETS, *(({"instance": name}, value) for name, value in up.items()))


async def test_it_says_which_instance_runs_which_version(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    build(prometheus, a="1.3.0", b="1.2.0")
    targets(prometheus, a=1, b=1)

    found = await show_versions(viewer)

    assert (found.site, found.service) == ("production", "petstore")
    assert found.instances == (InstanceVersion("a", "1.3.0"), InstanceVersion("b", "1.2.0"))
    assert (found.total, found.warnings, found.problem) == (2, (), "")
    assert found.summary == "1.3.0 on 1 of 2, 1.2.0 on 1 of 2"


async def test_it_counts_an_instance_that_is_down(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    build(prometheus, a="1.2.0", b="1.2.0")
    targets(prometheus, a=1, b=1, c=0)

    found = await show_versions(viewer, service="petstore", site="production")

    assert found.instances[2] == InstanceVersion("c", "")
    assert found.summary == "1.2.0, 2 of 3 known"


async def test_it_counts_an_instance_that_only_the_site_file_knows(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    build(prometheus, a="1.2.0")

    assert (await show_versions(viewer)).summary == "1.2.0, 1 of 2 known"


async def test_it_reads_the_labels_that_the_site_file_names(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.says("target_info", ({"pod": "p1", "service_version": "0.9", "instance": "x"}, 1))
    prometheus.says(
        "up and on(job) group by (job) (target_info)", ({"instance": "10.0.0.1:9000"}, 1)
    )

    found = await show_versions(viewer, service="mailer")

    assert found.instances == (InstanceVersion("p1", "0.9"),)
    assert found.total == 1


async def test_a_missing_metric_is_not_found_and_shows_the_query(viewer: Actor) -> None:
    with pytest.raises(NotFound) as refusal:
        await show_versions(viewer)

    assert str(refusal.value) == (
        'the version of "petstore" is unknown: the query petstore_build_info returns nothing in '
        "Prometheus main of production"
    )


async def test_a_missing_label_is_not_found_and_is_named(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.says(BUILD, ({"instance": "a", "revision": "abc"}, 1))

    with pytest.raises(NotFound, match='the query petstore_build_info returns no label "version"'):
        await show_versions(viewer)


async def test_it_says_how_to_mend_a_service_without_a_version_query(viewer: Actor) -> None:
    with pytest.raises(NotFound, match=r"set version in \[sites.production.services.legacy\]"):
        await show_versions(viewer, service="legacy")


async def test_it_shows_versions_when_the_targets_cannot_be_had(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    build(prometheus, a="1.2.0", b="1.2.0")
    prometheus.bad[TARGETS] = "not a query of this site"

    found = await show_versions(viewer)

    assert found.summary == "1.2.0 on 2 of 2"
    (warning,) = found.warnings
    assert warning.startswith("OpsPortal cannot tell whether instances are down: Prometheus main")


async def test_it_passes_on_warnings_and_doubts_an_instance_with_two_versions(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.says(
        BUILD,
        ({"instance": "a", "version": "1.2.0"}, 1),
        ({"instance": "a", "version": "1.3.0"}, 1),
    )
    prometheus.warnings = ["partial"]

    found = await show_versions(viewer)

    assert found.warnings[0] == "partial"
    assert found.warnings[-1] == "a reports 2 versions; an old one can linger for five minutes"
    assert found.total == 2


async def test_it_counts_instances_without_a_name(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.says(BUILD, *(({"version": f"1.{n}"}, 1) for n in range(3)))

    found = await show_versions(viewer)

    assert found.total == 3
    assert found.warnings == ('the version query returns no label "instance"',)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(Fault.INTERNAL, "the storage is gone"), (Fault.LOGIN_PAGE, "HTML instead of JSON")],
)
async def test_it_says_what_is_wrong_with_prometheus(
    viewer: Actor, prometheus: FakePrometheus, fault: Fault, reason: str
) -> None:
    prometheus.fault = fault

    with pytest.raises(BackendUnavailable, match=reason):
        await show_versions(viewer)


async def test_it_passes_on_that_the_query_is_wrong(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.bad[BUILD] = "parse error: unexpected end"

    with pytest.raises(InvalidInput, match="parse error: unexpected end"):
        await show_versions(viewer)


async def test_the_list_has_a_line_for_every_service(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    build(prometheus, a="1.2.0", b="1.2.0")

    petstore, mailer, legacy = await list_versions(viewer)

    assert (petstore.service, petstore.summary, petstore.problem) == (
        "petstore", "1.2.0 on 2 of 2", "",
    )  # fmt: skip
    assert "the query target_info returns nothing" in mailer.problem
    assert "has no version query" in legacy.problem
    assert (legacy.instances, legacy.total, legacy.summary) == ((), 1, "unknown")


async def test_it_says_what_ran_at_a_moment(viewer: Actor, prometheus: FakePrometheus) -> None:
    build(prometheus, a="1.1.0")
    targets(prometheus, a=1)

    found = await show_versions(viewer, at=1_795_469_320_500_000_000)

    assert {form["time"] for form in prometheus.forms} == {"1795469320.500000000"}
    assert (found.summary, found.total) == ("1.1.0 on 1 of 1", 1)


async def test_it_asks_nothing_for_a_stranger(stranger: Actor, prometheus: FakePrometheus) -> None:
    with pytest.raises(NotPermitted):
        await show_versions(stranger)
    with pytest.raises(NotPermitted):
        await list_versions(stranger)

    assert prometheus.paths == []
