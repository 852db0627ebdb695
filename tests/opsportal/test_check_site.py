"""`manage.py check_site` against real servers, set up rightly and wrongly."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ops.findings import Finding
from ops.sites import load
from opsportal.management.commands.check_site import check, check_sites
from tests.conftest import SiteFile
from tests.fakes import tls
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.jaeger import FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus, Fault, alert

MANAGE = Path(__file__).parents[2] / "manage.py"


@pytest.fixture
async def jaeger() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger() as fake:
        fake.add(trace(span("petstore", "AddPets", children=[span("store", "Query")])))
        yield fake


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        fake.says("build_info", ({"instance": "a", "version": "1.2.0"}, 1))
        fake.rule("Slow", alert("Slow"))
        yield fake


@pytest.fixture
async def instance() -> AsyncIterator[FakeInstance]:
    async with fake_instance() as fake:
        yield fake


def site(
    jaeger: str, prometheus: str, instance: str = "", service: str = "", more: str = ""
) -> str:
    instances = f'instances = ["{instance}"]' if instance else ""
    return f"""
        [sites.production.jaeger]
        address = "{jaeger}"
        {more}
        [[sites.production.prometheus]]
        name = "main"
        url = "{prometheus}"
        [sites.production.services.petstore]
        {instances}
        version = "build_info"
        {service}
    """


async def found(path: Path) -> list[Finding]:
    return await check_sites(load(path).all.values())


async def wrong(path: Path) -> list[str]:
    return [finding.sentence for finding in await found(path) if not finding.well]


async def test_it_says_that_all_is_reachable(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus, instance: FakeInstance
) -> None:
    prometheus.says("rate", ({}, 12.5))
    queries = 'requests = "rate"'
    path = site_file(site(jaeger.address, prometheus.url, instance.address, queries))
    assert await found(path) == [
        Finding(True, f"Jaeger of production at {jaeger.address} is reachable: 2 services"),
        Finding(
            True,
            f"Prometheus main of production at {prometheus.url} is reachable: 1 active alert",
        ),
        Finding(True, f"petstore: the instance at {instance.address} offers ChangeSampler"),
        Finding(True, "petstore: version 1.2.0 on 1 instance"),
        Finding(True, "petstore: requests is 12.5"),
    ]
    assert instance.told == []


async def test_it_names_the_jaeger_port_that_was_meant(
    site_file: SiteFile, prometheus: FakePrometheus
) -> None:
    web_page = f"127.0.0.1:{prometheus.port}"
    (sentence,) = await wrong(site_file(site(web_page, prometheus.url)))
    assert sentence == (
        f"Jaeger of production at {web_page} answers in HTTP, not gRPC; the address must be "
        "Jaeger's gRPC port, usually 16685 (16686 is its web page)"
    )


async def test_it_recognizes_tls_against_plaintext(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    text = site(jaeger.address, prometheus.url, more="tls = true")
    (sentence,) = await wrong(site_file(text))
    assert "does not speak TLS; remove tls from [sites.production.jaeger]" in sentence


async def test_it_recognizes_plaintext_against_tls(
    site_file: SiteFile, prometheus: FakePrometheus
) -> None:
    async with FakeJaeger(credentials=tls.grpcs()) as secure:
        (sentence,) = await wrong(site_file(site(secure.address, prometheus.url)))
    assert "if it uses TLS, set tls = true in [sites.production.jaeger]" in sentence


async def test_it_names_the_missing_tenant(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    async with FakeJaeger(tenant_header="x-tenant") as fake:
        (sentence,) = await wrong(site_file(site(fake.address, prometheus.url)))
    assert "requires credentials: missing tenant header; set them as headers in [sites." in sentence


async def test_it_recognizes_a_log_in_page(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    prometheus.fault = Fault.LOGIN_PAGE
    (sentence,) = await wrong(site_file(site(jaeger.address, prometheus.url)))
    assert "with HTML instead of JSON, perhaps from a login page" in sentence


async def test_it_suggests_the_service_that_jaeger_knows(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    text = site(jaeger.address, prometheus.url, service='jaeger_name = "petstor"')
    (sentence,) = await wrong(site_file(text))
    assert sentence == (
        'Jaeger of production has no service "petstor"; did you mean "petstore"? '
        "(jaeger_name in [sites.production.services.petstore])"
    )


async def test_it_says_that_nothing_has_sent_traces(
    site_file: SiteFile, prometheus: FakePrometheus
) -> None:
    async with FakeJaeger() as empty:
        (sentence,) = await wrong(site_file(site(empty.address, prometheus.url)))
    assert 'has no service "petstore"; no service has sent it a trace yet' in sentence


async def test_it_shows_the_query_that_returns_nothing(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    prometheus.answers.clear()
    (sentence,) = await wrong(site_file(site(jaeger.address, prometheus.url)))
    assert sentence == (
        "version of [sites.production.services.petstore]: Prometheus main of production returns "
        "nothing for build_info"
    )


async def test_it_shows_of_a_query_of_all_services_what_is_the_service_s(
    site_file: SiteFile, prometheus: FakePrometheus
) -> None:
    prometheus.says("by_job", ({"job": "petstore"}, 4), ({"job": "another"}, 5))
    found = await check_sites(
        load(
            site_file(
                f"""
                [sites.p]
                prometheus = {{ url = "{prometheus.url}" }}
                every_service = {{ requests = "by_job" }}
                [sites.p.services.petstore]
                [sites.p.services.mailer]
                """
            )
        ).all.values()
    )
    said = [finding.sentence for finding in found]
    assert "petstore: requests is 4" in said
    assert any(
        "services.mailer]: Prometheus" in each and "nothing for by_job" in each for each in said
    )


async def test_it_shows_what_is_wrong_with_a_query(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    prometheus.bad["sum("] = "1:5: parse error: unclosed left parenthesis"
    text = site(jaeger.address, prometheus.url, service='p95 = "sum("')
    (sentence,) = await wrong(site_file(text))
    assert sentence.startswith("p95 of [sites.production.services.petstore]: ")
    assert "1:5: parse error: unclosed left parenthesis" in sentence


async def test_it_names_the_label_that_the_series_do_not_have(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    text = site(jaeger.address, prometheus.url, service='version_label = "release"')
    (sentence,) = await wrong(site_file(text))
    assert sentence.endswith(
        'its series have no label "release"; they have instance, version (version_label sets '
        "which one to use)"
    )


async def test_it_names_the_instance_that_is_gone(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    (sentence,) = await wrong(site_file(site(jaeger.address, prometheus.url, "127.0.0.1:1")))
    assert sentence.startswith("petstore: the instance at 127.0.0.1:1 refused the connection")


async def test_it_knows_another_grpc_server_from_an_instance(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    (sentence,) = await wrong(site_file(site(jaeger.address, prometheus.url, jaeger.address)))
    assert sentence.startswith(
        f"petstore: the instance at {jaeger.address} speaks gRPC but does not offer "
        "petstore.PetStore/ChangeSampler ("
    )
    assert sentence.endswith("check the address in [sites.production.services.petstore]")


async def test_it_names_which_of_two_sources_is_wrong(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    prometheus.fault = Fault.LOGIN_PAGE
    async with FakePrometheus() as second:
        second.says("build_info", ({"instance": "a", "version": "1.2.0"}, 1))
        more = f'[[sites.production.prometheus]]\nname = "other"\nurl = "{second.url}"'
        named = 'prometheus = "other"'
        path = site_file(site(jaeger.address, prometheus.url, service=named, more=more))
        (sentence,) = await wrong(path)
    assert '[[sites.production.prometheus]] (the one named "main")' in sentence


async def test_it_names_the_host_that_does_not_resolve(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    text = site(jaeger.address, prometheus.url, service='dns = "petstore.invalid:50051"')
    (sentence,) = await wrong(site_file(text))
    assert "petstore.invalid does not resolve" in sentence
    assert sentence.endswith("check dns in [sites.production.services.petstore]")


async def test_it_says_once_that_a_source_is_down(site_file: SiteFile, jaeger: FakeJaeger) -> None:
    queries = 'requests = "a"\nfailing = "b"\np95 = "c"'
    text = site(jaeger.address, "http://127.0.0.1:1", service=queries)
    (sentence,) = await wrong(site_file(text))
    assert "refused the connection" in sentence


def test_it_shows_all_problems_of_the_file_at_once(site_file: SiteFile) -> None:
    path = site_file('[sites.production.jaeger]\naddress = "jaeger"\nui = "jaeger"')
    findings = check(path)
    assert [finding.well for finding in findings] == [False, False]
    assert findings[0].sentence.startswith(f"{path}: [sites.production.jaeger] address")


def test_it_suggests_the_site_that_the_file_has(site_file: SiteFile) -> None:
    path = site_file('[sites.production.jaeger]\naddress = "127.0.0.1:1"')
    (finding,) = check(path, "prodction")
    assert finding == Finding(False, 'there is no site "prodction"; did you mean "production"?')


async def run(path: Path, *arguments: str) -> tuple[int | None, str, str]:
    environment = {
        **os.environ,
        "OPSPORTAL_SITES": str(path),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        MANAGE,
        "check_site",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_its_exit_status_says_whether_all_is_well(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    status, output, _ = await run(site_file(site(jaeger.address, prometheus.url)))
    assert status == 0
    assert output.splitlines()[0].startswith("✓ Jaeger of production at ")


async def test_its_exit_status_says_that_something_is_to_mend(
    site_file: SiteFile, prometheus: FakePrometheus
) -> None:
    status, output, errors = await run(site_file(site("127.0.0.1:1", prometheus.url)), "production")
    assert status == 1
    assert output.splitlines()[0].startswith("✗ Jaeger of production at 127.0.0.1:1 refused")
    assert "1 of 3 checks failed" in errors


async def test_it_tries_the_queries_for_how_many_instances_there_should_be(
    site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus
) -> None:
    prometheus.says("targets", ({"instance": "a"}, 1), ({"instance": "b"}, 0))
    prometheus.says("replicas", ({}, 2))
    prometheus.says("each", ({"pod": "a"}, 1), ({"pod": "b"}, 1))
    good, bad = 'targets = "targets"\nexpected = "replicas"', 'expected = "each"'

    findings = await found(site_file(site(jaeger.address, prometheus.url, service=good)))
    (sentence,) = await wrong(site_file(site(jaeger.address, prometheus.url, service=bad)))

    assert Finding(True, "petstore: expected is 2") in findings
    assert Finding(True, "petstore: targets finds 2 instances, 1 of them down") in findings
    assert sentence == (
        "expected of [sites.production.services.petstore]: returns 2 series; it must return one "
        "number"
    )


async def test_it_says_which_usual_metric_has_the_version(
    site_file: SiteFile, prometheus: FakePrometheus
) -> None:
    labels = {"__name__": "mailer_build_info", "instance": "a", "version": "1.2.0"}
    prometheus.says('{__name__="mailer_build_info"}', (labels, 1))
    path = site_file(f"""
        [sites.p]
        prometheus = {{ name = "main", url = "{prometheus.url}" }}
        [sites.p.services.mailer]
        [sites.p.services.store]
    """)

    _, mailer, store = await found(path)

    assert mailer == Finding(
        True, "mailer: version 1.2.0 on 1 instance, from mailer_build_info"
    )  # fmt: skip
    assert store == Finding(
        True,
        "store: no usual metric has its version (version in [sites.p.services.store] sets a query)",
    )
