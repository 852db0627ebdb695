"""A change above the service's ceiling is made by two people, at whichever doors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from ops.actor import OPSPORTAL, Actor, Door, new_request_id
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotPermitted
from ops.requests import actions
from ops.requests.actions import RequestedChange, State
from ops.requests.closing import CLOSER
from ops.requests.models import ChangeRequest
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.sampling.models import Revision
from ops.sampling.terms import Term
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.prometheus import FakePrometheus

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = Term(timerange.MINUTE)


class Place:
    """A petstore with 200 requests a second, and a ceiling of 50 traces a second."""

    def __init__(
        self, site_file: SiteFile, prometheus: FakePrometheus, instance: FakeInstance
    ) -> None:
        self._site_file = site_file
        self.prometheus = prometheus
        self.instance = instance
        self.told = instance.told
        prometheus.says("requests", ({}, 200.0))
        self.set("sampling_ceiling = 50")

    def set(self, *lines: str) -> None:
        self._site_file(
            f"""
            [sites.demo]
            default_service = "petstore"
            change_now = true
            [[sites.demo.prometheus]]
            url = "{self.prometheus.url}"
            [sites.demo.services.petstore]
            instances = ["{self.instance.address}"]
            requests = "requests"
            """
            + "\n".join(lines)
        )


@pytest.fixture
async def place(site_file: SiteFile) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        prometheus = await stack.enter_async_context(FakePrometheus())
        instance = await stack.enter_async_context(fake_instance())
        yield Place(site_file, prometheus, instance)


@pytest.fixture
def approver(person: Person) -> Actor:
    """Somebody with both rights: to change, and to approve."""
    return actor_of(person("ada", "approvers"), Door.SLACK)


async def rows() -> list[tuple[str, str, str]]:
    found = await in_database(list, AuditEntry.objects.order_by("seq"))
    return [(row.actor, row.action, row.outcome) for row in found if row.outcome != "started"]


async def test_nobody_makes_it_alone(operator: Actor, place: Place) -> None:
    with pytest.raises(Conflict) as caught:
        await sampling.change_policy(operator, policy=ALWAYS)
    assert str(caught.value) == (
        "nothing was changed. Over petstore's ceiling of 50 traces/s: about 200 traces/s. Ask for "
        "the change on the sampling page, with the bot or with AskSampling; somebody else can "
        "approve it within 10 minutes"
    )
    assert place.told == []
    assert not await in_database(Revision.objects.exists)
    assert await rows() == [("olga", "sampling.change_policy", "failed")]


async def test_up_to_the_ceiling_everybody_may(operator: Actor, place: Place) -> None:
    await sampling.change_policy(operator, policy=rate(0.25))
    request = await actions.ask(operator, policy=rate(0.1))
    assert request.over is None
    assert request.expires - request.asked_at == actions.LIFE
    assert (await actions.apply(operator, key=request.key)).state is State.APPLIED


async def test_without_a_rate_of_requests_it_needs_approval(operator: Actor, place: Place) -> None:
    place.prometheus.answers.clear()
    with pytest.raises(Conflict, match=r"Maybe over petstore's ceiling .* requests/s are unknown"):
        await sampling.change_policy(operator, policy=rate(0.001))
    assert (await actions.ask(operator, policy=rate(0.001))).over is not None
    await sampling.change_policy(operator, policy=NEVER)
    assert place.told == [("STNever", 0.0)]


async def test_somebody_else_approves_it(operator: Actor, approver: Actor, place: Place) -> None:
    asked = await actions.ask(operator, policy=ALWAYS, reason="slow searches")
    assert asked.over and asked.over.asked == (
        "Over petstore's ceiling of 50 traces/s: about 200 traces/s. Somebody else with the right "
        "to approve has 10 minutes."
    )
    assert (asked.expires - asked.asked_at).total_seconds() == 600
    done = await actions.apply(approver, key=asked.key)

    assert (done.state, done.decided_by, done.asker) == (State.APPLIED, "ada", "olga")
    assert place.told == [("STAlways", 0.0)]
    assert await rows() == [
        ("olga", "requests.ask_approval", "ok"),
        ("ada", "sampling.approve_change", "ok"),
    ]
    first, last = await in_database(list, AuditEntry.objects.filter(outcome="ok").order_by("seq"))
    assert first.target == last.target == "demo/petstore"
    assert first.record["parameters"] == {
        "site": "demo", "service": "petstore", "previous": "unknown", "policy": "always",
        "instances": "1", "term": "permanent", "reason": "slow searches",
        "over": "Over petstore's ceiling of 50 traces/s: about 200 traces/s",
    }  # fmt: skip
    assert last.record["parameters"]["asked_by"] == "olga"


async def test_those_of_a_time_are_listed(operator: Actor, viewer: Actor, place: Place) -> None:
    now = timerange.now_ns()
    asked = await actions.ask(operator, policy=ALWAYS)
    await actions.ask(operator, policy=NEVER)

    before, after = now - timerange.MINUTE, now + timerange.MINUTE
    assert await actions.list_for_approval(viewer, start=before, end=after) == (asked,)
    assert not await actions.list_for_approval(viewer, start=0, end=before)


async def test_who_asked_cannot_approve_with_whatever_rights(approver: Actor, place: Place) -> None:
    asked = await actions.ask(approver, policy=ALWAYS)
    for door in (Door.SLACK, Door.BROWSER, Door.GRPC):
        with pytest.raises(NotPermitted, match="you asked for this change, so somebody else must"):
            await actions.apply(Actor(approver.user_id, "ada", door), key=asked.key)
    assert place.told == []
    [found] = await actions.list_open(approver)
    assert found == asked
    assert ("ada", "sampling.approve_change", "denied") in await rows()


async def test_who_asked_can_withdraw_it(operator: Actor, approver: Actor, place: Place) -> None:
    key = (await actions.ask(operator, policy=ALWAYS)).key
    done = await actions.cancel(operator, key=key, reason="solved")
    assert (done.state, done.decided_by, done.why_not) == (State.CANCELLED, "olga", "solved")
    assert (await actions.apply(approver, key=key)).state is State.CANCELLED
    assert place.told == []
    assert (await rows())[1:] == [("olga", "requests.withdraw", "ok")]


@pytest.mark.parametrize(("state", "gone"), [(State.EXPIRED, False), (State.CANCELLED, True)])
async def test_what_nobody_answered_is_closed_and_recorded_once(
    operator: Actor, approver: Actor, place: Place, state: State, gone: bool
) -> None:
    key = (await actions.ask(operator, policy=ALWAYS)).key
    await actions.ask(operator, policy=rate(0.01))  # needs nobody, so its end is not recorded
    if gone:
        await in_database(User.objects.filter(username="olga").delete)
    else:
        await in_database(ChangeRequest.objects.update, expires=timezone.now())
    assert CLOSER.has(sites().site("demo"))
    closing = asyncio.create_task(CLOSER.run(sites().site("demo"), None))  # type: ignore[arg-type]
    await asyncio.gather(*(actions.close(OPSPORTAL) for _ in range(3)))
    async with asyncio.timeout(30):
        while (await rows())[-1][1] != "requests.expire":
            pass
    closing.cancel()
    assert (await actions.apply(approver, key=key)).state is state
    assert await rows() == [
        ("olga", "requests.ask_approval", "ok"),
        ("OpsPortal", "requests.expire", "ok"),
    ]
    entry = await in_database(AuditEntry.objects.filter(action="requests.expire").get)
    assert (entry.target, entry.record["parameters"]["asked_by"]) == ("demo/petstore", "olga")


async def test_somebody_else_refuses_it(
    operator: Actor, approver: Actor, person: Person, place: Place
) -> None:
    key = (await actions.ask(operator, policy=ALWAYS)).key
    other = actor_of(await in_database(person, "otto", "operators"))
    with pytest.raises(NotPermitted):
        await actions.cancel(other, key=key)
    with pytest.raises(InvalidInput, match="a reason is one line of at most 300 characters"):
        await actions.cancel(approver, key=key, reason="two\nlines")

    done = await actions.cancel(approver, key=key, reason="the disk is full")

    assert (done.state, done.decided_by, done.why_not) == (State.REFUSED, "ada", "the disk is full")
    assert (await actions.apply(operator, key=key)) == done
    assert (await actions.cancel(approver, key=key, reason="again")) == done
    entry = await in_database(AuditEntry.objects.filter(action="requests.refuse").get)
    assert (entry.actor, entry.outcome, entry.target) == ("ada", "ok", "demo/petstore")
    assert entry.record["parameters"] == {
        "key": key, "asked_by": "olga", "policy": "always", "reason": "the disk is full",
        "service": "petstore", "site": "demo",
    }  # fmt: skip


async def test_one_decision_counts_however_many_decide(
    operator: Actor, approver: Actor, person: Person, place: Place
) -> None:
    others = [await in_database(person, f"ann{n}", "approvers") for n in range(3)]
    key = (await actions.ask(operator, policy=ALWAYS)).key

    async def decide(actor: Actor, number: int) -> RequestedChange:
        new_request_id()
        return await (actions.cancel if number % 2 else actions.apply)(actor, key=key)

    deciders = [approver, *map(actor_of, others)]
    attempts = (decide(each, n) for n, each in enumerate(deciders * 2))
    ends = await asyncio.gather(*map(asyncio.ensure_future, attempts))
    [final] = {end.state for end in ends} - {State.APPLYING}
    assert len(place.told) == int(final is State.APPLIED)
    made = [action for _, action, _ in await rows()]
    assert made.count("requests.refuse") + made.count("sampling.approve_change") == 1


async def test_now_asks_if_nobody_may_make_it_alone(operator: Actor, place: Place) -> None:
    assert isinstance(await actions.change_or_ask(operator, policy=rate(0.2)), SamplingChange)
    asked = await actions.change_or_ask(operator, policy=ALWAYS)
    assert isinstance(asked, RequestedChange) and asked.over
    assert len(place.told) == 1


async def test_a_way_back_follows_the_same_rule(
    operator: Actor, approver: Actor, place: Place
) -> None:
    await sampling.approve_change(approver, asked_by="olga", above_ceiling=True, policy=ALWAYS)
    await sampling.change_policy(operator, policy=NEVER, term=MINUTE)
    with pytest.raises(Conflict, match="Over petstore's ceiling"):
        await sampling.revert(operator)
    returning = await actions.revert_or_ask(operator)
    assert isinstance(returning, RequestedChange) and returning.over
    undoing = await actions.undo_or_ask(operator)
    assert isinstance(undoing, RequestedChange)
    assert (undoing.policy, bool(undoing.over)) == (ALWAYS, True)


@pytest.mark.parametrize("name", ["olga", "ada"])
async def test_a_ceiling_that_was_lowered_meanwhile_is_checked_again(
    operator: Actor, approver: Actor, place: Place, name: str
) -> None:
    asked = await actions.ask(operator, policy=rate(0.2))
    assert asked.over is None
    place.set("sampling_ceiling = 20")
    actor = {"olga": operator, "ada": approver}[name]
    done = await actions.apply(actor, key=asked.key)
    assert (done.state, type(done.result)) == (State.FAILED, Conflict)
    assert "ceiling of 20 traces/s: about 40 traces/s" in str(done.result)
    assert place.told == []


@pytest.mark.parametrize(
    ("policy", "is_asked"), [(rate(0.6), True), (rate(0.25), False), (NEVER, False)]
)
async def test_lowering_follows_the_same_rule(
    operator: Actor, approver: Actor, place: Place, policy: Policy, is_asked: bool
) -> None:
    await sampling.approve_change(approver, asked_by="olga", above_ceiling=True, policy=ALWAYS)
    done = await actions.change_or_ask(operator, policy=policy)
    assert isinstance(done, RequestedChange) == is_asked


async def test_what_a_person_says_follows_counts_and_what_is_permanent_does_not(
    operator: Actor, place: Place
) -> None:
    with pytest.raises(Conflict, match="about 200 traces/s"):
        await sampling.change_policy(operator, policy=NEVER, term=MINUTE, then=ALWAYS)
    place.set("sampling_ceiling = 50", 'sampling = "always"')
    await sampling.change_policy(operator, policy=NEVER, term=MINUTE, then=ALWAYS)
    assert place.told == [("STNever", 0.0)]


async def test_what_its_instances_cannot_be_sent_is_refused_before_a_request(
    operator: Actor, place: Place
) -> None:
    with pytest.raises(InvalidInput, match="petstore cannot be sampled at 5 traces/s: its inst"):
        await actions.ask(operator, policy=per_second(5))
    assert await actions.list_open(operator) == ()


async def test_the_requests_of_a_site_are_listed_together(operator: Actor, place: Place) -> None:
    asked = await actions.ask(operator, policy=ALWAYS)
    assert await actions.list_open(operator) == (asked,)
    assert await actions.list_open(operator, service="petstore") == (asked,)
