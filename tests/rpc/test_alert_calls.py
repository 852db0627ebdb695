"""Calls about alerts, against a Prometheus."""

import pytest
from grpc import StatusCode

from proto.ops import ops_pb2
from tests.conftest import SiteFile
from tests.fakes.prometheus import alert
from tests.rpc.calling import ZERO_TIME, refused
from tests.rpc.conftest import Backends, Client

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_lists_alerts_with_all_that_prometheus_says(
    ops: Client, backends: Backends
) -> None:
    backends.prometheus.rule("Slow", alert("Slow", severity="page", team="store"))
    backends.prometheus.rule("Queue", alert("Queue", "pending", severity="warning"))
    request = ops_pb2.AlertsReq(labels=["team"], states=["firing"], active_at=ZERO_TIME)
    (found,) = (await ops.Alerts(request)).alerts
    assert (found.name, found.state, found.value) == ("Slow", "firing", "1e+00")
    assert found.active_at == 1795469264568674523
    assert found.labels["severity"] == "page"
    everything = await ops.Alerts(ops_pb2.AlertsReq(matchers=['severity=~"page|warning"']))
    assert len(everything.alerts) == 2


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (ops_pb2.AlertsReq(labels=["team=store"]), ["Slow"]),
        (ops_pb2.AlertsReq(labels=["team=store", "severity=warning"]), []),
        (ops_pb2.AlertsReq(labels=["team"]), ["Slow"]),
        (ops_pb2.AlertsReq(matchers=["team!=store"]), ["Queue"]),
        (ops_pb2.AlertsReq(matchers=['{team="store",severity=~"page|none"}']), ["Slow"]),
        (ops_pb2.AlertsReq(matchers=['severity = "page"', 'team=~"s.*"']), ["Slow"]),
        (ops_pb2.AlertsReq(matchers=["team=store,page"]), []),
        (ops_pb2.AlertsReq(states=["pending"]), ["Queue"]),
        (ops_pb2.AlertsReq(active_at=1795469264568674524), []),
    ],
)
async def test_it_lists_the_alerts_that_are_asked_for(
    ops: Client, backends: Backends, request_: ops_pb2.AlertsReq, names: list[str]
) -> None:
    backends.prometheus.rule("Slow", alert("Slow", severity="page", team="store"))
    backends.prometheus.rule("Queue", alert("Queue", "pending", severity="warning"))
    assert [found.name for found in (await ops.Alerts(request_)).alerts] == names


@pytest.mark.parametrize(
    "request_",
    [
        ops_pb2.AlertsReq(labels=["=store"]),
        ops_pb2.AlertsReq(matchers=['team=~"("']),
        ops_pb2.AlertsReq(matchers=["team"]),
        ops_pb2.AlertsReq(matchers=[""]),
        ops_pb2.AlertsReq(matchers=['team="store" severity="page"']),
        ops_pb2.AlertsReq(states=["loud"]),
    ],
)
async def test_it_refuses_a_filter_that_cannot_be_right(
    ops: Client, backends: Backends, request_: ops_pb2.AlertsReq
) -> None:
    assert (await refused(ops.Alerts(request_))).code() is StatusCode.INVALID_ARGUMENT
    assert backends.prometheus.paths == []


async def test_it_lists_what_it_has_and_names_the_source_that_is_down(
    ops: Client, backends: Backends, site_file: SiteFile
) -> None:
    backends.prometheus.rule("Slow", alert("Slow"))
    site_file(
        f"""
        [[sites.demo.prometheus]]
        name = "here"
        url = "{backends.prometheus.url}"
        [[sites.demo.prometheus]]
        name = "away"
        url = "http://127.0.0.1:1"
        """
    )
    answer = await ops.Alerts(ops_pb2.AlertsReq())
    assert [found.source for found in answer.alerts] == ["here"]
    (failure,) = answer.failures
    assert failure.source == "away" and "127.0.0.1:1" in failure.reason
