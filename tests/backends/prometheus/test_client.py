"""The Prometheus client against a server on port 0."""

import asyncio
import gc
import gzip
import json
import math
import ssl
import weakref
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ops.backends.breaker import FAILURES
from ops.backends.calls import AT_ONCE
from ops.backends.http import BadCompression, InvalidHeader, TooLarge
from ops.backends.prometheus import Prometheus
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, OpsError
from ops.sites import PrometheusSource
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert
from tests.backends.conftest import make_site
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus, Fault, alert
from tests.fakes.tls import CA, https

Client = Callable[..., Prometheus]


@pytest.fixture
async def client(fake_prometheus: FakePrometheus) -> AsyncIterator[Client]:
    """Make a client of the fake, or of another URL, with what else its source says."""
    made: list[Prometheus] = []

    def make(url: str = "", **source: Any) -> Prometheus:
        described = PrometheusSource("main", url or fake_prometheus.url, **source)
        made.append(Prometheus(make_site(prometheus=(described,)), described))
        return made[-1]

    yield make
    for prometheus in made:
        await prometheus.close()


async def refused(reading: Any) -> str:
    with pytest.raises(BackendUnavailable) as caught:
        await reading
    assert caught.value.backend == "Prometheus main of production"
    return str(caught.value)


class TestQuery:
    async def test_it_returns_labels_and_values(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.says("up", ({"job": "a"}, 1), ({"job": "b"}, "NaN"), ({}, "+Inf"))
        vector = await client().query("up")
        found = {sample.labels.get("job"): sample.value for sample in vector.samples}
        assert found["a"] == 1 and found[None] == math.inf and math.isnan(found["b"])

    async def test_it_returns_nothing_for_a_metric_that_nobody_has(self, client: Client) -> None:
        assert (await client().query("nobody_has_this")).samples == ()

    async def test_it_asks_for_a_moment_to_the_nanosecond(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        await client().query("up", at=1_795_469_320_743_000_001)
        await client().query("up")
        then, now = fake_prometheus.forms
        assert (then["time"], "time" in now) == ("1795469320.743000001", False)

    async def test_it_reads_a_scalar_as_one_sample(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        data = {"resultType": "scalar", "result": [1795469320.743, "3"]}
        fake_prometheus.raw["/api/v1/query"] = {"status": "success", "data": data}
        (sample,) = (await client().query("3")).samples
        assert (dict(sample.labels), sample.value) == ({}, 3)

    async def test_it_refuses_other_kinds_of_results_by_name(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        data = {"resultType": "string", "result": [1795469320.743, "abc"]}
        fake_prometheus.raw["/api/v1/query"] = {"status": "success", "data": data}
        with pytest.raises(InvalidInput, match="returns a string; it must return a vector"):
            await client().query('"abc"')

    async def test_it_leaves_histograms_out_and_says_so(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        result = [{"metric": {}, "histogram": [1795469320.743, {"count": "1"}]}]
        data = {"resultType": "vector", "result": result}
        fake_prometheus.raw["/api/v1/query"] = {"status": "success", "data": data}
        vector = await client().query("h")
        assert vector.samples == () and vector.warnings == ("1 native histograms are left out",)

    async def test_it_passes_warnings_on(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.warnings = ["store-2 did not answer"]
        assert (await client().query("up")).warnings == ("store-2 did not answer",)

    async def test_it_says_what_is_wrong_with_a_query(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.bad["up{"] = "1:4: parse error: unexpected end of input"
        with pytest.raises(InvalidInput) as caught:
            await client().query("up{")
        assert str(caught.value) == (
            f"Prometheus main of production at {fake_prometheus.url} refused the query: invalid "
            'parameter "query": 1:4: parse error: unexpected end of input (bad_data)'
        )

    async def test_it_asks_once_for_all_who_watch(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        prometheus = client()
        await asyncio.gather(*(prometheus.query("up") for _ in range(50)))
        await prometheus.query("up")
        assert fake_prometheus.paths == ["/api/v1/query"]

    async def test_it_asks_for_a_range_in_seconds(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        values = [[1795469320.5, "1"], [1795469335.5, "NaN"]]
        fake_prometheus.ranges["p95"] = [{"metric": {"job": "a"}, "values": values}]
        matrix = await client().query_range(
            "p95",
            start=1795469320_500_000_000,
            end=1795472920_000_000_000,
            step=15 * timerange.SECOND,
        )
        (series,) = matrix.series
        assert dict(series.labels) == {"job": "a"}
        assert series.points[0] == (1795469320_500_000_000, 1.0)
        assert math.isnan(series.points[1][1])
        assert fake_prometheus.forms[-1] == {
            "query": "p95",
            "start": "1795469320.500000000",
            "end": "1795472920.000000000",
            "step": "15.000000000",
        }

    async def test_it_sends_headers_and_keeps_the_prefix(self, client: Client) -> None:
        async with FakePrometheus(prefix="/prometheus", token="opensesame") as fake:
            fake.says("up", ({}, 1))
            headers = {"Authorization": "Bearer opensesame", "X-Scope-OrgID": "team-a"}
            await client(fake.url, headers=headers).query("up")
            assert fake.headers[-1]["X-Scope-OrgID"] == "team-a"
            assert fake.paths == ["/api/v1/query"]


class TestRules:
    async def test_it_returns_alerts_with_their_rule(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        text = {"summary": "it is slow"}
        fake_prometheus.rule(
            "Slow", alert("Slow", "pending", severity="page", annotations=text), group="petstore"
        )
        rules = await client().rules()
        assert rules.alerts == (
            Alert(
                name="Slow",
                state="pending",
                value="1e+00",
                active_at=1795469264_568674523,
                labels={"alertname": "Slow", "severity": "page"},
                annotations=text,
                sources=("main",),
                group="petstore",
                rule_health="ok",
                native_state="pending",
            ),
        )

    async def test_it_names_rules_that_cannot_be_evaluated(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.rule("ManyToMany", health="err", error="found duplicate series")
        fake_prometheus.rule("Fine")
        fake_prometheus.rule("New", health="unknown")
        rules = await client().rules()
        assert rules.alerts == ()
        told = {rule.name: (rule.health, rule.error, rule.recording) for rule in rules.rules or ()}
        assert told == {
            "ManyToMany": ("err", "found duplicate series", False),
            "Fine": ("ok", "", False),
            "New": ("unknown", "", False),
            "Quiet": ("ok", "", False),
        }
        assert {rule.evaluated_at for rule in rules.rules or () if rule.name == "New"} == {0}
        assert rules.at > 0

    async def test_it_reads_recording_rules(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        recording = {"type": "recording", "name": "job:up:sum", "query": "up", "health": "err"}
        fake_prometheus.groups.append({"name": "records", "rules": [recording]})
        rules = await client().rules()
        assert ("job:up:sum", True) in {(rule.name, rule.recording) for rule in rules.rules or ()}

    async def test_it_falls_back_to_the_alerts_where_rules_are_missing(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.rule("Slow", alert("Slow"))
        fake_prometheus.missing.add("/api/v1/rules")
        (found,) = (await client().rules()).alerts
        assert (found.name, found.group, found.rule_health) == ("Slow", "", "unknown")

    @pytest.mark.parametrize(
        ("text", "nanoseconds"),
        [
            ("2018-07-04T20:27:12.60602144+02:00", 1530728832_606021440),
            ("2026-11-23T21:27:44.568674523Z", 1795469264_568674523),
            ("2026-11-23T21:27:44Z", 1795469264_000000000),
            ("0001-01-01T00:00:00Z", 0),
        ],
    )
    async def test_it_reads_times_to_the_nanosecond(
        self, client: Client, fake_prometheus: FakePrometheus, text: str, nanoseconds: int
    ) -> None:
        fake_prometheus.rule("Slow", alert("Slow", active_at=text))
        (found,) = (await client().rules()).alerts
        assert found.active_at == nanoseconds

    async def test_it_reads_what_thanos_leaves_out(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        item = {"labels": {"alertname": "A"}, "state": "firing", "value": "1e+00"}
        rule = {"name": "A", "health": "ok", "type": "alerting", "alerts": [item]}
        body = {"groups": [{"name": "g", "partialResponseStrategy": "WARN", "rules": [rule]}]}
        warnings = ["no StoreAPIs matched"]
        fake_prometheus.raw["/api/v1/rules"] = {
            "status": "success", "data": body, "warnings": warnings
        }  # fmt: skip
        rules = await client().rules()
        assert rules.warnings == ("no StoreAPIs matched",)
        assert (rules.alerts[0].active_at, dict(rules.alerts[0].annotations)) == (0, {})

    async def test_it_reads_what_victoriametrics_says_differently(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        item = {
            "state": "firing", "name": "A", "value": "0.073", "id": "5", "group_id": "9",
            "expression": "up == 0", "activeAt": "2026-11-23T21:27:44Z", "restored": False,
        }  # fmt: skip
        quiet = {"name": "B", "type": "alerting", "health": "no match", "keep_firing_for": 0}
        rule = {"name": "A", "type": "alerting", "health": "ok", "alerts": [item]}
        data = {"groups": [{"name": "g", "rules": [rule, quiet]}, {"name": "empty", "rules": None}]}
        fake_prometheus.raw["/api/v1/rules"] = {"status": "success", "data": data}
        rules = await client().rules()
        assert [(found.name, found.value) for found in rules.alerts] == [("A", "0.073")]
        assert {rule.health for rule in rules.rules or ()} == {"ok"}

    async def test_it_reads_thousands_of_alerts_whole(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        many = [alert("Slow", instance=f"10.0.{n // 250}.{n % 250}") for n in range(2_000)]
        fake_prometheus.rule("Slow", *many)
        rules = await client().rules()
        assert len({found.labels["instance"] for found in rules.alerts}) == 2_000


FAULTS = [
    (Fault.LOGIN_PAGE, "answered 200 OK with HTML instead of JSON, perhaps from a login page"),
    (Fault.REDIRECT, "redirects to https://sso.example.com/login; if that is a login"),
    (Fault.UNAVAILABLE, "answered 503 Service Unavailable without JSON; check url in [[sites."),
    (Fault.BROKEN_JSON, 'answered 200 OK without JSON: {"status":"succ; check url'),
    (Fault.OTHER_JSON, "answered in a format that is not Prometheus's"),
    (Fault.INTERNAL, "failed: the storage is gone (internal)"),
    (Fault.CUT_OFF, "closes connections without an answer; if it uses TLS, write https://"),
]


class TestTrouble:
    @pytest.mark.parametrize(("fault", "words"), FAULTS)
    async def test_it_says_what_to_check(
        self, client: Client, fake_prometheus: FakePrometheus, fault: Fault, words: str
    ) -> None:
        fake_prometheus.fault = fault
        sentence = await refused(client().query("up"))
        place = f"Prometheus main of production at {fake_prometheus.url}"
        assert sentence.startswith(f"{place} {words}"), sentence

    async def test_it_never_repeats_the_query_of_a_redirect(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.fault = Fault.REDIRECT
        assert "secret" not in await refused(client().query("up"))

    async def test_it_says_that_credentials_are_refused(self, client: Client) -> None:
        async with FakePrometheus(token="opensesame") as fake:
            sentence = await refused(client(fake.url).query("up"))
        assert "refused the credentials (401 Unauthorized: Unauthorized); check" in sentence
        assert "[[sites.production.prometheus]]" in sentence

    async def test_it_says_that_the_path_is_wrong(self, client: Client) -> None:
        async with FakePrometheus(prefix="/prometheus") as fake:
            wrong = fake.url.removesuffix("/prometheus")
            for reading in (client(wrong).query("up"), client(wrong).rules()):
                sentence = await refused(reading)
                assert (
                    "has no Prometheus API at this path (404 Not Found); check the path" in sentence
                )

    async def test_it_says_that_nobody_listens(self, client: Client) -> None:
        sentence = await refused(client("http://127.0.0.1:1").query("up"))
        assert (
            "refused the connection; check that it is running and that the port is right"
            in sentence
        )

    async def test_it_says_that_the_name_does_not_resolve(self, client: Client) -> None:
        sentence = await refused(client("http://prometheus.invalid:9090").query("up"))
        assert "cannot be found: its host name does not resolve" in sentence

    async def test_it_says_that_the_server_does_not_speak_tls(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        url = fake_prometheus.url.replace("http:", "https:")
        sentence = await refused(client(url).query("up"))
        assert "does not speak TLS; write http:// in url" in sentence

    async def test_it_says_that_the_server_speaks_tls(self, client: Client) -> None:
        fake = await FakePrometheus().start(https())
        try:
            sentence = await refused(client(fake.url.replace("https:", "http:")).query("up"))
        finally:
            await fake.stop()
        assert "if it uses TLS, write https://" in sentence

    async def test_it_trusts_the_authority_that_the_site_names_and_no_other(
        self, client: Client
    ) -> None:
        fake = await FakePrometheus().start(https())
        try:
            assert (await client(fake.url, ca=CA).query("up")).samples == ()
            sentence = await refused(client(fake.url).query("up"))
        finally:
            await fake.stop()
        assert "has a certificate that is not trusted; set ca" in sentence

    async def test_it_says_that_the_port_speaks_grpc(self, client: Client) -> None:
        async with FakeJaeger() as jaeger:
            sentence = await refused(client(f"http://{jaeger.address}").query("up"))
        assert "does not speak HTTP; check the port in url of [[sites." in sentence

    async def test_it_says_that_the_json_is_another_api_s(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.raw["/api/v1/query"] = {"results": []}
        sentence = await refused(client().query("up"))
        assert "answered 200 OK in a format that is not Prometheus's" in sentence

    async def test_it_says_that_the_ca_file_is_none(self, client: Client, tmp_path: Any) -> None:
        (tmp_path / "ca.pem").write_text("no certificate")
        prometheus = client("https://127.0.0.1:1", ca=str(tmp_path / "ca.pem"))
        assert "check ca in [[sites.production.prometheus]]" in await refused(
            prometheus.query("up")
        )

    async def test_it_never_shows_a_header_that_cannot_be_sent(self, client: Client) -> None:
        prometheus = client(headers={"Authorization": "Bearer open\nsesame"})
        sentence = await refused(prometheus.query("up"))
        assert "has a character that HTTP forbids" in sentence
        assert "sesame" not in sentence

    async def test_it_gives_up_in_time(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.fault = Fault.HANG
        prometheus = client(timeout=50 * timerange.MILLISECOND)
        with pytest.raises(BackendTimeout, match="did not answer within 50 ms"):
            await prometheus.query("up")

    async def test_it_passes_on_that_the_query_was_too_slow(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.fault = Fault.TIMEOUT
        with pytest.raises(BackendTimeout, match="gave up on the query: query timed out"):
            await client().query("up")

    async def test_it_leaves_a_dead_server_alone_but_keeps_saying_why(self, client: Client) -> None:
        prometheus = client("http://127.0.0.1:1")
        for _ in range(FAILURES):
            await refused(prometheus.query("up"))
        sentence = await refused(prometheus.query("up"))
        assert "refused the connection" in sentence and "next try in" in sentence

    async def test_it_keeps_asking_a_server_that_refuses(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        prometheus = client()
        fake_prometheus.fault = Fault.LOGIN_PAGE
        for _ in range(FAILURES + 1):
            await refused(prometheus.query("up"))
        fake_prometheus.fault = Fault.NONE
        assert (await prometheus.query("up")).samples == ()

    async def test_it_is_not_delayed_by_another_source_that_hangs(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        async with FakePrometheus() as stuck:
            stuck.fault = Fault.HANG
            waiting = asyncio.create_task(client(stuck.url).query("up"))
            await stuck.arrived.wait()
            assert (await client().query("up")).samples == ()
            assert not waiting.done()
            stuck.release.set()
            await waiting


def bodies(*pieces: bytes, **headers: str) -> Callable[[web.Request], Any]:
    """Answer anything with these pieces; with "…" for the last the one before comes for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={key.replace("_", "-"): headers[key] for key in headers}
        )
        response.content_type = "application/json"
        await response.prepare(request)
        endless = pieces[-1] == ENDLESS
        for piece in pieces[:-1] if endless else pieces:
            await response.write(piece)
        while endless:
            await response.write(pieces[-2])
        return response

    return answer


ENDLESS = b"\xe2\x80\xa6"
BOMB = gzip.compress(b'{"status": "success", "data": [' + b" " * 64_000_000, 1)


def rules_with(**annotations: object) -> bytes:
    item = {**alert("Slow"), "annotations": annotations}
    rule = {"type": "alerting", "name": "Slow", "health": "ok", "alerts": [item]}
    return json.dumps(
        {"status": "success", "data": {"groups": [{"name": "g", "rules": [rule]}]}}
    ).encode()


class TestSize:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (bodies(b"[" * 200_000), "answered with values nested hundreds deep, more than"),
            (bodies(b'{"a":' * 90_000), "answered with values nested hundreds deep, more than"),
            (bodies(b'{"status": "success", "x": ' + b"[" * 2_000 + b"]" * 2_000 + b"}"), "nested"),
            (bodies(b"[" + b"[]," * 2_500_000 + b"[]]"), "answered with over 2,000,000 values"),
            (bodies(b'{"status": "' + b"x" * 9_000_000 + b'"}'), "answered with more than 8 MiB"),
            (bodies(b" " * 100_000, ENDLESS), "answered with more than 8 MiB, more than the"),
            (bodies(BOMB, Content_Encoding="gzip"), "raise largest_answer_mib in [[sites."),
            (bodies(BOMB[:99], Content_Encoding="gzip"), "compressed as gzip and cut short"),
            (bodies(b"plain text", Content_Encoding="gzip"), "labelled as gzip, which"),
            (bodies(b"x", Content_Encoding="br"), "cannot be read: compressed as br"),
        ],
    )  # fmt: skip
    async def test_it_takes_no_answer_that_is_too_large_or_too_deep(
        self, client: Client, fake_prometheus: FakePrometheus, answer: Any, words: str
    ) -> None:
        prometheus = client(largest_answer=8 * 1024 * 1024)
        fake_prometheus.written = answer
        assert words in await refused(prometheus.rules())
        assert words in await refused(prometheus.query("up"))
        fake_prometheus.written = None
        assert (await prometheus.query("up and running")).samples == ()

    @pytest.mark.parametrize("packing", [gzip.compress, zlib.compress])
    async def test_it_unpacks_what_is_packed(
        self, client: Client, fake_prometheus: FakePrometheus, packing: Callable[[bytes], bytes]
    ) -> None:
        name = "gzip" if packing is gzip.compress else "deflate"
        body = packing(rules_with(summary="slow " * 1_000_000))
        fake_prometheus.written = bodies(body[:100], body[100:], Content_Encoding=name)
        (found,) = (await client().rules()).alerts
        assert found.summary == "slow " * 1_000_000

    async def test_it_reads_text_that_is_none(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        body = rules_with(a="café", b="\udc00 and \U0001f600", c="\\ud800").replace(
            b"caf\\u00e9", "café".encode("latin-1")
        )
        fake_prometheus.written = bodies(body)
        (found,) = (await client().rules()).alerts
        assert dict(found.annotations) == {
            "a": "caf\ufffd", "b": "\ufffd and \U0001f600", "c": "\\ud800"
        }  # fmt: skip

    async def test_it_reads_a_number_of_thousands_of_digits(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        body = rules_with(a=1).replace(
            b'"name": "Slow"', b'"name": "Slow", "duration": ' + b"9" * 5_000
        )
        fake_prometheus.written = bodies(body)
        assert len((await client().rules()).alerts) == 1

    async def test_what_it_refused_does_not_stay_in_memory(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        """Nor in the error that is kept to say why a backend is left alone."""

        class Large:
            pass

        async def call() -> None:
            large = Large()
            gone.append(weakref.ref(large))
            raise BackendUnavailable("down", backend="Prometheus")

        gone: list[weakref.ref[Large]] = []
        prometheus = client()
        for _ in range(FAILURES):
            await refused_by(prometheus._calls.read("key", call))
        await asyncio.sleep(0)
        gc.collect()
        assert [each() for each in gone] == [None] * FAILURES


async def refused_by(reading: Any) -> None:
    with pytest.raises(BackendUnavailable):
        await reading


class TestManyCalls:
    async def test_a_call_that_is_cancelled_at_any_stage_leaves_the_next_one_its_turn(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        async def half(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b'{"status": ')
            await fake_prometheus.release.wait()
            return response

        prometheus = client()
        for written, fault in ((None, Fault.NONE), (half, Fault.NONE), (None, Fault.HANG)):
            fake_prometheus.written, fake_prometheus.fault = written, fault
            for ticks in range(34):
                calls = [asyncio.create_task(prometheus.query(f"up + {n}")) for n in range(10)]
                for _ in range(ticks * 3):
                    await asyncio.sleep(0)
                for call in calls:
                    call.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
        fake_prometheus.written, fake_prometheus.fault = None, Fault.NONE
        everything = await asyncio.gather(*(prometheus.query(f"up - {n}") for n in range(100)))
        assert len(everything) == 100

    async def test_only_some_are_under_way_at_once(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        fake_prometheus.fault = Fault.HANG
        prometheus = client()
        calls = [asyncio.create_task(prometheus.query(f"up + {n}")) for n in range(300)]
        while fake_prometheus.most_at_once < AT_ONCE:
            fake_prometheus.arrived.clear()
            await fake_prometheus.arrived.wait()
        async with FakePrometheus() as other:  # a few round trips, in which more would arrive
            for n in range(20):
                await client(other.url).query(f"up + {n}")
        assert fake_prometheus.most_at_once == AT_ONCE
        fake_prometheus.release.set()
        await asyncio.gather(*calls)
        assert len(fake_prometheus.paths) == 300

    async def test_connections_that_lead_nowhere_are_replaced(
        self, client: Client, fake_prometheus: FakePrometheus
    ) -> None:
        prometheus = client()
        await asyncio.gather(*(prometheus.query(f"up + {n}") for n in range(AT_ONCE)))
        fake_prometheus.fault = Fault.CUT_OFF
        await refused(prometheus.query("up"))
        fake_prometheus.fault = Fault.NONE
        await prometheus.query("up - 1")
        assert fake_prometheus.peers[-1] not in fake_prometheus.peers[:-1]


def exceptions(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for below in kind.__subclasses__():
        yield from exceptions(below)


CLIENT = (
    *exceptions(aiohttp.ClientError),
    TooLarge,
    BadCompression,
    InvalidHeader,
    TimeoutError,
    ssl.SSLError,
    OSError,
)


@pytest.mark.parametrize("kind", CLIENT, ids=lambda kind: kind.__name__)
async def test_it_translates_every_exception_of_the_client(
    client: Client, kind: type[Exception]
) -> None:
    # The library's own constructors want a connection and a request.
    error = type(kind.__name__, (kind,), {"__init__": object.__init__, "__str__": _broken})()
    with pytest.raises(OpsError) as caught, client().errors.translated():
        raise error
    assert str(caught.value).startswith("Prometheus main of production at http://127.0.0.1:")


def _broken(error: Exception) -> str:
    return "broken"


def test_it_knows_the_roots_of_the_library_s_exceptions() -> None:
    """A new root, which the translation would let through, fails here."""
    roots = {
        kind.__name__
        for kind in vars(aiohttp).values()
        if isinstance(kind, type)
        and issubclass(kind, Exception)
        and not issubclass(kind, aiohttp.ClientError | OSError | Warning)
    }
    # Of WebSockets, and the end of a body that it keeps to itself.
    assert roots == {"WSMessageTypeError", "WebSocketError", "EofStream"}
