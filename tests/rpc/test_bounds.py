"""Every field of every RPC with too much in it: refused before anything reads it."""

from collections.abc import Iterator

import grpc.aio
import pytest
from django.contrib.auth.models import User
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.limits import LARGEST_REQUEST, LONGEST_TEXT, MOST_ITEMS
from ops.rpc.server import LARGEST_FRAME
from proto.ops import ops_pb2
from tests.rpc.conftest import Client
from tests.watching import Calls, watched

pytestmark = pytest.mark.django_db(transaction=True)
METHODS = ops_pb2.DESCRIPTOR.services_by_name["Ops"].methods_by_name
LONG = "a?" * LONGEST_TEXT
COUNT_ONLY = {"ops.limits", "ops.rpc.errors", "ops.rpc.messages", "ops.guard"}


def texts(name: str) -> list[FieldDescriptor]:
    kinds = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE)
    return [field for field in METHODS[name].input_type.fields if field.type in kinds]


def oversized() -> Iterator[tuple[str, str, object]]:
    for name in METHODS:
        for field in texts(name):
            assert field.type == FieldDescriptor.TYPE_STRING, "this test walks texts only"
            if field.is_repeated:
                yield name, field.name, [LONG]
                yield name, field.name, ["a"] * (MOST_ITEMS + 1)
                yield name, field.name, ["a" * (LONGEST_TEXT // 4)] * 5
            else:
                yield name, field.name, LONG


def request_of(name: str, field: str, value: object) -> Message:
    return GetMessageClass(METHODS[name].input_type)(**{field: value})


async def refused(ops: Client, name: str, request: Message) -> tuple[StatusCode, str, Calls]:
    with (
        watched(LONGEST_TEXT, MOST_ITEMS) as calls,
        pytest.raises(grpc.aio.AioRpcError) as caught,
    ):
        await getattr(ops, name)(request)
    return caught.value.code(), caught.value.details() or "", calls


@pytest.mark.parametrize(("name", "field", "value"), list(oversized()))
async def test_it_refuses_every_field_before_anything_reads_it(
    ops: Client, guest: User, name: str, field: str, value: object
) -> None:
    code, sentence, calls = await refused(ops, name, request_of(name, field, value))
    assert code is StatusCode.INVALID_ARGUMENT
    assert f'"{field}" has ' in sentence and "the limit is" in sentence
    assert "ops.rpc.servicer" not in calls.modules
    assert calls.given <= COUNT_ONLY


@pytest.mark.parametrize("name", [name for name in METHODS if texts(name)])
async def test_who_has_no_right_reads_that_and_leaves_a_short_row(
    ops: Client, guest: User, name: str
) -> None:
    await in_database(guest.groups.clear)
    field = texts(name)[0]
    value = [LONG] * 4 if field.is_repeated else LONG
    code, _, _ = await refused(ops, name, request_of(name, field.name, value))
    assert code is StatusCode.PERMISSION_DENIED
    entry = await in_database(AuditEntry.objects.get)
    assert entry.outcome == "denied"
    assert len(entry.text) < 2_000
    assert "characters)" in entry.record["parameters"][field.name]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("rights", [True, False])
async def test_it_does_not_look_into_a_request_that_is_too_large(
    ops: Client, channel: grpc.aio.Channel, guest: User, name: str, rights: bool
) -> None:
    """A field that this version does not know counts too."""
    if not rights:
        await in_database(guest.groups.clear)
    unknown = b"\xfa\x3f" + _varint(400_000) + b"\x80" * 400_000
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/ops.Ops/{name}")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(unknown)
    expected = StatusCode.INVALID_ARGUMENT if rights else StatusCode.PERMISSION_DENIED
    assert caught.value.code() is expected
    if rights:
        assert f"the limit is {LARGEST_REQUEST:,}" in (caught.value.details() or "")


async def test_it_takes_no_larger_message_in(ops: Client, guest: User) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.DeployedVersion(ops_pb2.DeployedVersionReq(service="s" * LARGEST_FRAME))
    assert caught.value.code() is StatusCode.RESOURCE_EXHAUSTED


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])
