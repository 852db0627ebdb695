"""Alerts of the real Prometheus, through each door."""

import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from proto.ops import ops_pb2
from tests.live import servers
from tests.live.conftest import Person

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

MIXED = ops_pb2.AlertsReq(labels=["alertname=MixedVersions"], states=["firing"])


async def test_it_tells_an_alert_when_it_fires(ops: "OpsAsyncStub", operator: Person) -> None:
    def ask() -> Awaitable[ops_pb2.AlertsResp]:
        return ops.Alerts(MIXED, metadata=operator.metadata)

    [alert] = (await servers.eventually(ask, lambda answer: answer.alerts)).alerts
    assert (alert.name, alert.severity, alert.state) == ("MixedVersions", "info", "firing")
    assert alert.labels["job"] == "petstore"
    assert alert.annotations["summary"] == "petstore runs 2 versions"
    assert 0 < time.time_ns() - alert.active_at < 10**12

    page = operator.opens("/alerts/", q="severity=info")
    assert "MixedVersions" in page
    assert "petstore runs 2 versions" in page
    assert "MixedVersions" in operator.says("alerts severity=info")


def test_it_names_a_rule_that_cannot_be_evaluated(operator: Person) -> None:
    servers.until(lambda: "1 broken rule" in operator.opens("/alerts/"), "the rule is broken")
    assert "ManyToMany" in operator.opens("/alerts/")
    assert "ManyToMany" in operator.says("alerts")
