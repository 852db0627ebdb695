"""What the site file means."""

from hashlib import sha256

from ops.sites import (
    AlertmanagerSource,
    JaegerSource,
    PrometheusSource,
    Service,
    Site,
    Tls,
    load,
    sites,
)
from ops.sites.sampling import Remote
from ops.vocabulary import timerange
from ops.vocabulary.policies import per_second, rate
from tests.conftest import SiteFile
from tests.fakes import tls
from tests.sites.site_files import WHOLE


def test_it_reads_everything(site_file: SiteFile) -> None:
    found = load(site_file(WHOLE))
    production = found.site("production")
    assert production == Site(
        name="production",
        jaeger=JaegerSource(
            address="jaeger:16685",
            ui="https://jaeger.example.com",
            tls=Tls(tls.CA, tls.CERTIFICATE, tls.KEY),
            headers={"x-tenant": "shop", "bearer.token": "open sesame"},
            timeout=2_500 * timerange.MILLISECOND,
            largest_message=64 * 1024**2,
            tag_values="regex",
        ),
        prometheus=(
            PrometheusSource(
                name="shop",
                url="https://prometheus.example.com/prefix",
                headers={"Authorization": "Bearer open sesame"},
                ca=tls.CA,
                timeout=5 * timerange.SECOND,
            ),
            PrometheusSource(
                name="platform",
                url="http://mimir:9009",
                headers={
                    "X-Scope-OrgID": "platform",
                    "Authorization": "Basic b3BzOm9wZW4gc2VzYW1l",
                },
            ),
        ),
        alertmanager=(
            AlertmanagerSource(
                name="alertmanager",
                url="http://alertmanager:9093",
                ui="https://alertmanager.example.com",
                headers={"Authorization": "Bearer open sesame"},
            ),
        ),
        services={
            "petstore": Service(
                name="petstore",
                jaeger_name="petstore-api",
                instances=("10.0.0.1:50051", "[::1]:50051", "pets.example.com:50051"),
                tls=Tls(),
                prometheus="platform",
                version="build_info",
                version_label="release",
                instance_label="pod",
                expected="d",
                targets="e",
                rollout_within=20 * timerange.MINUTE,
                requests="a",
                failing="b",
                p95="c",
                alerts={"team": "pets"},
                sampling=rate(0.1),
                sampling_ceiling=50,
                sampling_ways=("push", "remote"),
            ),
            "payments": Service(
                name="payments",
                jaeger_name="payments",
                dns="payments.example.com:50051",
                conventions=True,
                alerts={"job": "payments"},
            ),
        },
        default_service="petstore",
        change_now=True,
        remote=Remote(
            default_sampling=per_second(5),
            http="10.0.0.9:5778",
            grpc="[::1]:5779",
            keys=(sha256(b"open sesame").digest(),),
            opamp_key="vendor",
        ),
    )
    assert list(found.all) == ["production", "staging"]


def test_it_needs_almost_nothing(site_file: SiteFile) -> None:
    found = load(site_file("[sites.only.services.petstore]"))
    assert found.default == "only"
    assert found.site().default_service == "petstore"
    assert (found.site().jaeger, found.site().prometheus) == (None, ())


def test_it_takes_one_prometheus_as_a_table(site_file: SiteFile) -> None:
    found = load(site_file('[sites.a.prometheus]\nurl = "http://prometheus:9090"'))
    assert [source.name for source in found.site().prometheus] == ["prometheus"]


def test_it_reads_the_file_that_the_settings_name(site_file: SiteFile) -> None:
    site_file("[sites.staging]")
    assert list(sites().all) == ["staging"]


def test_it_never_shows_a_secret_where_things_are_printed(site_file: SiteFile) -> None:
    assert "sesame" not in repr(load(site_file(WHOLE)))
