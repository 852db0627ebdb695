"""A change that needs somebody else's approval, over gRPC."""

from collections.abc import AsyncIterator
from datetime import timedelta

import grpc.aio
import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from grpc import StatusCode

from ops.database import in_database
from ops.rpc.models import make_token
from proto.ops import ops_pb2
from tests.conftest import Person, SiteFile
from tests.fakes.instance import FakeInstance, fake_instance
from tests.rpc.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)
ALWAYS = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways, reason="slow searches")
Metadata = tuple[tuple[str, str], ...]


@pytest.fixture
async def petstore(site_file: SiteFile) -> AsyncIterator[FakeInstance]:
    """It has a ceiling, and its rate of requests is unknown."""
    async with fake_instance() as instance:
        site_file(
            f"""
            [sites.demo.services.petstore]
            instances = ["{instance.address}"]
            sampling_ceiling = 50
            """
        )
        yield instance


@pytest.fixture
async def approver(person: Person) -> Metadata:
    """The token of somebody else, who may change and approve."""

    def make() -> str:
        return make_token(person("ada", "approvers"), "ci", timezone.now() + timedelta(days=1))

    return (("authorization", f"Bearer {await in_database(make)}"),)


async def test_it_is_asked_for_and_approved_by_somebody_else(
    ops: Client, guest: User, approver: Metadata, petstore: FakeInstance
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.ChangeSampling(ALWAYS)
    assert caught.value.code() is StatusCode.FAILED_PRECONDITION
    assert "or with AskSampling; somebody else can approve it" in (caught.value.details() or "")

    asked = await ops.AskSampling(ALWAYS)
    assert (asked.state, asked.policy, asked.asked_by) == ("open", "always", "guest")
    assert asked.expires - asked.asked_at == 600 * 10**9
    assert asked.needs_approval == (
        "Maybe over petstore's ceiling of 50 traces/s: its requests/s are unknown"
    )
    assert [*(await ops.SamplingRequests(ops_pb2.SamplingRequestsReq())).requests] == [asked]
    approve = ops_pb2.ApproveSamplingReq(key=asked.key)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.ApproveSampling(approve)
    assert caught.value.code() is StatusCode.PERMISSION_DENIED
    assert "somebody else must approve it" in (caught.value.details() or "")
    assert petstore.told == []

    done = await ops.ApproveSampling(approve, metadata=approver)

    assert (done.state, done.decided_by, done.problem) == ("applied", "ada", "")
    assert (done.result.policy, done.result.reason) == ("always", "slow searches")
    assert [each.confirmed for each in done.result.instances] == [True]
    assert petstore.told == [("STAlways", 0.0)]
    assert await ops.ApproveSampling(approve) == done, "it is decided, and applied once"
    assert len(petstore.told) == 1


@pytest.mark.parametrize(("by_other", "state"), [(True, "refused"), (False, "cancelled")])
async def test_it_is_refused_or_withdrawn(
    ops: Client,
    guest: User,
    approver: Metadata,
    petstore: FakeInstance,
    by_other: bool,
    state: str,
) -> None:
    key = (await ops.AskSampling(ALWAYS)).key
    refuse = ops_pb2.RefuseSamplingReq(key=key, reason="the disk is full")
    done = await ops.RefuseSampling(refuse, metadata=approver if by_other else None)
    assert (done.state, done.why_not) == (state, "the disk is full")
    assert done.decided_by == ("ada" if by_other else "guest")
    assert not (await ops.SamplingRequests(ops_pb2.SamplingRequestsReq())).requests
    assert petstore.told == []
