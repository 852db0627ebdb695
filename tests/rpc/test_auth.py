import asyncio
import io
import ipaddress
import time
from datetime import timedelta
from typing import Any

import grpc.aio
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from grpc import StatusCode
from pytest_django import Settings

from ops import rights
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.rpc import auth
from ops.rpc.models import Token, TokenUse, digest_of, make_token
from proto.ops import ops_pb2
from tests.conftest import Person, SiteFile
from tests.rpc.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)
SITE = """
[sites.demo.services.petstore]
[[sites.demo.prometheus]]
url = "http://127.0.0.1:1"
"""
NEXT_WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def site(site_file: SiteFile) -> None:
    site_file(SITE)


async def token_of(person: Person, name: str = "alice", lifetime: timedelta = NEXT_WEEK) -> str:
    def make() -> str:
        return make_token(person(name, "operators"), "ci", timezone.now() + lifetime)

    return await in_database(make)


async def refusal(ops: Client, token: str | None = None) -> grpc.aio.AioRpcError:
    """What a call is refused with; a call of somebody known is refused for having no instances."""
    metadata = (("authorization", f"Bearer {token}"),) if token else None
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.ChangeSampling(request, metadata=metadata)
    return caught.value


async def test_it_lets_a_token_act_as_its_user(ops: Client, person: Person) -> None:
    error = await refusal(ops, await token_of(person))
    assert error.code() is StatusCode.FAILED_PRECONDITION
    entries = await in_database(lambda: [e.record for e in AuditEntry.objects.all()])
    assert {entry["actor"] for entry in entries} == {"alice"}
    assert {entry["door"] for entry in entries} == {"grpc"}
    assert {entry["address"] for entry in entries} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("trusted", "address"), [(["127.0.0.0/8"], "203.0.113.9"), ([], "127.0.0.1")]
)
async def test_it_records_the_address_that_a_trusted_proxy_tells(
    ops: Client, person: Person, settings: Settings, trusted: list[str], address: str
) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network(network) for network in trusted]
    metadata = (
        ("authorization", f"Bearer {await token_of(person)}"),
        ("x-forwarded-for", "198.51.100.1, 203.0.113.9"),
    )
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways)
    with pytest.raises(grpc.aio.AioRpcError):
        await ops.ChangeSampling(request, metadata=metadata)
    entries = await in_database(lambda: [e.record for e in AuditEntry.objects.all()])
    assert {entry["address"] for entry in entries} == {address}


async def test_it_notes_when_a_token_was_used(ops: Client, person: Person) -> None:
    await refusal(ops, await token_of(person))
    assert auth.uses.writing
    await auth.uses.writing
    assert (await in_database(Token.objects.get)).last_used is not None
    assert await in_database(TokenUse.objects.count) == 1


async def test_it_stores_no_token(person: Person) -> None:
    token = await token_of(person)
    stored = await in_database(Token.objects.values().get)
    assert token not in map(str, stored.values())


@pytest.mark.parametrize("token", ["ops_unknown", "x", "  ops_unknown"])
async def test_it_refuses_an_unknown_token(ops: Client, token: str) -> None:
    error = await refusal(ops, token)
    assert error.code() is StatusCode.UNAUTHENTICATED
    assert "the token is unknown, expired or revoked" in (error.details() or "")


async def test_it_refuses_another_scheme(ops: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.Alerts(ops_pb2.AlertsReq(), metadata=(("authorization", "Basic YTpi"),))
    assert caught.value.code() is StatusCode.UNAUTHENTICATED
    assert "authorization: Bearer" in (caught.value.details() or "")


async def test_it_refuses_an_expired_token(ops: Client, person: Person) -> None:
    token = await token_of(person, lifetime=timedelta(seconds=-1))
    assert (await refusal(ops, token)).code() is StatusCode.UNAUTHENTICATED


async def test_it_refuses_a_revoked_token_once_the_cache_forgets(
    ops: Client, person: Person
) -> None:
    token = await token_of(person)
    assert (await refusal(ops, token)).code() is StatusCode.FAILED_PRECONDITION
    await in_database(Token.objects.update, revoked=timezone.now())
    auth.cache.expire(auth.cache.timer() + rights.SECONDS)
    assert (await refusal(ops, token)).code() is StatusCode.UNAUTHENTICATED


async def test_it_refuses_the_token_of_somebody_who_left(ops: Client, person: Person) -> None:
    token = await token_of(person)
    await in_database(User.objects.update, is_active=False)
    assert (await refusal(ops, token)).code() is StatusCode.UNAUTHENTICATED


async def test_it_refuses_calls_without_a_token_unless_told_otherwise(
    ops: Client, person: Person, settings: Settings
) -> None:
    error = await refusal(ops)
    assert error.code() is StatusCode.UNAUTHENTICATED
    assert "a token is required" in (error.details() or "")
    settings.GRPC_ANONYMOUS_USER = "guest"
    await in_database(person, "guest", "viewers")
    auth.cache.clear()
    assert (await refusal(ops)).code() is StatusCode.PERMISSION_DENIED


async def test_it_takes_no_bad_token_for_none(ops: Client, guest: User) -> None:
    assert (await refusal(ops)).code() is StatusCode.FAILED_PRECONDITION
    assert (await refusal(ops, "ops_unknown")).code() is StatusCode.UNAUTHENTICATED


async def test_it_does_not_act_as_a_user_who_left(ops: Client, guest: User) -> None:
    await in_database(User.objects.update, is_active=False)
    assert (await refusal(ops)).code() is StatusCode.UNAUTHENTICATED


async def test_it_ends_a_token_that_it_remembers_when_it_expires(
    ops: Client, person: Person
) -> None:
    token = await token_of(person)
    ended = auth.Caller(1, "alice", good_until=time.time())
    auth.cache[digest_of(token)] = asyncio.create_task(asyncio.sleep(0, ended))
    assert (await refusal(ops, token)).code() is StatusCode.UNAUTHENTICATED


def test_it_makes_a_token_on_the_command_line(person: Person) -> None:
    person("alice", "operators")
    out, said = io.StringIO(), io.StringIO()
    call_command("create_token", "alice", name="ci", days=3, stdout=out, stderr=said)
    token = Token.objects.get()
    assert digest_of(out.getvalue().strip()) == token.digest
    assert out.getvalue().startswith(token.beginning)
    assert f"Valid until {token.expires:%Y-%m-%d %H:%M} UTC" in said.getvalue()
    assert timedelta(days=2) < token.expires - timezone.now() <= timedelta(days=3)
    assert AuditEntry.objects.get().action == "rpc.create_token"


@pytest.mark.parametrize(
    ("user", "options", "sentence"),
    [
        ("nobody", {}, 'there is no active user "nobody"'),
        ("gone", {}, 'there is no active user "gone"'),
        ("alice", {"days": 0}, "--days must be from 1 to 3650, not 0"),
        ("alice", {"days": 99999}, "--days must be from 1 to 3650, not 99999"),
        ("alice", {"name": "x" * 101}, "--name is too long"),
    ],
)
def test_it_makes_no_token_out_of_bounds(
    person: Person, user: str, options: dict[str, Any], sentence: str
) -> None:
    person("alice")
    person("gone", is_active=False)
    with pytest.raises(CommandError, match=sentence):
        call_command("create_token", user, **options)
    assert not Token.objects.exists()
