"""Queries, and many at the same time, against a server on port 0."""

import asyncio
import math

import pytest
from aiohttp import web

from ops.backends.calls import AT_ONCE
from ops.errors import InvalidInput
from ops.vocabulary import timerange
from tests.backends.prometheus.conftest import Client, refused
from tests.fakes.prometheus import FakePrometheus, Fault


async def test_it_returns_labels_and_values(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.says("up", ({"job": "a"}, 1), ({"job": "b"}, "NaN"), ({}, "+Inf"))
    vector = await client().query("up")
    found = {sample.labels.get("job"): sample.value for sample in vector.samples}
    assert found["a"] == 1 and found[None] == math.inf and math.isnan(found["b"])


async def test_it_returns_nothing_for_a_metric_that_nobody_has(client: Client) -> None:
    assert (await client().query("nobody_has_this")).samples == ()


async def test_it_asks_for_a_moment_to_the_nanosecond(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    await client().query("up", at=1_795_469_320_743_000_001)
    await client().query("up")
    then, now = fake_prometheus.forms
    assert (then["time"], "time" in now) == ("1795469320.743000001", False)


async def test_it_reads_a_scalar_as_one_sample(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    data = {"resultType": "scalar", "result": [1795469320.743, "3"]}
    fake_prometheus.raw["/api/v1/query"] = {"status": "success", "data": data}
    (sample,) = (await client().query("3")).samples
    assert (dict(sample.labels), sample.value) == ({}, 3)


async def test_it_refuses_other_kinds_of_results_by_name(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    data = {"resultType": "string", "result": [1795469320.743, "abc"]}
    fake_prometheus.raw["/api/v1/query"] = {"status": "success", "data": data}
    with pytest.raises(InvalidInput, match="returns a string; it must return a vector"):
        await client().query('"abc"')


async def test_it_leaves_histograms_out_and_says_so(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    result = [{"metric": {}, "histogram": [1795469320.743, {"count": "1"}]}]
    data = {"resultType": "vector", "result": result}
    fake_prometheus.raw["/api/v1/query"] = {"status": "success", "data": data}
    vector = await client().query("h")
    assert vector.samples == () and vector.warnings == ("1 native histograms are left out",)


async def test_it_passes_warnings_on(client: Client, fake_prometheus: FakePrometheus) -> None:
    fake_prometheus.warnings = ["store-2 did not answer"]
    assert (await client().query("up")).warnings == ("store-2 did not answer",)


async def test_it_says_what_is_wrong_with_a_query(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.bad["up{"] = "1:4: parse error: unexpected end of input"
    with pytest.raises(InvalidInput) as caught:
        await client().query("up{")
    assert str(caught.value) == (
        f"Prometheus main of production at {fake_prometheus.url} refused the query: invalid "
        'parameter "query": 1:4: parse error: unexpected end of input (bad_data)'
    )


async def test_it_asks_once_for_all_who_watch(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    prometheus = client()
    await asyncio.gather(*(prometheus.query("up") for _ in range(50)))
    await prometheus.query("up")
    assert fake_prometheus.paths == ["/api/v1/query"]


async def test_it_asks_for_a_range_in_seconds(
    client: Client, fake_prometheus: FakePrometheus
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


async def test_it_sends_headers_and_keeps_the_prefix(client: Client) -> None:
    async with FakePrometheus(prefix="/prometheus", token="opensesame") as fake:
        fake.says("up", ({}, 1))
        headers = {"Authorization": "Bearer opensesame", "X-Scope-OrgID": "team-a"}
        await client(fake.url, headers=headers).query("up")
        assert fake.headers[-1]["X-Scope-OrgID"] == "team-a"
        assert fake.paths == ["/api/v1/query"]


async def test_a_call_that_is_cancelled_at_any_stage_leaves_the_next_one_its_turn(
    client: Client, fake_prometheus: FakePrometheus
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
    client: Client, fake_prometheus: FakePrometheus
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
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    prometheus = client()
    await asyncio.gather(*(prometheus.query(f"up + {n}") for n in range(AT_ONCE)))
    fake_prometheus.fault = Fault.CUT_OFF
    await refused(prometheus.query("up"))
    fake_prometheus.fault = Fault.NONE
    await prometheus.query("up - 1")
    assert fake_prometheus.peers[-1] not in fake_prometheus.peers[:-1]
