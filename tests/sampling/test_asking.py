"""Instances that ask for their sampling, beside those that are sent it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.answers.sampling import sampling_change, sampling_history, service_sampling
from ops.actor import Actor
from ops.database import in_database
from ops.errors import InvalidInput
from ops.requests import actions as requests
from ops.requests import results
from ops.rpc import sampling_messages
from ops.sampling import actions, reports
from ops.sampling.facts import ServiceSampling
from ops.sampling.proof import CHECK, Proof, Way
from ops.sampling.reports import Report
from ops.sampling.terms import Term
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from tests.conftest import SiteFile
from tests.fakes.instance import FakeInstance, fake_instance

HOUR = Term(timerange.HOUR)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def pushed(site_file: SiteFile) -> AsyncIterator[FakeInstance]:
    """The one instance of petstore that is sent its sampling; shop and store have none."""
    async with fake_instance() as instance:
        site_file(
            f"""
            [sites.demo.remote]
            default_sampling = "1%"
            [sites.demo.services.petstore]
            instances = ["{instance.address}"]
            [sites.demo.services.shop]
            [sites.demo.services.store]
            """
        )
        yield instance


async def say(
    service: str,
    way: Way,
    key: str,
    proof: Proof,
    revision: int,
    sent: Policy = ALWAYS,
    *,
    ago: int = 0,
) -> None:
    """Write down what an instance said so many minutes ago."""
    heard = timerange.now_ns() - ago * timerange.MINUTE
    report = Report(
        service=service, way=way, key=key, address="10.0.0.1", client="", unauthenticated=True,
        one_rate=way is Way.OPAMP,
        first_heard=heard, heard=heard, sent_revision=revision, sent=sent, sent_at=heard,
        proof=proof, proven_revision=revision, proven_at=heard, said=None, reason="",
    )  # fmt: skip
    await in_database(reports.write, "demo", [report])


async def test_all_ways_are_one_picture_without_those_that_are_gone(
    pushed: FakeInstance, operator: Actor
) -> None:
    made = await actions.change_policy(operator, policy=ALWAYS, service="petstore")
    await say("petstore", Way.REMOTE, "petstore-2", Proof.CONFIRMED, made.revision)
    await say("petstore", Way.OPAMP, "petstore-3", Proof.CONTRADICTED, made.revision)
    await say("petstore", Way.OPAMP, "petstore-4", Proof.GONE, made.revision)
    await say("petstore", Way.REMOTE, "petstore-5", Proof.CONFIRMED, made.revision, ago=5)

    now = await actions.current(operator, service="petstore")
    assert [(each.address, each.way, each.answer) for each in now.instances] == [
        (pushed.address, Way.PUSH, "confirmed"),
        ("petstore-3", Way.OPAMP, f"answered, not in force: {CHECK}"),
        ("petstore-2", Way.REMOTE, "confirmed"),
    ]
    assert now.confirmed == 2
    assert [each.below for each in service_sampling(now, (), None).rows] == [
        (f"OpAMP, unauthenticated: answered, not in force: {CHECK}",),  # what failed comes first
        (),
        ("remote sampling, unauthenticated: confirmed",),
    ]


async def test_a_change_counts_those_that_follow_when_they_ask(
    pushed: FakeInstance, operator: Actor
) -> None:
    first = await actions.change_policy(operator, policy=NEVER, service="petstore")
    await say("petstore", Way.REMOTE, "petstore-2", Proof.CONFIRMED, first.revision)
    await say("petstore", Way.OPAMP, "petstore-3", Proof.CONFIRMED, first.revision)

    made = await actions.change_policy(operator, policy=ALWAYS, service="petstore")
    [past, _] = await actions.changes(operator, service="petstore")
    for each in (made, past, results.read(results.written(made))):
        assert (each.confirmed, each.total, each.is_confirmed) == (1, 3, True)
        assert str(each).endswith("1 of 3 confirmed at once")
    assert (
        "confirmed by 1 of 3 instances at once; the others follow when they ask"
        in sampling_change(made).summary
    )
    history = sampling_history(await actions.current(operator, service="petstore"), [past, first])
    assert [each.below[-1] for each in history.rows] == [
        "by olga (browser), confirmed by 1 of 3 at once",
        "by olga (browser), confirmed by 1 of 1",
    ]


async def test_a_service_that_only_asks_is_changed_and_listed(
    pushed: FakeInstance, operator: Actor
) -> None:
    made = await actions.change_policy(operator, policy=ALWAYS, service="shop")
    assert "-> always, which its instances get when they ask" in sampling_change(made).summary
    await say("shop", Way.REMOTE, "shop-1", Proof.CONFIRMED, made.revision)

    names = ("petstore", "shop", "store")
    found = await actions.current_of_several(operator, services=names)
    assert found.keys() == {"petstore", "shop"}
    shop = found["shop"]
    assert isinstance(shop, ServiceSampling)
    assert (shop.confirmed, str(shop.policies)) == (1, "always")
    assert pushed.told == []


async def test_rates_of_operations_are_before_and_after_a_timed_change(
    pushed: FakeInstance, operator: Actor
) -> None:
    health = rate(0.1).by_operation({"GET /health": 0.001})
    first = await actions.change_policy(operator, policy=health, service="shop")
    await say("shop", Way.REMOTE, "shop-1", Proof.CONFIRMED, first.revision, rate(0.1))
    now = await actions.current(operator, service="shop")
    assert (now.confirmed, [each.policy for each in now.instances]) == (1, [health])

    made = await actions.change_policy(operator, policy=ALWAYS, service="shop", term=HOUR)
    assert (str(made.previous), made.then) == (str(health), health)
    [past, _] = await actions.changes(operator, service="shop")
    assert (past.previous, past.then) == (made.previous, health)
    assert results.read(results.written(made)) == made

    message = sampling_messages.history("demo", [past], 1).revisions[0]
    assert (message.then_policy, [*message.then_operations]) == ("10%", ["GET /health=0.1%"])
    assert message.previous == str(health)
    now = await actions.current(operator, service="shop")
    [found] = sampling_messages.sampling("demo", {"shop": now}).services
    assert [*found.then_operations] == [*found.baseline_operations] == ["GET /health=0.1%"]
    assert [*found.instances[0].operations] == ["GET /health=0.1%"]
    [row] = sampling_history(now, [past]).rows
    assert row.cells[1] == "10%, but GET /health 0.1% -> always"
    assert row.below[0].endswith("then 10%, but GET /health 0.1%")


async def test_what_instances_that_take_one_rate_cannot_do_is_refused_or_said_before(
    pushed: FakeInstance, operator: Actor
) -> None:
    await say("shop", Way.OPAMP, "shop-1", Proof.TOLD, 0)
    why = "shop cannot be sampled at 5 traces/s: shop-1 takes one rate only"
    for making in (actions.change_policy, requests.ask):
        with pytest.raises(InvalidInput, match=why):
            await making(operator, policy=per_second(5), service="shop")
    health = rate(0.1).by_operation({"GET /health": 0.001})
    asked = await requests.ask(operator, policy=health, service="shop")
    said, *_ = await actions.forecast(operator, policy=health, service="shop")
    assert said.endswith(". shop-1 takes one rate only, and will refuse it.")
    assert asked.policy == health


ASKER = "10.0.0.1 Go-http-client/1.1"


@pytest.mark.parametrize(
    ("fetched", "identified", "fraction", "confirmed_by"),
    [
        ((True, True), 0, "2 askers", "fetched by 2 askers"),
        ((True, False), 0, "1 of 2 askers", "fetched by 1 of 2 askers"),
        ((True,), 1, "1 of 1, 1 asker", "confirmed by 1 of 1 instance, fetched by 1 asker"),
        ((), 2, "2 of 2", "confirmed by 2 of 2 instances"),
    ],
)
async def test_those_that_do_not_say_who_they_are_are_askers(
    pushed: FakeInstance,
    operator: Actor,
    fetched: tuple[bool, ...],
    identified: int,
    fraction: str,
    confirmed_by: str,
) -> None:
    made = await actions.change_policy(operator, policy=ALWAYS, service="shop")
    for number, newest in enumerate(fetched):
        proof = Proof.FETCHED if newest else Proof.CONTRADICTED
        await say("shop", Way.REMOTE, f"{ASKER} {number}", proof, made.revision)
    for number in range(identified):
        await say("shop", Way.REMOTE, f"shop-{number}", Proof.CONFIRMED, made.revision)
    now = await actions.current(operator, service="shop")
    assert (now.fraction, now.confirmed_by) == (fraction, confirmed_by)
    assert service_sampling(now, (), None).summary.endswith(f", {confirmed_by}")


async def test_nobody_waits_for_what_an_asker_cannot_say(
    pushed: FakeInstance, operator: Actor
) -> None:
    made = await actions.change_policy(operator, policy=ALWAYS, service="shop")
    await say("shop", Way.REMOTE, ASKER, Proof.FETCHED, made.revision)
    async with asyncio.timeout(30):
        [found] = await actions.askers(
            operator, revision=made.revision, service="shop", patience=600
        )
    assert (found.is_asker, found.proof, found.reason) == (
        True,
        Proof.FETCHED,
        "fetched, not confirmed",
    )
