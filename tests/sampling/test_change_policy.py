import asyncio

import grpc
import pytest

from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotConfirmed, NotFound, NotPermitted
from ops.sampling import actions
from ops.sampling.actions import SamplingChange
from ops.sampling.models import Revision
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from tests.conftest import Petstores, SiteFile
from tests.fakes.instance import fake_instance

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_tells_every_instance(operator: Actor, petstores: Petstores) -> None:
    change = await actions.change_policy(operator, policy=rate(0.25))
    assert [instance.told for instance in petstores] == [[("STFloat", 0.25)]] * 3
    assert (change.service, str(change.previous), change.confirmed) == ("petstore", "unknown", 3)
    assert str(change) == "unknown -> 25%, 3 of 3 confirmed"


async def test_it_tells_them_at_the_same_time(operator: Actor, petstores: Petstores) -> None:
    petstores[0].hangs = True
    task = asyncio.ensure_future(actions.change_policy(operator, policy=NEVER))
    for instance in petstores:
        await instance.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    now = await actions.current(operator)
    assert [instance.reason for instance in now.instances] == ["its answer was lost"] * 3


async def test_it_names_each_instance_that_did_not_confirm(
    operator: Actor, petstores: Petstores
) -> None:
    petstores[1].fails = grpc.StatusCode.INTERNAL
    with pytest.raises(NotConfirmed) as caught:
        await actions.change_policy(operator, policy=ALWAYS)
    sentence = str(caught.value)
    assert "petstore is set to always on 2 of 3 instances; revision " in sentence
    assert "stays in force and is sent again; not confirmed by" in sentence
    assert petstores[1].address in sentence and "told to fail" in sentence
    assert petstores[0].address not in sentence
    assert isinstance(caught.value.result, SamplingChange)
    assert caught.value.result.confirmed == 2
    outcome = await in_database(AuditEntry.objects.first)
    assert outcome is not None
    assert (outcome.outcome, outcome.target) == ("failed", "demo/petstore")
    assert petstores[1].address in outcome.record["detail"]


async def test_it_knows_what_each_instance_was_last_told(
    operator: Actor, viewer: Actor, petstores: Petstores
) -> None:
    assert str((await actions.current(viewer)).policies) == "unknown"
    await actions.change_policy(operator, policy=rate(0.1))
    assert str((await actions.current(viewer)).policies) == "10%"
    petstores[2].fails = grpc.StatusCode.UNAVAILABLE
    with pytest.raises(NotConfirmed):
        await actions.change_policy(operator, policy=ALWAYS)
    now = await actions.current(viewer)
    assert str(now.policies) == "always on 2, unknown on 1"
    assert now.confirmed == 2
    assert [str(instance.policy) for instance in now.instances] == ["always"] * 3


async def test_it_shows_the_changes_to_viewers_newest_first(
    operator: Actor, viewer: Actor, petstores: Petstores
) -> None:
    await actions.change_policy(operator, policy=NEVER)
    await actions.change_policy(operator, policy=ALWAYS)
    found = await actions.changes(viewer)
    assert [str(change) for change in found] == [
        "never -> always, 3 of 3 confirmed",
        "unknown -> never, 3 of 3 confirmed",
    ]
    assert {change.actor for change in found} == {"olga"}
    assert await actions.changes(viewer, service="orders") == ()


@pytest.mark.parametrize("limit", [0, 201])
async def test_it_bounds_how_many_changes_are_shown(
    viewer: Actor, petstores: Petstores, limit: int
) -> None:
    with pytest.raises(InvalidInput, match="it must be between 1 and 200"):
        await actions.changes(viewer, limit=limit)


async def test_it_sends_nothing_for_a_viewer(viewer: Actor, petstores: Petstores) -> None:
    with pytest.raises(NotPermitted):
        await actions.change_policy(viewer, policy=ALWAYS)
    assert [instance.told for instance in petstores] == [[], [], []]
    assert not await in_database(Revision.objects.exists)


async def test_it_writes_nothing_for_an_unknown_service(
    operator: Actor, petstores: Petstores
) -> None:
    with pytest.raises(NotFound, match='no service "petstor"; did you mean "petstore"'):
        await actions.change_policy(operator, policy=ALWAYS, service="petstor")
    assert not await in_database(AuditEntry.objects.exists)


async def test_it_refuses_a_service_without_instances(
    operator: Actor, petstores: Petstores
) -> None:
    with pytest.raises(Conflict, match='service "orders" of site "demo" has no instances'):
        await actions.change_policy(operator, policy=ALWAYS, service="orders")


async def test_it_refuses_what_its_instances_cannot_be_sent(
    operator: Actor, petstores: Petstores
) -> None:
    with pytest.raises(InvalidInput, match=r"petstore cannot be sampled at 5 traces/s: its inst"):
        await actions.change_policy(operator, policy=per_second(5))
    assert not await in_database(Revision.objects.exists)


async def test_what_the_site_file_says_is_a_revision_before_any_other(
    operator: Actor, site_file: SiteFile
) -> None:
    async with fake_instance() as instance:
        for sampling in ("10%", "10%", "5%"):
            site_file(
                f"""
                [sites.demo.services.petstore]
                instances = ["{instance.address}"]
                sampling = "{sampling}"
                """
            )
            await actions.change_policy(operator, policy=ALWAYS)
    found = await actions.changes(operator)
    assert [(each.door, str(each.policy)) for each in reversed(found)] == [
        ("file", "10%"),
        ("browser", "always"),
        ("browser", "always"),
        ("file", "5%"),
        ("browser", "always"),
    ]
    assert str(found[1]) == "always -> 5%, 0 of 0 confirmed"
    now = (await actions.current(operator)).in_force
    assert now and (now.revision, now.policy) == (found[0].revision, ALWAYS)
    rows = await in_database(lambda: list(AuditEntry.objects.filter(action="sampling.adopt_file")))
    assert [(row.actor, row.target, row.outcome) for row in rows] == [
        ("OpsPortal", "demo/petstore", "ok")
    ] * 2


async def test_a_service_that_asks_needs_no_instances(operator: Actor, site_file: SiteFile) -> None:
    site_file('[sites.demo.services.petstore]\n[sites.demo.remote]\ndefault_sampling = "1%"')
    await actions.change_policy(operator, policy=per_second(5))
    now = (await actions.current(operator)).in_force
    assert now and now.policy == per_second(5)


# Each change as (policy, how many of the three instances fail), oldest first.
@pytest.mark.parametrize(
    ("made", "back"),
    [
        ([], None),
        ([(NEVER, 0)], None),
        ([(NEVER, 0), (ALWAYS, 0)], NEVER),
        ([(NEVER, 0), (ALWAYS, 3)], NEVER),
        ([(NEVER, 0), (rate(0.5), 3), (ALWAYS, 0)], NEVER),
        ([(NEVER, 0), (rate(0.5), 2), (ALWAYS, 0)], NEVER),
        ([(NEVER, 0), (rate(0.5), 1), (ALWAYS, 0)], rate(0.5)),
        ([(NEVER, 0), (ALWAYS, 0), (ALWAYS, 0)], NEVER),
        ([(NEVER, 3), (ALWAYS, 0)], None),
        ([(NEVER, 0), (ALWAYS, 0), (NEVER, 0)], ALWAYS),
    ],
)
async def test_it_goes_back_to_the_last_other_policy_that_was_in_force(
    operator: Actor,
    petstores: Petstores,
    made: list[tuple[Policy, int]],
    back: Policy | None,
) -> None:
    offered = None
    for policy, failing in made:
        for number, instance in enumerate(petstores):
            instance.fails = grpc.StatusCode.INTERNAL if number < failing else None
        try:
            offered = (await actions.change_policy(operator, policy=policy)).undo
        except NotConfirmed as error:
            offered = error.result.undo if isinstance(error.result, SamplingChange) else None
    assert await actions.undo_policy(operator) == offered == back


async def test_it_dates_what_is_known_by_the_oldest_answer(
    operator: Actor, petstores: Petstores
) -> None:
    assert (await actions.current(operator)).known_at is None
    first = await actions.change_policy(operator, policy=NEVER)
    petstores[0].fails = grpc.StatusCode.INTERNAL
    with pytest.raises(NotConfirmed):
        await actions.change_policy(operator, policy=ALWAYS)
    now = await actions.current(operator)
    assert now.known_at == min(each.heard for each in now.instances[1:] if each.heard)
    assert now.known_at > first.at
