import pytest

from ops.actor import Actor
from ops.errors import BackendUnavailable, InvalidInput, NotFound, NotPermitted
from ops.versions.actions import InstanceVersion, Lack, State, list_versions, show_versions
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault

pytestmark = pytest.mark.django_db(transaction=True)

BUILD = "petstore_build_info"
UP = 'up{job="petstore"}'
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
version = ""
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    site_file(SITE % prometheus.url)


def build(prometheus: FakePrometheus, **versions: str) -> None:
    """Let each instance say its version."""
    labels = [
        {"job": "petstore", "instance": name, "version": version}
        for name, version in versions.items()
    ]
    prometheus.says(BUILD, *((each, 1) for each in labels))


def targets(prometheus: FakePrometheus, **up: int) -> None:
    labels = [{"job": "petstore", "instance": name} for name in up]
    prometheus.says(UP, *zip(labels, up.values(), strict=True))


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

    assert found.instances[2] == InstanceVersion("c", "", Lack.DOWN)
    assert found.summary == "1.2.0 on 2 of 3, 1 down"


async def test_it_counts_an_instance_that_only_the_site_file_knows(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    build(prometheus, a="1.2.0")

    assert (await show_versions(viewer)).summary == "1.2.0 on 1 of 2, 1 silent"


async def test_it_reads_the_labels_that_the_site_file_names(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    labels = {"job": "shop/mailer", "pod": "p1", "service_version": "0.9", "instance": "x"}
    prometheus.says("target_info", (labels, 1))
    up = {"job": "shop/mailer", "instance": "10.0.0.1:9000"}
    prometheus.says('up{job="shop/mailer"}', (up, 1))

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
    prometheus.bad[UP] = "not a query of this site"

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

    assert {form.get("time") for form in prometheus.forms} == {"1795469320.500000000"}
    assert (found.summary, found.total) == ("1.1.0 on 1 of 1", 1)


async def test_it_asks_nothing_for_a_stranger(stranger: Actor, prometheus: FakePrometheus) -> None:
    with pytest.raises(NotPermitted):
        await show_versions(stranger)
    with pytest.raises(NotPermitted):
        await list_versions(stranger)

    assert prometheus.paths == []


async def test_an_instance_that_answers_without_a_version_is_not_down(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    build(prometheus, a="1.2.0")
    targets(prometheus, a=1, b=1, c=0)

    found = await show_versions(viewer)

    assert [each.lack for each in found.instances] == [Lack.NONE, Lack.UNLABELLED, Lack.DOWN]
    assert found.lacking == "1 down, 1 unlabelled"


async def test_if_all_are_down_it_says_so(viewer: Actor, prometheus: FakePrometheus) -> None:
    targets(prometheus, a=0, b=0)

    found = await show_versions(viewer)

    assert (found.summary, found.rollout.state) == ("unknown, 2 down", State.UNKNOWN)
    assert "the query petstore_build_info returns nothing" in found.warnings[0]


COUNTED = """
[sites.p]
prometheus = {{ name = "main", url = "{url}" }}
[sites.p.every_service]
expected = "replicas"
[sites.p.services.petstore]
version = "petstore_build_info"
targets = "petstore_targets"
instances = ["a:1", "b:1", "c:1", "d:1", "e:1"]
"""


async def test_the_nearest_source_says_how_many_there_should_be(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    site_file(COUNTED.format(url=prometheus.url))
    build(prometheus, a="1.2.0")
    totals = [(await show_versions(viewer)).total]
    targets(prometheus, a=1, b=0)
    totals.append((await show_versions(viewer, at=1)).total)
    prometheus.says("petstore_targets", *(({"instance": name}, 1) for name in "abc"))
    totals.append((await show_versions(viewer, at=2)).total)
    other = ({"job": "other"}, 9)
    prometheus.says("replicas", ({"job": "petstore"}, 4), other)
    found = await show_versions(viewer, at=3)

    assert [*totals, found.total] == [5, 2, 3, 4]
    assert found.lacking == "1 silent, 2 unlabelled"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([({"job": "petstore"}, 1), ({"job": "petstore", "x": "y"}, 2)], "returns 2 series"),
        ([({"job": "petstore"}, "NaN")], "returns nan"),
        ([({"job": "petstore"}, "+Inf")], "returns inf"),
        ([], "returns 0 series"),
    ],
)
async def test_it_says_that_expected_is_no_number(
    viewer: Actor,
    prometheus: FakePrometheus,
    site_file: SiteFile,
    answer: list[tuple[dict[str, str], float | str]],
    sentence: str,
) -> None:
    site_file(COUNTED.format(url=prometheus.url))
    build(prometheus, a="1.2.0")
    prometheus.says("replicas", *answer)

    assert sentence in (await show_versions(viewer)).warnings[0]


async def test_a_source_that_is_down_costs_its_own_services_only(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile
) -> None:
    async with FakePrometheus() as other:
        site_file(f"""
            [sites.p]
            prometheus = [{{ name = "main", url = "{prometheus.url}" }},
                          {{ name = "other", url = "{other.url}" }}]
            [sites.p.services.petstore]
            version = "{BUILD}"
            [sites.p.services.mailer]
            version = "mailer_build_info"
            prometheus = "other"
        """)
        build(prometheus, a="1.2.0")
        other.fault = Fault.INTERNAL

        petstore, mailer = await list_versions(viewer)

    assert (petstore.summary, petstore.problem) == ("1.2.0 on 1 of 1", "")
    assert "Prometheus other of p" in mailer.problem
    assert not mailer.empty


@pytest.mark.parametrize("pair", ["", 'pair = "ha"\n'])
async def test_another_source_of_its_pair_answers_for_one_that_is_down(
    viewer: Actor, prometheus: FakePrometheus, site_file: SiteFile, pair: str
) -> None:
    async with FakePrometheus() as other:
        site_file(f"""
            [[sites.p.prometheus]]
            name = "main"
            url = "{prometheus.url}"
            {pair}
            [[sites.p.prometheus]]
            name = "other"
            url = "{other.url}"
            {pair}
            [sites.p.services.petstore]
            version = "{BUILD}"
        """)
        build(other, a="1.2.0")
        prometheus.fault = Fault.INTERNAL

        (found,) = await list_versions(viewer)

    assert found.summary == ("1.2.0 on 1 of 1" if pair else "unknown")
    assert len(prometheus.paths) == 2  # the version, and Kubernetes; then nothing more


KUBERNETES = (
    '{__name__=~"kube_deployment_spec_paused|kube_deployment_status_condition|rollout_info",'
    'condition=~"|Progressing",status=~"|false",'
    'phase=~"|Abort|Degraded|Error|InvalidSpec|Paused|Timeout",'
    'deployment=~"|NAMES",name=~"|NAMES"}'
)


@pytest.mark.parametrize(
    ("labels", "news"),
    [
        (
            {"__name__": "kube_deployment_status_condition", "deployment": "petstore"},
            "rollout of 1.3.0 stuck at 1 of 2: Kubernetes says that it made no progress before "
            "its deadline",
        ),
        (
            {"__name__": "kube_deployment_spec_paused", "deployment": "petstore"},
            "rollout of 1.3.0 paused at 1 of 2: its deployment is paused in Kubernetes",
        ),
        (
            {"__name__": "rollout_info", "name": "petstore", "phase": "Paused"},
            "rollout of 1.3.0 paused at 1 of 2: Argo has paused it",
        ),
        (
            {"__name__": "rollout_info", "name": "petstore", "phase": "Degraded"},
            "rollout of 1.3.0 stuck at 1 of 2: Argo says Degraded",
        ),
        (
            {"__name__": "rollout_info", "name": "other", "phase": "Degraded"},
            "too early to say whether a version is rolling out",
        ),
    ],
)
async def test_it_repeats_what_kubernetes_and_argo_say(
    viewer: Actor,
    prometheus: FakePrometheus,
    site_file: SiteFile,
    labels: dict[str, str],
    news: str,
) -> None:
    site_file(
        f'[sites.p]\nprometheus = {{ url = "{prometheus.url}" }}\n'
        f'[sites.p.services.petstore]\nversion = "{BUILD}"\n'
    )
    build(prometheus, a="1.3.0", b="1.2.0")
    prometheus.says(KUBERNETES.replace("NAMES", "petstore"), (labels, 1))

    assert (await show_versions(viewer)).news == news


async def test_it_says_that_it_does_not_know_whether_a_rollout_is_stuck(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    build(prometheus, a="1.2.0", b="1.2.0")
    prometheus.bad[KUBERNETES.replace("NAMES", "petstore")] = "not a query of this site"

    found = await show_versions(viewer)

    assert found.summary == "1.2.0 on 2 of 2"
    assert found.warnings[0].startswith(
        "OpsPortal cannot tell whether a rollout is stuck or paused"
    )
