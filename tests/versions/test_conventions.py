"""Versions without configuration: the usual metrics, in their order."""

import pytest

from ops.actor import Actor
from ops.errors import BackendUnavailable, NotFound
from ops.versions.actions import InstanceVersion, Lack, list_versions, show_versions
from ops.versions.readers import image_version
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault

pytestmark = pytest.mark.django_db(transaction=True)

SITE = """
[sites.p]
prometheus = {{ name = "main", url = "{url}" }}
[sites.p.services.petstore]
[sites.p.services.payments]
jaeger_name = "payments-api"
[sites.p.services.mailer]
alerts = {{ team = "mail", namespace = "shop" }}
"""
USUAL = '__name__=~".+_build_info|target_info|deployedVersion",__name__!="go_build_info"'
BY_JOB = f'{{{USUAL},job=~"payments|petstore"}}'
BY_TEAM = f'{{{USUAL},namespace="shop",team="mail"}}'
BY_NAME = '{__name__=~"payments_api_build_info|payments_build_info|petstore_build_info"}'
PUSHED = 'target_info{job=~".+/(petstore|payments|payments-api)"}'
CONTAINERS = (
    'kube_pod_container_info{container=~"mailer|payments|payments-api|petstore"} unless on '
    '(namespace, pod) (kube_pod_status_phase{phase=~"Succeeded|Failed"} == 1)'
)
BUILD = ({"__name__": "petstore_build_info", "job": "petstore", "version": "1.2"}, 1)
OTHER = ({"__name__": "shop_build_info", "job": "petstore", "version": "1.1"}, 1)
LIBRARY = ({"__name__": "lib_build_info", "job": "petstore", "version": "7"}, 1)
OTEL = (
    {"__name__": "target_info", "job": "shop/petstore", "instance": "x", "service_version": "1.3"},
    1,
)
SEED = ({"__name__": "deployedVersion", "job": "petstore", "instance": "s", "version": "1.4"}, 1)
IMAGE = (
    {"__name__": "kube_pod_container_info", "container": "petstore", "pod": "p-1",
     "namespace": "shop", "image": "registry:5000/shop/petstore:1.5"},
    1,
)  # fmt: skip


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    site_file(SITE.format(url=prometheus.url))


async def version(viewer: Actor, service: str = "petstore") -> str:
    by_name = {each.service: each for each in await list_versions(viewer)}
    return by_name[service].summary


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ([BUILD, OTHER, OTEL, SEED], "1.2"),
        ([OTHER, OTEL, SEED], "1.1"),
        ([OTHER, LIBRARY, OTEL, SEED], "1.3"),
        ([SEED], "1.4"),
        ([], "1.5"),
    ],
)
async def test_the_first_one_that_has_a_version_counts(
    viewer: Actor,
    prometheus: FakePrometheus,
    jobs: list[tuple[dict[str, str], int]],
    expected: str,
) -> None:
    prometheus.says(BY_JOB, *(each for each in jobs if each is not OTEL))
    prometheus.says(PUSHED, *(each for each in jobs if each is OTEL))
    prometheus.says(CONTAINERS, IMAGE)

    assert await version(viewer) == f"{expected} on 1 of 1"


async def test_a_metric_named_after_the_service_is_its_own_whatever_the_job(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    labels = {"__name__": "payments_api_build_info", "instance": "a", "revision": "f00ba12"}
    prometheus.says(BY_NAME, ({**labels, "job": "k8s/pay"}, 1))

    assert await version(viewer, "payments") == "f00ba12 on 1 of 1"


async def test_its_own_labels_go_before_its_name(viewer: Actor, prometheus: FakePrometheus) -> None:
    staging = {**BUILD[0], "job": "petstore-staging", "version": "2.0-rc"}
    prometheus.says(BY_NAME, BUILD, (staging, 1))
    prometheus.says(BY_JOB, BUILD)

    assert await version(viewer) == "1.2 on 1 of 1"


async def test_labels_of_the_site_file_are_asked_for_strictly(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    mail = {"__name__": "target_info", "team": "mail", "namespace": "shop", "instance": "m"}
    prometheus.says(BY_TEAM, ({**mail, "service.version": "3"}, 1))
    prometheus.says(BY_NAME, ({"__name__": "mailer_build_info", "version": "9"}, 1))

    assert await version(viewer, "mailer") == "3 on 1 of 1"


async def test_a_container_of_another_namespace_is_another_s(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    own = {**IMAGE[0], "container": "mailer", "image": "mailer@sha256:0123456789abcdef"}
    prometheus.says(CONTAINERS, (own, 1), ({**own, "namespace": "test", "pod": "t"}, 1))

    (found,) = [each for each in await list_versions(viewer) if each.service == "mailer"]

    assert found.instances == (InstanceVersion("p-1", "0123456789ab"),)


async def test_go_s_own_metric_is_never_asked_for(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    with pytest.raises(NotFound) as refusal:
        await show_versions(viewer, service="petstore")

    assert str(refusal.value) == (
        'the version of "petstore" is unknown: Prometheus main of p has no petstore_build_info, '
        "target_info, deployedVersion or kube_pod_container_info of it; set version in "
        "[sites.p.services.petstore] of the site file"
    )
    assert (await list_versions(viewer))[0].unset


async def test_a_source_that_is_down_is_not_a_missing_metric(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.fault = Fault.INTERNAL

    with pytest.raises(BackendUnavailable, match="the storage is gone"):
        await show_versions(viewer, service="petstore")


async def test_an_instance_without_the_label_is_unlabelled(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    rest = {"__name__": "petstore_build_info", "job": "petstore", "instance": "b", "version": ""}
    prometheus.says(BY_JOB, ({**BUILD[0], "instance": "a"}, 1), (rest, 1))

    (found, *_) = await list_versions(viewer)

    assert found.instances[1] == InstanceVersion("b", "", Lack.UNLABELLED)
    assert found.summary == "1.2 on 1 of 2, 1 unlabelled"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("registry:5000/shop/petstore:1.5", "1.5"),
        ("registry:5000/shop/petstore", ""),
        ("petstore:1.5@sha256:0123456789abcdef", "1.5"),
        ("petstore@sha256:0123456789abcdef", "0123456789ab"),
        ("", ""),
    ],
)
def test_it_reads_the_version_of_an_image(image: str, expected: str) -> None:
    assert image_version(image) == expected
