"""The site file: what it means, and what it says about everything that is wrong in it."""

from hashlib import sha256
from pathlib import Path

import pytest

from ops.errors import InvalidInput, NotFound
from ops.site_sampling import Remote
from ops.sites import (
    AlertmanagerSource,
    JaegerSource,
    PrometheusSource,
    Service,
    Site,
    SiteFileError,
    Tls,
    load,
    sites,
)
from ops.vocabulary import timerange
from ops.vocabulary.policies import per_second, rate
from tests.conftest import SiteFile
from tests.fakes import tls

WHOLE = f"""
default_site = "production"
[sites.production]
change_now = true
default_service = "petstore"
[sites.production.jaeger]
address = "jaeger:16685"
ui = "https://jaeger.example.com/"
tls = {{ ca = "{tls.CA}", certificate = "{tls.CERTIFICATE}", key = "{tls.KEY}" }}
headers = {{ X-Tenant = "shop", "bearer.token" = {{ env = "SECRET" }} }}
timeout = "2s500ms"
largest_message_mib = 64
tag_values = "regex"
[[sites.production.prometheus]]
name = "shop"
url = "https://prometheus.example.com/prefix/"
bearer_token = {{ env = "SECRET" }}
ca = "{tls.CA}"
timeout = "5s"
[[sites.production.prometheus]]
name = "platform"
url = "http://mimir:9009"
username = "ops"
password = {{ env = "SECRET" }}
headers = {{ X-Scope-OrgID = "platform" }}
[[sites.production.alertmanager]]
url = "http://alertmanager:9093/"
ui = "https://alertmanager.example.com"
bearer_token = {{ env = "SECRET" }}
[sites.production.services.petstore]
jaeger_name = "petstore-api"
instances = ["10.0.0.1:50051", "[::1]:50051", "pets.example.com:50051"]
tls = true
prometheus = "platform"
version = "build_info"
version_label = "release"
instance_label = "pod"
expected = "d"
targets = "e"
rollout_within = "20m"
requests = "a"
failing = "b"
p95 = "c"
alerts = {{ team = "pets" }}
sampling = "10%"
sampling_ceiling = 50
sampling_ways = ["remote", "push"]
[sites.production.services.payments]
dns = "payments.example.com:50051"
[sites.production.remote]
http = "10.0.0.9:5778"
grpc = "[::1]:5779"
keys = [{{ env = "SECRET" }}]
default_sampling = "5/s"
opamp_key = "vendor"
[sites.staging]
"""


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "open sesame")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("LINES", "open\nsesame")


def problems(site_file: SiteFile, text: str) -> list[str]:
    with pytest.raises(SiteFileError) as caught:
        load(site_file(text))
    return caught.value.problems


class TestMeaning:
    def test_it_reads_everything(self, site_file: SiteFile) -> None:
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

    def test_it_needs_almost_nothing(self, site_file: SiteFile) -> None:
        found = load(site_file("[sites.only.services.petstore]"))
        assert found.default == "only"
        assert found.site().default_service == "petstore"
        assert (found.site().jaeger, found.site().prometheus) == (None, ())

    def test_it_takes_one_prometheus_as_a_table(self, site_file: SiteFile) -> None:
        found = load(site_file('[sites.a.prometheus]\nurl = "http://prometheus:9090"'))
        assert [source.name for source in found.site().prometheus] == ["prometheus"]

    def test_it_reads_the_file_that_the_settings_name(self, site_file: SiteFile) -> None:
        site_file("[sites.staging]")
        assert list(sites().all) == ["staging"]

    def test_it_never_shows_a_secret_where_things_are_printed(self, site_file: SiteFile) -> None:
        assert "sesame" not in repr(load(site_file(WHOLE)))


class TestLookups:
    def test_it_suggests_a_site(self, site_file: SiteFile) -> None:
        with pytest.raises(NotFound, match='no site "prodction"; did you mean "production"'):
            load(site_file(WHOLE)).site("prodction")

    def test_it_names_the_sites_there_are(self, site_file: SiteFile) -> None:
        with pytest.raises(NotFound, match='no site "x"; sites: production, staging'):
            load(site_file(WHOLE)).site("x")

    def test_it_suggests_a_service(self, site_file: SiteFile) -> None:
        for written in ("petstor", "PETSTORE"):
            wanted = f'no service "{written}"; did you mean "petstore"'
            with pytest.raises(NotFound, match=wanted):
                load(site_file(WHOLE)).site().service(written)

    def test_it_asks_which_service_where_none_is_the_default(self, site_file: SiteFile) -> None:
        site = load(site_file("[sites.a.services.b]\n[sites.a.services.c]")).site()
        with pytest.raises(InvalidInput, match='choose a service of site "a": b, c'):
            site.service()

    def test_it_says_that_there_are_no_services(self, site_file: SiteFile) -> None:
        with pytest.raises(InvalidInput, match="the site file has none"):
            load(site_file("[sites.a]")).site().service()

    def test_it_knows_which_source_knows_a_service(self, site_file: SiteFile) -> None:
        site = load(site_file(WHOLE)).site()
        assert site.source(site.service("petstore")).name == "platform"
        assert site.source(site.service("payments")).name == "shop"

    def test_it_says_that_no_source_knows_a_service(self, site_file: SiteFile) -> None:
        site = load(site_file("[sites.a.services.b]")).site()
        with pytest.raises(NotFound, match='site "a" has no Prometheus for service "b"'):
            site.source(site.service())


JAEGER = "[sites.a.jaeger]\n"
PROMETHEUS = '[[sites.a.prometheus]]\nurl = "http://p"\n'
SERVICE = "[sites.a.services.b]\n"
REMOTE = "[sites.a.remote]\ndefault_sampling = '1%'\n"
WRONG = [
    ("[sites.a.remote]", "[sites.a.remote] default_sampling: is missing; it must be a sampling"),
    (
        "[sites.a.remote]\ndefault_sampling = '2'",
        '[sites.a.remote] default_sampling: "2" is not a sampling policy; accepted: never, always',
    ),
    (
        f"{REMOTE}http = '0.0.0.0:5778'",
        '[sites.a.remote] http: is "0.0.0.0:5778"; without keys it must be a loopback address',
    ),
    (f"{REMOTE}keys = ['open sesame']", "[sites.a.remote] keys: must be [{ env ="),
    (
        f"{REMOTE}keys = [{{ env = 'NOWHERE' }}]",
        "[sites.a.remote] keys: the environment variable NOWHERE is not set",
    ),
    (
        f"{REMOTE}opamp_key = 'opsportal'",
        '[sites.a.remote] opamp_key: is "opsportal"; it must be the name of an entry, at most 100',
    ),
    (f"{REMOTE}opamp_key = ''", '[sites.a.remote] opamp_key: is ""; it must be the name of'),
    (f"{SERVICE}sampling = 0.1", "[sites.a.services.b] sampling: is 0.1; it must be a sampling"),
    (
        f"{SERVICE}sampling = '5/s'\ndns = 'b:1'",
        '[sites.a.services.b] sampling: is "5 traces/s"; its instances are set with ChangeSampler',
    ),
    (
        f"{SERVICE}sampling_ceiling = '50'",
        "[sites.a.services.b] sampling_ceiling: is '50'; it must be traces per second, a number",
    ),
    (
        f"{SERVICE}sampling_ways = ['push', 'pull']",
        'sampling_ways: has "pull"; it must be a list of some of push, remote, opamp',
    ),
    (f"{SERVICE}sampling_ceiling = nan", "sampling_ceiling: is nan; it must be traces per second"),
    (f"{SERVICE}sampling_ceiling = -1", "sampling_ceiling: is -1; it must be traces per second"),
    ("", "sites: is missing; add a table [sites.NAME] for each site"),
    ("default_site = 'b'\n[sites.a]", 'default_site: is "b"; it must be one of a'),
    ("sites = 5", "sites: is 5; it must be tables, [sites.NAME]"),
    ("sites.a = 5", "sites.a: must be a table [sites.NAME]; use letters, digits, . _ -"),
    ('[sites."a b"]', "sites.a b: must be a table [sites.NAME]; use"),
    ("[site.a]\n[sites.a]", 'site: is not a key of this table; did you mean "sites"?'),
    ("[sites.a]\nfoo = 1", "[sites.a] foo: is not a key of this table; remove it"),
    (
        f"[sites.a]\ndefault_service = 'c'\n{SERVICE}",
        '[sites.a] default_service: is "c"; it must be one of b',
    ),
    (JAEGER, "[sites.a.jaeger] address: is missing; it must be host:port"),
    (f"{JAEGER}address = 16685", "[sites.a.jaeger] address: is 16685; it must be host:port"),
    (f"{JAEGER}address = 'j'", '[sites.a.jaeger] address: is "j"; it must be host:port without'),
    (
        f"{JAEGER}address = 'j:0'",
        '[sites.a.jaeger] address: is "j:0"; it must be host:port without',
    ),
    (
        f"{JAEGER}address = 'j:65536'",
        'address: is "j:65536"; it must be host:port without a scheme',
    ),
    (f"{JAEGER}address = 'http://j:1'", 'address: is "http://j:1"; it must be host:port without'),
    (f"{JAEGER}address = '::1:1'", 'address: is "::1:1"; it must be host:port without a scheme'),
    (f"{JAEGER}address = 'j:1'\nui = 'j'", 'ui: is "j"; it must be an http:// or https:// URL'),
    (f"{JAEGER}address = 'j:1'\nui = 'http://[j'", 'ui: is "http://[j"; it must be an http://'),
    (f"{JAEGER}address = 'j:1'\nui = 'http://j:99999'", 'ui: is "http://j:99999"; it must be an'),
    (
        f"{JAEGER}address = 'j:1'\ntls = 1",
        "[sites.a.jaeger] tls: is 1; it must be true, or a table with ca, certificate, key",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ ca = '/nowhere' }}",
        '[sites.a.jaeger.tls] ca: file "/nowhere" does not exist; it must be the path of a PEM',
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ ca = '{tls.KEY}' }}",
        f'[sites.a.jaeger.tls] ca: "{tls.KEY}" has no certificate',
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ key = '{tls.KEY}' }}",
        "[sites.a.jaeger.tls] certificate: and key belong together; set both or neither",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ certificate = '{tls.CA}', key = '{tls.KEY}' }}",
        "[sites.a.jaeger.tls] certificate: and key are not a PEM certificate and its unencrypted",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntls = {{ cacert = 'x' }}",
        "[sites.a.jaeger.tls] cacert: is not a key of this table",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntimeout = 10",
        '[sites.a.jaeger] timeout: is 10; it must be a duration in quotes, such as "10s"',
    ),
    (f"{JAEGER}address = 'j:1'\ntimeout = '10'", 'timeout: "10" is not a duration: write'),
    (
        f"{JAEGER}address = 'j:1'\nlargest_message_mib = 3",
        "[sites.a.jaeger] largest_message_mib: is 3; it must be between 4 and 2047",
    ),
    (
        f"{JAEGER}address = 'j:1'\nlargest_message_mib = true",
        "largest_message_mib: is True; it must be a number of MiB from 4 to 2047",
    ),
    (
        f"{JAEGER}address = 'j:1'\ntag_values = 'lucene'",
        '[sites.a.jaeger] tag_values: is "lucene"; it must be exact or regex',
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = 5 }}",
        '[sites.a.jaeger] headers.x: must be a string or { env = "NAME" }',
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = {{ file = 'a' }} }}",
        '[sites.a.jaeger] headers.x: must be { env = "NAME" }',
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = {{ env = 'NOBODY_SETS_IT' }} }}",
        "[sites.a.jaeger] headers.x: the environment variable NOBODY_SETS_IT is not set",
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = {{ env = 'EMPTY' }} }}",
        "[sites.a.jaeger] headers.x: the environment variable EMPTY is empty",
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x = {{ env = 'LINES' }} }}",
        "[sites.a.jaeger] headers.x: contains a line break, a space at an end or a",
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ 'x y' = 'a' }}",
        "[sites.a.jaeger] headers.x y: its name must use letters, digits, . _ - and not end",
    ),
    (
        f"{JAEGER}address = 'j:1'\nheaders = {{ x-bin = 'a' }}",
        "[sites.a.jaeger] headers.x-bin: its name must use letters, digits, . _ - and not end",
    ),
    (
        f"{PROMETHEUS}name = 'x'\n{PROMETHEUS}name = 'y'\nheaders = 5",
        '[sites.a.prometheus] (the one named "y") headers: must be a table',
    ),
    (
        f"{PROMETHEUS}name = 'x'\n{PROMETHEUS}colour = 5",
        "[sites.a.prometheus] (number 2) colour: is not a key of this table",
    ),
    ("[sites.a]\nprometheus = 5", "[sites.a] prometheus: is 5; it must be one table or several"),
    (
        "[sites.a]\nprometheus = ['http://p']",
        "[sites.a] prometheus: must be one table or several, [[sites.a.prometheus]]",
    ),
    ("[[sites.a.prometheus]]", "[sites.a.prometheus] url: is missing; it must be an http:// or"),
    (
        "[sites.a.prometheus]\nurl = 'http://ops:secret@p'",
        "[sites.a.prometheus] url: contains a password; use username and password = { env",
    ),
    (
        "[sites.a.prometheus]\nurl = 'http://ops:sesame@p:port'",
        "[sites.a.prometheus] url: it must be an http:// or https:// URL",
    ),
    (
        f"{PROMETHEUS}headers = 'authorization: sesame'",
        "[sites.a.prometheus] headers: must be a table",
    ),
    (PROMETHEUS * 2, "[sites.a] prometheus: several sources have the same name; give each its own"),
    (
        f"{PROMETHEUS}bearer_token = 'abc'",
        '[sites.a.prometheus] bearer_token: must be { env = "NAME" }, never the secret',
    ),
    (
        f"{PROMETHEUS}bearer_token = {{ env = 'SECRET' }}\nusername = 'ops'",
        "[sites.a.prometheus] bearer_token: and username cannot be combined; set one",
    ),
    (
        f"{PROMETHEUS}bearer_token = {{ env = 'LINES' }}",
        "[sites.a.prometheus] bearer_token: contains a line break, a space at an end or a",
    ),
    (
        f"{PROMETHEUS}password = {{ env = 'SECRET' }}",
        "[sites.a.prometheus] password: requires a username",
    ),
    (f"{PROMETHEUS}ca = '/nowhere'", '[sites.a.prometheus] ca: file "/nowhere" does not exist'),
    (
        f"{SERVICE}instances = 'x:1'",
        "[sites.a.services.b] instances: is 'x:1'; it must be a list of addresses",
    ),
    (
        f"{SERVICE}instances = [5]",
        '[sites.a.services.b] instances: has 5; it must be a list of addresses, ["host:port", …]',
    ),
    (
        f"{SERVICE}instances = ['x']",
        '[sites.a.services.b] instances: is "x"; it must be host:port without a scheme',
    ),
    (
        f"{SERVICE}instances = ['x:1', 'y:1', 'x:1']",
        '[sites.a.services.b] instances: lists "x:1" twice',
    ),
    (
        f"{SERVICE}instances = ['x:1']\ndns = 'x:1'",
        "[sites.a.services.b] dns: and instances or targets_port cannot be combined",
    ),
    (
        f"{PROMETHEUS}{SERVICE}targets_port = 65536",
        "[sites.a.services.b] targets_port: is 65536; it must be a port, 1 to 65535",
    ),
    (
        f"{SERVICE}targets_port = 50051",
        "[sites.a.services.b] targets_port: needs a Prometheus server and the labels in alerts",
    ),
    (
        f"{PROMETHEUS}{SERVICE}prometheus = 'q'",
        '[sites.a.services.b] prometheus: is "q"; sources: p',
    ),
    (
        f"{SERVICE}alerts = {{ job = 5 }}",
        '[sites.a.services.b] alerts: must be { label = "value" }',
    ),
    (
        f"{SERVICE}verison = 'x'",
        '[sites.a.services.b] verison: is not a key of this table; did you mean "version"?',
    ),
]


class TestProblems:
    @pytest.mark.parametrize(("text", "problem"), WRONG)
    def test_it_names_table_key_and_form(
        self, site_file: SiteFile, text: str, problem: str
    ) -> None:
        (found,) = problems(site_file, text)
        assert problem in found
        assert "sesame" not in found

    def test_it_reports_everything_at_once(self, site_file: SiteFile) -> None:
        text = (
            f"{JAEGER}address = 'j'\nui = 'j'\nfoo = 1\n{PROMETHEUS}timeout = 'x'\n{SERVICE}x = 1"
        )
        assert len(problems(site_file, text)) == 5

    def test_it_says_where_to_start_when_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(
            SiteFileError, match=r"copy sites\.example\.toml and set OPSPORTAL_SITES"
        ):
            load(tmp_path / "none.toml")

    def test_it_says_where_the_file_is_not_toml(self, site_file: SiteFile) -> None:
        (found,) = problems(site_file, "[sites.a]\nfoo = bar\n")
        assert found.startswith("is not valid TOML: Invalid value (at line 2")

    def test_it_says_that_the_file_is_not_text(self, tmp_path: Path) -> None:
        path = tmp_path / "sites.toml"
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(SiteFileError, match="is not valid TOML: 'utf-8' codec"):
            load(path)


class TestEveryService:
    def test_a_service_takes_what_it_has_no_query_of_its_own_for(self, site_file: SiteFile) -> None:
        site_file(
            """
            [sites.p.every_service]
            version = "build_info"
            version_label = "release"
            requests = "by_job"
            [sites.p.services.a]
            requests = "own"
            failing = "own too"
            [sites.p.services.b]
            requests = ""
            version_label = "tag"
            [sites.p.services.nameless]
            alerts = {}
            """
        )
        a, b, nameless = sites().site("p").services.values()
        assert (a.version, a.version_label, a.requests, a.failing) == (
            "build_info", "release", "own", "own too"
        )  # fmt: skip
        assert a.shared == {"version"}
        assert (b.requests, b.version_label) == ("", "tag")
        assert b.shared == {"version"}
        assert (nameless.version, nameless.requests, nameless.shared) == ("", "", frozenset())

    def test_what_is_wrong_in_it_is_said(self, site_file: SiteFile) -> None:
        path = site_file("[sites.p.every_service]\nrequest = 'a'\nfailing = 3\n")
        with pytest.raises(SiteFileError) as caught:
            load(path)
        said = " ".join(caught.value.problems)
        assert (
            '[sites.p.every_service] request: is not a key of this table; did you mean "req' in said
        )
        assert "[sites.p.every_service] failing: is 3; it must be PromQL" in said


@pytest.mark.parametrize(("megabytes", "fits"), [("1", True), ("1024", True), ("0", False)])
def test_an_answer_has_a_largest_size(site_file: SiteFile, megabytes: str, fits: bool) -> None:
    path = site_file(
        f'[sites.p]\nprometheus = {{ url = "http://p:9090", largest_answer_mib = {megabytes} }}'
    )
    if fits:
        (source,) = load(path).site("p").prometheus
        assert source.largest_answer == int(megabytes) * 1024**2
    else:
        with pytest.raises(
            SiteFileError, match="largest_answer_mib: is 0; it must be between 1 and 1024"
        ):
            load(path)
