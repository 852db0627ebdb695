"""Sampling over gRPC: what is in force where, what was set when, and the way back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio
import pytest
from django.contrib.auth.models import User
from google.rpc import status_pb2
from grpc import StatusCode
from grpc_status.rpc_status import GRPC_DETAILS_METADATA_KEY

from ops.actor import Actor
from ops.database import in_database
from ops.errors import NotConfirmed
from ops.limits import MOST_ITEMS
from ops.rpc import sampling_messages, time_left
from ops.rpc.sampling_changes import with_askers
from ops.sampling import actions, reports
from ops.sampling.actions import InstanceSampling, SamplingChange, ServiceSampling
from ops.sampling.models import Revision
from ops.sampling.proof import CHECK, Proof, Way
from ops.sampling.reports import Report
from ops.vocabulary.policies import Policy, rate
from ops.vocabulary.timerange import MINUTE, now_ns
from proto.ops import ops_pb2
from tests.conftest import SiteFile
from tests.fakes.instance import FakeInstance, fake_instance
from tests.rpc.conftest import Client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def pushed(site_file: SiteFile, guest: User) -> AsyncIterator[FakeInstance]:
    """The one instance of petstore that is called; shop's ask."""
    async with fake_instance() as instance:
        site_file(
            f"""
            [sites.demo]
            default_service = "petstore"
            [sites.demo.remote]
            default_sampling = "1%"
            [sites.demo.services.petstore]
            instances = ["{instance.address}"]
            [sites.demo.services.shop]
            [sites.demo.services.store]
            [sites.demo.services.lost]
            dns = "lost.invalid:1"
            """
            + "\n".join(f"[sites.demo.services.more{number}]" for number in range(MOST_ITEMS))
        )
        yield instance


async def say(
    key: str,
    revision: int,
    proof: Proof = Proof.CONFIRMED,
    said: Policy | None = None,
    service: str = "petstore",
) -> None:
    """Write down what an instance said that asks."""
    now = now_ns()
    report = Report(
        service=service, way=Way.REMOTE, key=key, address="10.0.0.1", client="its-sdk/1",
        unauthenticated=True, first_heard=now, heard=now, sent_revision=revision, sent=said,
        sent_at=now, proof=proof, proven_revision=revision, proven_at=now, said=said, reason="",
    )  # fmt: skip
    await in_database(reports.write, "demo", [report])


async def refused(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return caught.value


def say_of(key: str, proof: Proof) -> Callable[[int], Awaitable[None]]:
    async def later(revision: int) -> None:
        await say(key, revision, proof)

    return later


async def at_once(actor: Actor, then: Callable[[int], Awaitable[None]]) -> SamplingChange:
    """Make a change for a caller who waits no longer than until something has happened."""

    async def making() -> SamplingChange:
        try:
            made = await actions.change_policy(actor, policy=rate(0.5))
        except NotConfirmed as error:
            await then(error.result.revision)  # type: ignore[attr-defined]
            raise
        await then(made.revision)
        return made

    time_left.note(lambda: 0.0)
    return await with_askers(actor, making())


def detail(error: grpc.aio.AioRpcError) -> ops_pb2.ChangeSamplingResp:
    metadata = dict(error.trailing_metadata() or ())
    rich = status_pb2.Status.FromString(metadata[GRPC_DETAILS_METADATA_KEY])
    found = ops_pb2.ChangeSamplingResp()
    assert rich.details[0].Unpack(found)
    return found


async def change(ops: Client, share: float, **more: object) -> ops_pb2.ChangeSamplingResp:
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STFloat, float_value=share, **more)  # type: ignore[arg-type]
    return await ops.ChangeSampling(request)


async def test_it_says_what_is_in_force_and_what_each_instance_makes_of_it(
    ops: Client, pushed: FakeInstance
) -> None:
    await change(ops, 0.1)
    until = (now_ns() + MINUTE) // 1_000 * 1_000
    made = await change(ops, 0.5, until=until, reason="a look")
    await say("petstore-2", made.revision, Proof.CONTRADICTED, rate(0.2))

    (found,) = (await ops.Sampling(ops_pb2.SamplingReq(service="petstore"))).services

    assert (found.policy, found.until, found.then_policy) == ("50%", until, "10%")
    assert (found.baseline, found.revision, found.return_overdue) == ("10%", made.revision, False)
    assert (found.actor, found.door, found.reason) == ("guest", "grpc", "a look")
    assert (found.total, found.confirmed, found.problem) == (2, 1, "")
    called, asks = found.instances
    assert (called.instance, called.way, called.proof) == (pushed.address, "push", "confirmed")
    assert (called.policy, called.revision, called.reason) == ("50%", made.revision, "")
    assert found.since <= called.sent_at <= called.heard
    assert (asks.instance, asks.way, asks.client) == ("petstore-2", "remote", "its-sdk/1")
    assert (asks.proof, asks.said, asks.unauthenticated) == ("contradicted", "20%", True)


async def test_it_lists_the_services_that_are_sampled_and_says_what_is_unknown(
    ops: Client, pushed: FakeInstance
) -> None:
    await change(ops, 0.1, service="shop")
    answer = await ops.Sampling(ops_pb2.SamplingReq())
    found = {each.service: each for each in answer.services}
    assert (answer.site, [*found]) == ("demo", ["lost", "petstore", "shop"])
    assert (found["shop"].policy, found["shop"].total) == ("10%", 0)
    assert (found["petstore"].policy, found["petstore"].total) == ("", 1)
    assert "lost.invalid" in found["lost"].problem
    (store,) = (await ops.Sampling(ops_pb2.SamplingReq(service="store"))).services
    assert store == ops_pb2.ServiceSampling(service="store")
    error = await refused(ops.Sampling(ops_pb2.SamplingReq(service="stor")))
    assert error.code() is StatusCode.NOT_FOUND


def test_instances_that_do_not_fit_into_a_response_are_counted() -> None:
    many = tuple(InstanceSampling(f"{n}", reason="r" * 1_000) for n in range(6_000))
    found = {name: ServiceSampling("demo", name, many) for name in ("a", "b")}
    answer = sampling_messages.sampling("demo", found)
    a, b = answer.services
    assert 3_900_000 < answer.ByteSize() < 4 * 1024 * 1024
    assert (a.total, b.total, len(b.instances)) == (6_000, 6_000, 0)


async def test_it_pages_through_the_revisions(ops: Client, pushed: FakeInstance) -> None:
    await change(ops, 0.1, reason="less")
    await change(ops, 0.2, service="shop")
    pushed.fails = StatusCode.INTERNAL
    until = (now_ns() + MINUTE) // 1_000 * 1_000
    await refused(change(ops, 0.3, until=until))

    request = ops_pb2.SamplingHistoryReq(limit=2)
    first = await ops.SamplingHistory(request)
    request.before = first.next_before
    last = await ops.SamplingHistory(request)

    newest, of_shop, oldest = *first.revisions, *last.revisions
    assert (newest.policy, newest.until, newest.then_policy) == ("30%", until, "10%")
    assert (newest.previous, newest.total, newest.confirmed) == ("10%", 1, 0)
    assert [each.address for each in newest.unconfirmed] == [pushed.address]
    assert "told to fail" in newest.unconfirmed[0].reason
    assert (of_shop.service, of_shop.policy, of_shop.total) == ("shop", "20%", 0)
    assert (oldest.previous, oldest.policy, oldest.reason) == ("unknown", "10%", "less")
    assert (oldest.actor, oldest.door, len(oldest.request_id)) == ("guest", "grpc", 16)
    assert last.next_before == 0
    of_shop_alone = await ops.SamplingHistory(ops_pb2.SamplingHistoryReq(service="shop"))
    assert list(of_shop_alone.revisions) == [of_shop]


@pytest.mark.parametrize("limit", [-1, 201])
async def test_it_refuses_a_limit_out_of_bounds(ops: Client, guest: User, limit: int) -> None:
    error = await refused(ops.SamplingHistory(ops_pb2.SamplingHistoryReq(limit=limit)))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert f"limit is {limit}; it must be between 1 and 200, or 0 for 20" in (error.details() or "")


async def test_it_goes_back(ops: Client, pushed: FakeInstance) -> None:
    error = await refused(ops.RevertSampling(ops_pb2.RevertSamplingReq()))
    assert error.code() is StatusCode.FAILED_PRECONDITION
    first = await change(ops, 0.1)
    await change(ops, 0.2)
    await change(ops, 0.5, until=now_ns() + MINUTE)

    ended = await ops.RevertSampling(ops_pb2.RevertSamplingReq(service="petstore", reason="enough"))
    assert (ended.policy, ended.until, ended.reason) == ("20%", 0, "enough")
    back = await ops.RevertSampling(ops_pb2.RevertSamplingReq(to_revision=first.revision))
    assert (back.previous, back.policy) == ("20%", "10%")
    assert back.revision > ended.revision
    assert [rate for _, rate in pushed.told] == [0.1, 0.2, 0.5, 0.2, 0.1]

    for number in (-1, back.revision + 1, 2**63 - 1):
        error = await refused(ops.RevertSampling(ops_pb2.RevertSamplingReq(to_revision=number)))
        assert error.code() is StatusCode.NOT_FOUND
        assert f"has no revision {number}" in (error.details() or "")


def results(answer: ops_pb2.ChangeSamplingResp) -> set[tuple[str, bool, str, str]]:
    return {(each.way, each.confirmed, each.proof, each.reason) for each in answer.instances}


async def test_it_waits_for_the_instances_that_ask(ops: Client, pushed: FakeInstance) -> None:
    before = await change(ops, 0.1)
    await say("petstore-2", before.revision)
    changing = asyncio.ensure_future(change(ops, 0.2))
    finished = Revision.objects.filter(id__gt=before.revision, answers={pushed.address: ""})
    while not (made := await in_database(finished.first)):
        pass
    await asyncio.wait({changing}, timeout=0.2)
    assert not changing.done()
    await say("petstore-2", made.id)

    answer = await changing

    assert (answer.revision, len(answer.instances)) == (made.id, 2)
    assert results(answer) == {("push", True, "", ""), ("remote", True, "confirmed", "")}


async def test_it_names_those_that_have_not_asked_before_the_caller_gives_up(
    ops: Client, pushed: FakeInstance
) -> None:
    before = await change(ops, 0.1)
    await say("petstore-2", before.revision)
    request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways)
    error = await refused(ops.ChangeSampling(request, timeout=5))
    assert error.code() is StatusCode.ABORTED
    assert "on 1 of 2 instances; revision " in (error.details() or "")
    assert "not confirmed by petstore-2: it has not asked since" in (error.details() or "")
    assert results(detail(error)) == {
        ("push", True, "", ""),
        ("remote", False, "", "it has not asked since"),
    }


async def test_it_sets_traces_per_second_where_all_instances_ask(
    ops: Client, pushed: FakeInstance
) -> None:
    asked = ops_pb2.ChangeSamplingReq(service="shop", traces_per_second=5)
    assert (await ops.ChangeSampling(asked)).policy == "5 traces/s"
    for wrong, sentence in (
        ({"service": "petstore"}, "petstore cannot be sampled at 5 traces/s"),
        ({"traces_per_second": -1}, '"-1" is not a sampling policy'),
        ({"type": ops_pb2.STAlways}, "either a type or traces_per_second"),
    ):
        given: dict[str, Any] = {"service": "shop", "traces_per_second": 5, **wrong}
        error = await refused(ops.ChangeSampling(ops_pb2.ChangeSamplingReq(**given)))
        assert error.code() is StatusCode.INVALID_ARGUMENT
        assert sentence in (error.details() or "")


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (Proof.FETCHED, "fetched, not confirmed"),
        (Proof.ROOTS, "its new traces carry the rate"),
        (Proof.GONE, None),
    ],
)
async def test_an_instance_that_can_confirm_nothing_and_one_that_is_gone_are_no_failure(
    operator: Actor, pushed: FakeInstance, proof: Proof, reason: str | None
) -> None:
    made = await at_once(operator, say_of("petstore-2", proof))
    assert made.confirmed == 1
    assert [each.reason for each in made.instances[1:]] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (Proof.TOLD, "sent, no answer yet"),
        (Proof.SILENT, "no answer"),
        (Proof.CONTRADICTED, f"answered, not in force: {CHECK}"),
        (Proof.REFUSED, "refused"),
    ],
)
async def test_one_that_does_not_take_it_is_named(
    operator: Actor, pushed: FakeInstance, proof: Proof, reason: str
) -> None:
    with pytest.raises(NotConfirmed, match=f"not confirmed by petstore-2: {reason}$") as caught:
        await at_once(operator, say_of("petstore-2", proof))
    assert isinstance(caught.value.result, SamplingChange)
    assert caught.value.result.confirmed == 1


async def test_one_that_is_called_and_fails_hides_none_that_asks(
    operator: Actor, pushed: FakeInstance
) -> None:
    pushed.fails = StatusCode.INTERNAL
    with pytest.raises(NotConfirmed, match="told to fail") as caught:
        await at_once(operator, say_of("petstore-2", Proof.CONFIRMED))
    made = caught.value.result
    assert isinstance(made, SamplingChange)
    assert [(each.way, each.confirmed) for each in made.instances] == [
        (Way.PUSH, False),
        (Way.REMOTE, True),
    ]


async def test_operations_have_rates_of_their_own_where_all_instances_ask(
    ops: Client, pushed: FakeInstance
) -> None:
    operations = ["GET /=0%", "GET /health=0.1%"]
    request = ops_pb2.ChangeSamplingReq(
        type=ops_pb2.STFloat, float_value=0.1, service="shop", operations=reversed(operations)
    )
    answer = await ops.ChangeSampling(request)
    assert (answer.policy, [*answer.operations]) == ("10%", operations)
    (now,) = (await ops.Sampling(ops_pb2.SamplingReq(service="shop"))).services
    assert (now.policy, now.baseline, [*now.operations]) == ("10%", "10%", operations)
    (past,) = (await ops.SamplingHistory(ops_pb2.SamplingHistoryReq(service="shop"))).revisions
    assert (past.policy, [*past.operations]) == ("10%", operations)

    asked = await ops.AskSampling(request)
    assert (asked.policy, [*asked.operations]) == ("10%", operations)

    request.service = "petstore"
    error = await refused(ops.ChangeSampling(request))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert "petstore cannot be sampled at 10%, but GET / 0%, GET /health" in (error.details() or "")
    assert pushed.told == []

    request.operations.append("x")
    error = await refused(ops.ChangeSampling(request))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert '"x" is not of the form OPERATION = RATE' in (error.details() or "")
