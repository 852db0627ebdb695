"""The demo's Prometheus: its own queries answered, others refused; alerts by a driven clock."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from opsportal.demo.alerting import SECOND, Rule, moment, plain, scientific
from opsportal.demo.prometheus import MOST_POINTS, Prometheus, Silence, Target, api
from opsportal.demo.promql import Above, Aggregate, Alerts, Expression, Metric, Quotient, Rate
from opsportal.demo.running import http_server

START = 1_795_521_600_123_456_789  # 2026-11-24T12:00:00.123456789Z
REQUESTS = Rate(Metric("shop_requests_total"), 10)
FAILING = Quotient(
    Aggregate("sum", Rate(Metric("shop_requests_total", "code", "OK"), 10)),
    Aggregate("sum", REQUESTS),
)


class Watched:
    """A shop whose calls the tests make, and a clock that they drive, a second a call."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        build = Gauge("shop_build_info", "", ["version"], registry=registry)
        build.labels("1.2.0").set(1)
        self.requests = Counter("shop_requests", "", ["code"], registry=registry)
        for code in ("OK", "BAD"):
            self.requests.labels(code)
        summary = "{{ $value | humanizePercentage }} of {{ $labels.job }} fail ({{ $value }})"
        rule = Rule(
            "Failing",
            Above(FAILING, 0.25),
            5,
            {"job": "shop", "severity": "critical"},
            {"summary": summary},
            group="shop",
        )
        self.kept = Rule("Kept", rule.expression, 2, {"job": "shop"}, {}, group="kept", keep=6)
        target = Target("shop", "shop-1", registry)
        queries: list[Expression] = [
            Metric("shop_build_info"),
            Aggregate("sum", REQUESTS),
            FAILING,
            Alerts("shop"),
        ]
        self.failing = rule
        self.prometheus = Prometheus([target], queries, [rule])
        self.build = build
        self.now = START

    def calls(self, seconds: int, *codes: str) -> None:
        """Let seconds pass with these calls in each of them."""
        for _ in range(seconds):
            for code in codes:
                self.requests.labels(code).inc()
            self.prometheus.tick(self.now)
            self.now += SECOND

    @property
    def alerts(self) -> list[Any]:
        return list(self.prometheus.alerts({})["alerts"])

    @property
    def rule(self) -> Any:
        return self.prometheus.groups({})["groups"][0]["rules"][0]


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
async def url(watched: Watched) -> AsyncIterator[str]:
    watched.calls(10, "OK", "OK", "BAD", "OK")
    async with http_server("127.0.0.1:0", api(watched.prometheus)) as url:
        yield f"{url}/api/v1/"


async def ask(url: str, path: str, **form: str) -> tuple[int, Any]:
    """Ask by GET and by POST, which are the same."""
    async with aiohttp.ClientSession() as session:
        async with session.get(url + path, params=form) as answer:
            got = answer.status, await answer.json()
        async with session.post(url + path, data=form) as answer:
            assert (answer.status, await answer.json()) == got
    return got


def test_it_lets_an_alert_become_pending_fire_and_resolve(watched: Watched) -> None:
    watched.calls(20, "OK", "OK", "OK", "OK")
    assert (watched.alerts, watched.rule["state"]) == ([], "inactive")
    watched.calls(6, "BAD", "BAD", "OK", "OK")
    [alert] = watched.alerts
    assert (alert["state"], watched.rule["state"]) == ("pending", "pending")
    began = alert["activeAt"]
    watched.calls(5, "BAD", "BAD", "OK", "OK")
    [alert] = watched.alerts
    assert (alert["state"], watched.rule["state"]) == ("firing", "firing")
    assert alert["activeAt"] == began
    watched.calls(10, "OK", "OK", "OK", "OK")
    assert (watched.alerts, watched.rule["state"]) == ([], "inactive")
    watched.calls(5, "BAD", "BAD")
    assert watched.alerts[0]["activeAt"] > began


def test_it_remembers_when_an_alert_was_pending_and_when_it_fired(watched: Watched) -> None:
    def states(second: int) -> list[str]:
        form = {"query": 'ALERTS{job="shop"}', "time": str(began + second)}
        return [each["metric"]["alertstate"] for each in watched.prometheus.query(form)["result"]]

    watched.calls(10, "OK", "OK")
    began = watched.now / SECOND
    watched.calls(9, "BAD", "BAD")
    assert "firing" in watched.rule["state"]
    watched.calls(15, *["OK"] * 9)
    assert [states(second) for second in (-1, 4, 8, 20)] == [[], ["pending"], ["firing"], []]


def test_it_does_not_fire_for_what_passes_soon(watched: Watched) -> None:
    watched.calls(20, "OK", "OK")
    watched.calls(3, "BAD", "BAD", "BAD")
    assert [alert["state"] for alert in watched.alerts] == ["pending"]
    watched.calls(9, *["OK"] * 9)
    assert watched.alerts == []


def test_it_writes_alerts_as_prometheus_does(watched: Watched) -> None:
    watched.calls(10, "OK", "BAD", "OK", "OK", "BAD")
    [alert] = watched.alerts
    assert alert == {
        "labels": {"alertname": "Failing", "job": "shop", "severity": "critical"},
        "annotations": {"summary": "40% of shop fail (0.4)"},
        "state": "firing",
        "activeAt": "2026-11-24T12:00:01.123456789Z",
        "value": "4e-01",
    }
    assert watched.rule["query"] == str(Above(FAILING, 0.25))
    assert (watched.rule["duration"], watched.rule["health"]) == (5, "ok")


def test_it_has_not_evaluated_rules_before_the_first_tick(watched: Watched) -> None:
    assert watched.rule["health"] == "unknown"
    assert watched.rule["lastEvaluation"] == "0001-01-01T00:00:00Z"


async def test_it_answers_its_own_queries_however_they_are_spaced(url: str) -> None:
    time = str(START / SECOND + 9)
    query = 'sum (rate( shop_requests_total{code!~"OK"}[10s]))/ sum(rate(shop_requests_total[10s]))'
    status, body = await ask(url, "query", query=query, time=time)
    assert (status, body["status"]) == (200, "success")
    assert body["data"]["resultType"] == "vector"
    [sample] = body["data"]["result"]
    assert sample["metric"] == {}
    assert float(sample["value"][1]) == pytest.approx(0.25)
    _, body = await ask(url, "query", query="shop_build_info", time=time)
    [sample] = body["data"]["result"]
    assert sample["value"][1] == "1"
    assert sample["metric"] == {
        "__name__": "shop_build_info",
        "job": "shop",
        "instance": "shop-1",
        "version": "1.2.0",
    }


async def test_it_answers_over_time_with_gaps_where_it_knows_nothing(url: str) -> None:
    start = START / SECOND
    form = {"query": "shop_build_info", "start": str(start - 2), "end": str(start + 2), "step": "1"}
    _, body = await ask(url, "query_range", **form)
    assert body["data"]["resultType"] == "matrix"
    [series] = body["data"]["result"]
    assert [value for _, value in series["values"]] == ["1", "1", "1"]
    assert series["values"][0][0] == pytest.approx(start, abs=0.001)


@pytest.mark.parametrize(
    ("path", "form", "words"),
    [
        ("query", {}, '"query": missing'),
        ("query", {"query": "up > 1"}, "only knows selectors, and the queries in its own site"),
        ("query_range", {"query": "sum(up)"}, "not sum(up)"),
        ("query", {"query": "shop_build_info", "time": "nan"}, '"time": "nan" is not a number'),
        ("query_range", {"query": "shop_build_info"}, '"start": "" is not a number of seconds'),
        (
            "query_range",
            {"query": "shop_build_info", "start": "2", "end": "1", "step": "1"},
            "end must not be before start",
        ),
        (
            "query_range",
            {"query": "shop_build_info", "start": "1", "end": "9", "step": "0"},
            "step must be above 0",
        ),
        (
            "query_range",
            {"query": "shop_build_info", "start": "1", "end": "99999", "step": "1"},
            f"more than {MOST_POINTS} points",
        ),
    ],
)
async def test_it_refuses_what_it_does_not_know(
    url: str, path: str, form: dict[str, str], words: str
) -> None:
    status, body = await ask(url, path, **form)
    assert (status, body["status"], body["errorType"]) == (400, "error", "bad_data")
    assert words in body["error"]


def test_it_keeps_an_alert_firing_as_long_as_its_rule_says(watched: Watched) -> None:
    watched.prometheus.rules = [watched.kept]
    watched.calls(10, "OK")
    watched.calls(8, "BAD")
    [alert] = watched.alerts
    assert (alert["state"], "keepFiringSince" in alert) == ("firing", False)
    watched.calls(7, *["OK"] * 9)
    [alert] = watched.alerts
    assert (alert["state"], watched.rule["keepFiringFor"]) == ("firing", 6)
    assert alert["activeAt"] < alert["keepFiringSince"] < moment(watched.now)
    watched.calls(3, *["BAD"] * 90)
    assert "keepFiringSince" not in watched.alerts[0]
    watched.calls(20, *["OK"] * 90)
    assert watched.alerts == []


def test_it_does_not_keep_what_was_only_pending(watched: Watched) -> None:
    watched.failing.keep = 60
    watched.calls(20, "OK", "OK")
    watched.calls(3, "BAD", "BAD", "BAD")
    assert [alert["state"] for alert in watched.alerts] == ["pending"]
    watched.calls(9, *["OK"] * 9)
    assert watched.alerts == []


def test_a_broken_rule_says_so_and_keeps_its_alerts_as_they_are(watched: Watched) -> None:
    watched.calls(10, "OK", "OK")
    watched.calls(9, "BAD", "BAD")
    assert "lastError" not in watched.rule
    before = watched.alerts
    watched.failing.error = "too many samples"
    watched.calls(20, "OK", "OK")
    assert (watched.rule["health"], watched.rule["lastError"]) == ("err", "too many samples")
    assert watched.alerts == before
    watched.failing.error = ""
    watched.calls(1, "OK", "OK")
    assert (watched.rule["health"], watched.alerts) == ("ok", [])


def test_it_ends_a_series_that_is_no_longer_scraped(watched: Watched) -> None:
    two = Above(Aggregate("count", Metric("shop_build_info")), 1)
    watched.prometheus.rules = [Rule("Two", two, 0, {}, {})]
    watched.calls(3)
    watched.build.clear()
    watched.build.labels("1.3.0").set(1)
    watched.calls(1)
    assert watched.alerts == []
    answer = watched.prometheus.query(
        {"query": "shop_build_info", "time": str(watched.now / SECOND)}
    )
    assert [each["metric"]["version"] for each in answer["result"]] == ["1.3.0"]


def test_it_groups_its_rules(watched: Watched) -> None:
    watched.prometheus.rules = [watched.failing, watched.kept]
    groups = watched.prometheus.groups({})["groups"]
    assert [(each["name"], each["interval"]) for each in groups] == [("kept", 1.0), ("shop", 1.0)]
    assert [rule["name"] for each in groups for rule in each["rules"]] == ["Kept", "Failing"]


async def test_it_answers_selectors_over_time(watched: Watched, url: str) -> None:
    watched.calls(30, "BAD")
    form = {
        "query": 'ALERTS{alertname="Failing", alertstate="firing"}',
        "start": str(START / SECOND),
        "end": str(watched.now / SECOND),
        "step": "1",
    }
    _, body = await ask(url, "query_range", **form)
    [series] = body["data"]["result"]
    assert series["metric"]["alertstate"] == "firing"
    assert 20 < len(series["values"]) < 30


async def test_a_request_waits_while_it_is_frozen(watched: Watched) -> None:
    watched.prometheus.be(Silence.FROZEN)
    waiting = asyncio.ensure_future(watched.prometheus.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    watched.prometheus.be(Silence.NONE)
    await waiting


async def test_it_answers_503_while_it_starts(watched: Watched, url: str) -> None:
    watched.prometheus.be(Silence.STARTING)
    async with aiohttp.ClientSession() as session, session.get(f"{url}rules") as answer:
        assert (answer.status, await answer.text()) == (503, "Service Unavailable")
    watched.prometheus.be(Silence.NONE)
    status, _ = await ask(url, "rules")
    assert status == 200


async def test_it_compresses_and_dates_its_answers(url: str) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        async with session.get(f"{url}rules", headers={"Accept-Encoding": "deflate, gzip"}) as got:
            assert got.headers["Content-Encoding"] == "gzip"
            assert json.loads(gzip.decompress(await got.read()))["status"] == "success"
            assert parsedate_to_datetime(got.headers["Date"])
        async with session.get(f"{url}rules", headers={"Accept-Encoding": "identity"}) as got:
            assert "Content-Encoding" not in got.headers
            assert (await got.json())["status"] == "success"


async def test_it_has_alerting_rules_only_and_no_other_paths(url: str) -> None:
    _, body = await ask(url, "rules", type="alert")
    assert [rule["name"] for rule in body["data"]["groups"][0]["rules"]] == ["Failing"]
    _, body = await ask(url, "rules", type="record")
    assert body["data"]["groups"] == []
    _, body = await ask(url, "alerts")
    assert [alert["labels"]["alertname"] for alert in body["data"]["alerts"]] in ([], ["Failing"])
    async with aiohttp.ClientSession() as session, session.get(f"{url}labels") as answer:
        assert (answer.status, await answer.text()) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    ("value", "sample", "alert"),
    [
        (1.0, "1", "1e+00"),
        (0.0733333333333333, "0.0733333333333333", "7.33333333333333e-02"),
        (1e-7, "0.0000001", "1e-07"),
        (123456789.0, "123456789", "1.23456789e+08"),
        (0.0, "0", "0e+00"),
        (float("nan"), "NaN", "NaN"),
        (float("inf"), "+Inf", "+Inf"),
        (float("-inf"), "-Inf", "-Inf"),
    ],
)
def test_it_writes_numbers_as_prometheus_does(value: float, sample: str, alert: str) -> None:
    assert (plain(value), scientific(value)) == (sample, alert)


def test_it_writes_moments_to_the_nanosecond() -> None:
    assert moment(1_795_469_264_568_674_523) == "2026-11-23T21:27:44.568674523Z"
    assert moment(1_795_469_264_500_000_000) == "2026-11-23T21:27:44.5Z"
    assert moment(1_795_469_264_000_000_000) == "2026-11-23T21:27:44Z"
