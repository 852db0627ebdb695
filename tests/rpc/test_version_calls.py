"""Calls about versions, against a Prometheus."""

import time

import pytest

from proto.ops import ops_pb2
from tests.rpc.conftest import Backends, Client

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_tells_the_version_alone_where_one_runs(ops: Client, backends: Backends) -> None:
    labels = [{"job": "petstore", "instance": f"p{n}", "version": "1.2.0"} for n in (1, 2)]
    backends.prometheus.says("build_info", *((label, 1) for label in labels))
    assert (await ops.DeployedVersion(ops_pb2.DeployedVersionReq())).version == "1.2.0"


async def test_it_tells_a_mixture_of_versions(ops: Client, backends: Backends) -> None:
    backends.prometheus.says(
        "build_info",
        ({"job": "petstore", "instance": "p1", "version": "1.3.0"}, 1),
        ({"job": "petstore", "instance": "p2", "version": "1.2.0"}, 1),
        ({"job": "petstore", "instance": "p3", "version": "1.2.0"}, 1),
    )
    answer = await ops.DeployedVersion(ops_pb2.DeployedVersionReq())
    assert answer.version == "1.3.0 (1 of 3), 1.2.0 (2 of 3)"
    assert len(answer.instances) == answer.total == 3


async def test_it_says_how_a_rollout_goes(ops: Client, backends: Backends) -> None:
    now = time.time_ns() // 60_000_000_000 * 60
    labels = [{"job": "petstore", "instance": "p1", "version": each} for each in ("1.2.0", "1.3.0")]
    backends.prometheus.says("build_info", (labels[1], 1))
    backends.prometheus.says(
        'up{job="petstore"}', (labels[1], 1), ({"job": "petstore", "instance": "p2"}, 0)
    )
    backends.prometheus.ranges["build_info"] = [
        {"metric": labels[0], "values": [[now - 7_200, "1"], [now - 7_140, "1"]]},
        {"metric": labels[1], "values": [[now - 7_080 + 60 * n, "1"] for n in range(119)]},
    ]

    answer = await ops.DeployedVersion(ops_pb2.DeployedVersionReq())

    assert (answer.state, answer.previous) == ("steady", "1.2.0")
    assert answer.since == (now - 7_080) * 1_000_000_000
    assert [each.lack for each in answer.instances] == ["", "down"]


async def test_it_says_what_may_be_missing_from_the_versions(
    ops: Client, backends: Backends
) -> None:
    backends.prometheus.says("build_info", ({"job": "petstore", "version": "1.2.0"}, 1))

    answer = await ops.DeployedVersion(ops_pb2.DeployedVersionReq())

    assert list(answer.warnings) == ['the version query returns no label "instance"']
