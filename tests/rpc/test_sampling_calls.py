"""Calls that change sampling, against instances."""

from typing import Any

import pytest
from google.rpc import status_pb2
from grpc import StatusCode
from grpc_status.rpc_status import GRPC_DETAILS_METADATA_KEY

from ops.vocabulary.timerange import MINUTE, now_ns
from proto.ops import ops_pb2
from tests.rpc.calling import refused
from tests.rpc.conftest import Backends, Client

pytestmark = pytest.mark.django_db(transaction=True)

RATE_FORMS = "accepted: never, always, or a rate above 0 and up to 1"
TYPE_FORMS = "accepted: STNever, STAlways, or STFloat with a float_value above 0 and up to 1"


async def test_it_changes_sampling_everywhere(ops: Client, backends: Backends) -> None:
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STFloat, float_value=0.5)
    answer = await ops.ChangeSampling(request)
    assert [instance.told for instance in backends.instances] == [[("STFloat", 0.5)]] * 2
    assert [result.confirmed for result in answer.instances] == [True, True]


async def test_it_aborts_with_each_result_when_not_all_confirmed(
    ops: Client, backends: Backends
) -> None:
    backends.instances[0].fails = StatusCode.INTERNAL
    error = await refused(ops.ChangeSampling(ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways)))
    assert error.code() is StatusCode.ABORTED
    assert backends.instances[0].address in (error.details() or "")
    metadata = dict(error.trailing_metadata() or ())
    assert len(str(metadata["x-request-id"])) == 16
    rich = status_pb2.Status.FromString(metadata[GRPC_DETAILS_METADATA_KEY])
    details = ops_pb2.ChangeSamplingResp()
    assert rich.details[0].Unpack(details)
    assert sorted(result.confirmed for result in details.instances) == [False, True]
    assert details.revision > 0
    assert f"revision {details.revision} stays in force" in (error.details() or "")


async def test_it_changes_sampling_for_a_while(ops: Client, backends: Backends) -> None:
    until = now_ns() + MINUTE
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways, until=until, reason="because")
    error = await refused(ops.ChangeSampling(request))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert "say what follows" in (error.details() or "")
    request.then_policy = "10%"
    answer = await ops.ChangeSampling(request)
    assert answer.until == until // 1_000 * 1_000, "as exactly as the database keeps it"
    assert (answer.then_policy, answer.reason, answer.policy) == ("10%", "because", "always")
    # Without an end it means what it always meant.
    answer = await ops.ChangeSampling(ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways))
    assert (answer.until, answer.then_policy, answer.reason) == (0, "", "")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"until": 1}, "this one would end at 1970-01-01T00:00:00Z"),
        ({"until": 2**63 - 1}, "a change lasts at least 10 s and at most 7 d"),
        ({"reason": "a\nb"}, "a reason is one line of at most 300 characters"),
        ({"then_policy": "10%"}, "what follows is for a change with an end only"),
        ({"then_policy": "1e-300x"}, "is not a sampling policy"),
    ],
)
async def test_it_refuses_a_term_that_cannot_be(
    ops: Client, backends: Backends, more: dict[str, Any], sentence: str
) -> None:
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways, **more)
    error = await refused(ops.ChangeSampling(request))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert sentence in (error.details() or "")
    assert [instance.told for instance in backends.instances] == [[], []]


@pytest.mark.parametrize(
    ("kind", "rate", "forms"),
    [
        (0, 0.5, TYPE_FORMS),
        (9, 0.5, TYPE_FORMS),
        *((3, rate, RATE_FORMS) for rate in (0.0, -1.0, 1.01, float("nan"), float("inf"))),
    ],
)
async def test_it_refuses_a_policy_that_is_none(
    ops: Client, backends: Backends, kind: ops_pb2.SamplerType.ValueType, rate: float, forms: str
) -> None:
    error = await refused(
        ops.ChangeSampling(ops_pb2.ChangeSamplingReq(type=kind, float_value=rate))
    )
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert forms in (error.details() or "")
    assert [instance.told for instance in backends.instances] == [[], []]
