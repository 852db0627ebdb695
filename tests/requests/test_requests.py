"""A change is asked for at one door, and decided once, at whichever door."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import grpc
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from ops.actor import OPSPORTAL, Actor, Door, new_request_id
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotFound, NotPermitted
from ops.requests import actions
from ops.requests.actions import RequestedChange, State
from ops.requests.models import ChangeRequest
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, rate
from tests.conftest import Person, Petstores, SiteFile, actor_of

pytestmark = pytest.mark.django_db(transaction=True)
Decide = Callable[..., Awaitable[RequestedChange]]


@pytest.fixture
def approver(person: Person) -> Actor:
    return actor_of(person("ada", "approvers"), Door.SLACK)


async def asked(actor: Actor, policy: Policy = ALWAYS) -> RequestedChange:
    request = await actions.ask(actor, policy=policy)
    assert isinstance(request, RequestedChange)
    return request


async def outcomes() -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.order_by("seq")
    return [(row.actor, row.action, row.outcome) for row in await in_database(list, rows)]


async def test_it_says_what_would_change_and_changes_nothing(
    operator: Actor, petstores: Petstores
) -> None:
    await sampling.change_policy(operator, policy=rate(0.5))
    request = await asked(operator)
    assert (request.state, request.asker, request.instances) == (State.OPEN, "olga", 3)
    assert (str(request.previous), request.policy) == ("50%", ALWAYS)
    assert request.effect == (
        "Keeps all traces that start in petstore; twice as many as the last setting, 50%."
    )
    assert request.expires - request.asked_at == actions.LIFE
    assert [len(each.told) for each in petstores] == [1, 1, 1]


async def test_it_is_made_by_who_asked_at_another_door(
    operator: Actor, petstores: Petstores
) -> None:
    key = (await asked(operator)).key
    at_slack = Actor(operator.user_id, operator.name, Door.SLACK)
    done = await actions.apply(at_slack, key=key)
    assert (done.state, done.decided_by) == (State.APPLIED, "olga")
    assert isinstance(done.result, SamplingChange)
    assert (done.result.confirmed, done.result.door) == (3, "slack")
    assert done.result.request_id == done.request_id
    assert [each.told for each in petstores] == [[("STAlways", 0.0)]] * 3
    assert await outcomes() == [
        ("olga", "sampling.change_policy", "started"),
        ("olga", "sampling.change_policy", "ok"),
    ]


async def test_it_is_read_again_as_it_was_returned(operator: Actor, petstores: Petstores) -> None:
    petstores[1].fails = grpc.StatusCode.INTERNAL
    done = await actions.apply(operator, key=(await asked(operator, rate(0.07))).key)
    again = await actions.several(OPSPORTAL, keys=[done.key])
    assert again == {done.key: done}
    assert isinstance(done.result, SamplingChange)
    assert [bool(each.reason) for each in done.result.instances].count(True) == 1


async def test_it_is_made_once_however_many_try(
    operator: Actor, approver: Actor, petstores: Petstores
) -> None:
    key = (await asked(operator)).key

    async def attempt(actor: Actor, number: int) -> RequestedChange:
        new_request_id()
        decide = actions.cancel if number % 5 == 4 else actions.apply
        return await decide(actor, key=key)

    attempts = (attempt((operator, approver)[n % 2], n) for n in range(10))
    ends = await asyncio.gather(*map(asyncio.ensure_future, attempts))
    told = {len(each.told) for each in petstores}
    final = (await actions.several(OPSPORTAL, keys=[key]))[key]
    assert told == ({1} if final.state is State.APPLIED else {0})
    assert {end.state for end in ends} <= {final.state, State.APPLYING}
    assert len(await outcomes()) == 2 * max(told)


async def test_it_is_made_by_an_approver_and_the_log_has_both(
    operator: Actor, approver: Actor, petstores: Petstores
) -> None:
    await actions.apply(approver, key=(await asked(operator)).key)
    entry = await in_database(AuditEntry.objects.filter(outcome="ok").get)
    assert (entry.actor, entry.action) == ("ada", "sampling.approve_change")
    assert entry.record["parameters"]["asked_by"] == "olga"


@pytest.mark.parametrize("decide", [actions.apply, actions.cancel])
async def test_it_is_decided_by_nobody_else(
    operator: Actor, viewer: Actor, person: Person, petstores: Petstores, decide: Decide
) -> None:
    key = (await asked(operator)).key
    other = actor_of(await in_database(person, "otto", "operators"))
    for actor in (viewer, other, Actor(None, "", Door.GRPC), OPSPORTAL):
        with pytest.raises(NotPermitted):
            await decide(actor, key=key)
    [request] = await actions.list_open(operator, service="petstore")
    assert (request.key, request.state) == (key, State.OPEN)
    assert {row[2] for row in await outcomes()} == {"denied"}


@pytest.mark.parametrize("decide", [actions.apply, actions.cancel])
async def test_whether_one_exists_is_not_told_to_who_may_not_decide(
    viewer: Actor, operator: Actor, decide: Decide
) -> None:
    with pytest.raises(NotPermitted):
        await decide(viewer, key="3f9a1c7e2b")
    with pytest.raises(NotFound, match='there is no request "3f9a1c7e2b"'):
        await decide(operator, key="3f9a1c7e2b")


async def test_it_is_dismissed(operator: Actor, petstores: Petstores) -> None:
    key = (await asked(operator)).key
    assert (await actions.cancel(operator, key=key)).state is State.CANCELLED
    assert (await actions.apply(operator, key=key)).state is State.CANCELLED
    assert await actions.list_open(operator) == ()
    assert petstores[0].told == []


async def test_rates_of_operations_are_asked_for_applied_and_ended(
    operator: Actor, site_file: SiteFile
) -> None:
    site_file('[sites.demo.remote]\ndefault_sampling = "1%"\n[sites.demo.services.shop]')
    wanted = rate(0.1).by_operation({"GET /health": 0.001})
    request = await asked(operator, wanted)
    assert request.policy == wanted
    assert request.effect.endswith("unknown. GET /health has a rate of its own: 0.1%.")
    done = await actions.apply(operator, key=request.key)
    assert isinstance(done.result, SamplingChange)
    assert done.result.policy == wanted
    again = await actions.several(OPSPORTAL, keys=[done.key])
    assert again == {done.key: done}
    now = await sampling.current(operator)
    assert now.in_force and now.in_force.policy == wanted

    ending = await asked(operator, rate(0.1))
    assert str(ending.previous) == "10%, but GET /health 0.1%"
    assert ending.previous == (await actions.find(operator, key=ending.key)).previous
    assert ending.effect.endswith("Operations no longer have rates of their own.")
    assert "no longer" not in (await asked(operator, wanted)).effect


async def test_operations_are_refused_where_instances_are_called(
    operator: Actor, petstores: Petstores
) -> None:
    with pytest.raises(InvalidInput, match="petstore cannot be sampled at always, but GET / 10%"):
        await asked(operator, ALWAYS.by_operation({"GET /": 0.1}))


async def test_it_expires(operator: Actor, petstores: Petstores) -> None:
    key = (await asked(operator)).key
    await in_database(ChangeRequest.objects.update, expires=timezone.now())
    assert await actions.list_open(operator) == ()
    assert (await actions.find(operator, key=key)).state is State.EXPIRED
    assert (await actions.apply(operator, key=key)).state is State.EXPIRED
    assert petstores[0].told == []


async def test_deciding_one_from_before_the_kept_days_says_so(
    operator: Actor, petstores: Petstores
) -> None:
    key = (await asked(operator)).key
    too_old = timezone.now() - timedelta(days=31)
    await in_database(ChangeRequest.objects.update, expires=too_old)
    with pytest.raises(NotFound, match="it may be over 30 days old"):
        await actions.apply(operator, key=key)
    assert petstores[0].told == []


async def test_it_is_withdrawn_with_the_user_who_asked(
    operator: Actor, approver: Actor, petstores: Petstores
) -> None:
    key = (await asked(operator)).key
    await in_database(User.objects.filter(username="olga").delete)
    done = await actions.apply(approver, key=key)
    assert (done.state, done.decided_by) == (State.CANCELLED, "")
    assert petstores[0].told == []


async def test_it_is_unknown_once_its_process_is_gone_unless_that_comes_back(
    operator: Actor, petstores: Petstores
) -> None:
    petstores[0].hangs = True
    key = (await asked(operator)).key
    applying = asyncio.ensure_future(actions.apply(operator, key=key))
    await petstores[0].asked.wait()
    await in_database(ChangeRequest.objects.update, lease_until=timezone.now())
    await actions.close(OPSPORTAL)
    found = await actions.several(OPSPORTAL, keys=[key])
    assert (found[key].state, found[key].result) == (State.UNKNOWN, None)
    petstores[0].resumed.set()
    assert (await applying).state is State.APPLIED
    assert (await actions.several(OPSPORTAL, keys=[key]))[key].state is State.APPLIED


async def test_an_attempt_that_lost_its_claim_records_nothing(
    operator: Actor, petstores: Petstores
) -> None:
    """Only who holds the lease may say what came of it."""
    petstores[0].hangs = True
    key = (await asked(operator)).key
    applying = asyncio.ensure_future(actions.apply(operator, key=key))
    await petstores[0].asked.wait()
    await in_database(ChangeRequest.objects.update, holder="somebody else")
    petstores[0].resumed.set()
    assert (await applying).state is State.APPLYING


async def test_it_says_why_nothing_was_changed(operator: Actor, petstores: Petstores) -> None:
    key = (await asked(operator)).key
    await in_database(ChangeRequest.objects.update, service="gone")
    done = await actions.apply(operator, key=key)
    assert done.state is State.FAILED
    assert isinstance(done.result, NotFound)
    again = (await actions.several(OPSPORTAL, keys=[key]))[key].result
    assert (type(again), str(again)) == (NotFound, str(done.result))


async def test_what_was_in_force_before_is_undone(operator: Actor, petstores: Petstores) -> None:
    with pytest.raises(Conflict, match="there is nothing to undo"):
        await actions.undo_or_ask(operator)
    for policy in (rate(0.1), NEVER):
        await sampling.change_policy(operator, policy=policy)
    in_slack = Actor(operator.user_id, operator.name, Door.SLACK)
    request = await actions.undo_or_ask(in_slack)
    assert isinstance(request, RequestedChange), "the site always asks in a chat"
    assert (str(request.previous), request.policy) == ("never", rate(0.1))
    done = await actions.undo_or_ask(operator)
    assert isinstance(done, SamplingChange)
    assert (str(done.previous), done.policy) == ("never", rate(0.1))


@pytest.mark.parametrize(
    ("door", "allowed", "at_once"),
    [
        (Door.SLACK, True, True),
        (Door.SLACK, False, False),
        (Door.CONSOLE, False, False),
        (Door.BROWSER, False, True),
    ],
)
async def test_in_a_chat_it_is_made_at_once_only_if_the_site_allows_that(
    operator: Actor,
    petstores: Petstores,
    site_file: SiteFile,
    door: Door,
    allowed: bool,
    at_once: bool,
) -> None:
    site_file(
        f"""
        [sites.demo]
        default_service = "petstore"
        change_now = {str(allowed).lower()}
        [sites.demo.services.petstore]
        instances = ["{petstores[0].address}"]
        """
    )
    actor = Actor(operator.user_id, operator.name, door)
    done = await actions.change_or_ask(actor, policy=ALWAYS)
    assert isinstance(done, SamplingChange if at_once else RequestedChange)
    assert len(petstores[0].told) == int(at_once)
