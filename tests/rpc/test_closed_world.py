"""Each RPC is one action: whoever lacks every right is refused exactly that one."""

import grpc.aio
import pytest
from django.contrib.auth.models import User
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.guard import ACTIONS
from proto.ops import ops_pb2
from tests.rpc.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)
METHODS = ops_pb2.DESCRIPTOR.services_by_name["Ops"].methods_by_name
FILLED = dict.fromkeys(
    ("ChangeSampling", "AskSampling"), ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways)
)
REACHED = {
    "ListTraces": "traces.list_traces",
    "ShowTrace": "traces.show_trace",
    "ShowLogs": "traces.show_logs",
    "ChangeSampling": "sampling.change_policy",
    "DeployedVersion": "versions.show_versions",
    "Alerts": "alerts.list_alerts",
    "Sampling": "sampling.current_of_several",
    "SamplingHistory": "sampling.changes",
    "RevertSampling": "sampling.revert",
    "AskSampling": "requests.ask",
    "SamplingRequests": "requests.list_open",
    "Silences": "silences.list_silences",
    "PreviewSilence": "silences.preview_silence",
    "CreateSilence": "silences.create_silence",
    "ExtendSilence": "silences.extend_silence",
    "EndSilence": "silences.end_silence",
    "Acknowledge": "acknowledgements.acknowledge",
    "HandOver": "acknowledgements.hand_over",
    "GiveBack": "acknowledgements.give_back",
    # Who may decide on a request depends on who asked for it.
    "ApproveSampling": "sampling.change_policy",
    "RefuseSampling": "sampling.change_policy",
}


def test_it_knows_where_every_rpc_leads() -> None:
    assert set(REACHED) == set(METHODS)
    assert set(REACHED.values()) <= set(ACTIONS)


@pytest.mark.parametrize("name", METHODS)
async def test_it_reaches_one_action_which_refuses_whoever_has_no_right(
    ops: Client, guest: User, name: str
) -> None:
    await in_database(guest.groups.clear)
    request = FILLED.get(name) or GetMessageClass(METHODS[name].input_type)()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(ops, name)(request)
    assert caught.value.code() is StatusCode.PERMISSION_DENIED
    assert str(ACTIONS[REACHED[name]].permission) in (caught.value.details() or "")
    entry = await in_database(AuditEntry.objects.get)
    assert (entry.action, entry.actor, entry.outcome) == (REACHED[name], "guest", "denied")


@pytest.mark.parametrize("name", METHODS)
async def test_it_answers_nobody_unknown(ops: Client, name: str) -> None:
    request = FILLED.get(name) or GetMessageClass(METHODS[name].input_type)()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(ops, name)(request)
    assert caught.value.code() is StatusCode.UNAUTHENTICATED
    assert not await in_database(AuditEntry.objects.exists)
