"""A change for a while: what is in force then, what follows it, and how it is ended before."""

from datetime import timedelta

import pytest

from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotFound
from ops.requests import actions as requests
from ops.requests.actions import RequestedChange, State
from ops.sampling import actions
from ops.sampling.actions import SamplingChange
from ops.sampling.models import Revision
from ops.sampling.terms import Term
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from tests.conftest import Petstores

pytestmark = pytest.mark.django_db(transaction=True)

QUARTER = Term(15 * timerange.MINUTE)


async def in_force(actor: Actor) -> tuple[Policy, Policy | None]:
    """What is in force now, and what follows."""
    found = (await actions.current(actor)).in_force
    assert found
    return found.policy, found.then


async def time_passes(**by: float) -> None:
    """Move the past away, as if so much time had gone by."""

    def move() -> None:
        for each in Revision.objects.all():
            each.at -= timedelta(**by)
            each.until = each.until and each.until - timedelta(**by)
            each.save()

    await in_database(move)


async def test_it_returns_to_what_is_permanent(operator: Actor, petstores: Petstores) -> None:
    await actions.change_policy(operator, policy=rate(0.01))
    made = await actions.change_policy(
        operator, policy=ALWAYS, term=QUARTER, reason="SlowSearch since 1.3.0"
    )
    assert made.until
    ends = timerange.from_datetime(made.until) - timerange.from_datetime(made.at)
    assert abs(ends - QUARTER.duration) < timerange.MINUTE
    now = await actions.current(operator)
    assert await in_force(operator) == (ALWAYS, rate(0.01))
    assert now.change and now.change.actor == "olga"
    assert now.change.reason == "SlowSearch since 1.3.0"
    assert not now.is_overdue

    await time_passes(minutes=20)
    now = await actions.current(operator)
    assert await in_force(operator) == (rate(0.01), None)
    assert now.is_overdue, "nobody has told the instances"
    at = timerange.from_datetime(made.at)
    was = await actions.policy_at(operator, at=at - 10 * timerange.MINUTE)
    is_ = await actions.policy_at(operator)
    assert was and is_ and (was.policy, is_.policy) == (ALWAYS, rate(0.01))


async def test_the_audit_log_says_why_and_until_when(operator: Actor, petstores: Petstores) -> None:
    await actions.change_policy(
        operator, policy=ALWAYS, term=QUARTER, reason="because", then=rate(0.01)
    )
    started, ok = await in_database(lambda: list(AuditEntry.objects.order_by("seq")))
    assert started.record["parameters"] == {
        "policy": "always",
        "term": "for 15 min",
        "reason": "because",
        "then": "1%",
    }
    assert "unknown -> always until 20" in ok.record["detail"]
    assert "UTC, then 1%, 3 of 3 confirmed" in ok.record["detail"]


async def test_it_asks_what_follows_if_nothing_is_permanent(
    operator: Actor, petstores: Petstores
) -> None:
    with pytest.raises(InvalidInput, match="say what follows, such as then=10%"):
        await actions.change_policy(operator, policy=ALWAYS, term=QUARTER)
    assert [each.told for each in petstores] == [[]] * 3
    await actions.change_policy(operator, policy=ALWAYS, term=QUARTER, then=NEVER)
    assert await in_force(operator) == (ALWAYS, NEVER)
    # Another one returns to the same, and so does the undoing of both.
    await actions.change_policy(operator, policy=rate(0.5), term=QUARTER)
    assert await in_force(operator) == (rate(0.5), NEVER)
    assert await actions.undo_policy(operator) == NEVER


async def test_what_follows_must_be_carried_too(operator: Actor, petstores: Petstores) -> None:
    with pytest.raises(InvalidInput, match="cannot be sampled at 5 traces/s"):
        await actions.change_policy(operator, policy=ALWAYS, term=QUARTER, then=per_second(5))


async def test_a_permanent_change_ends_it(operator: Actor, petstores: Petstores) -> None:
    await actions.change_policy(operator, policy=rate(0.01))
    await actions.change_policy(operator, policy=ALWAYS, term=QUARTER)
    await actions.change_policy(operator, policy=rate(0.1))
    assert await in_force(operator) == (rate(0.1), None)
    assert await actions.undo_policy(operator) == rate(0.01), "not what was for a while"


async def test_it_is_ended_now(operator: Actor, petstores: Petstores) -> None:
    await actions.change_policy(operator, policy=rate(0.01))
    with pytest.raises(Conflict, match="no change with an end is in force for petstore"):
        await actions.revert(operator)
    await actions.change_policy(operator, policy=ALWAYS, term=QUARTER)
    ended = await actions.revert(operator, reason="found it")
    assert (ended.policy, ended.until, ended.reason) == (rate(0.01), None, "found it")
    assert [each.told[-1] for each in petstores] == [("STFloat", 0.01)] * 3
    assert await in_force(operator) == (rate(0.01), None)


async def test_what_a_revision_set_is_set_again_for_as_long(
    operator: Actor, petstores: Petstores
) -> None:
    first = await actions.change_policy(operator, policy=ALWAYS, term=QUARTER, then=NEVER)
    tenth = await actions.change_policy(operator, policy=rate(0.1))

    again = await actions.revert(operator, revision=first.revision, reason="once more")
    assert (again.policy, again.then, again.reason) == (ALWAYS, rate(0.1), "once more")
    assert again.until and again.until - again.at > timedelta(minutes=14)
    assert again.revision > tenth.revision
    for_good = await actions.revert(operator, revision=tenth.revision)
    assert (for_good.policy, for_good.until) == (rate(0.1), None)

    for wrong in (-1, 10**30, for_good.revision + 1):
        with pytest.raises(NotFound, match=f'petstore of site "demo" has no revision {wrong}'):
            await actions.revert(operator, revision=wrong)


async def test_the_term_of_a_request_begins_when_it_is_applied(
    operator: Actor, petstores: Petstores
) -> None:
    asked = await requests.ask(
        operator, policy=ALWAYS, term=QUARTER, reason="because", then=rate(0.01)
    )
    assert isinstance(asked, RequestedChange)
    assert (asked.term, asked.reason, asked.then) == (QUARTER, "because", rate(0.01))
    found = await requests.apply(operator, key=asked.key)
    assert isinstance(found.result, SamplingChange)
    made = found.result
    assert (made.then, made.reason) == (rate(0.01), "because")
    assert made.until and made.until - made.at > timedelta(minutes=14)


async def test_a_request_whose_end_has_come_changes_nothing(
    operator: Actor, petstores: Petstores
) -> None:
    soon = Term(end=timerange.now_ns() + 11 * timerange.SECOND)
    asked = await requests.ask(operator, policy=ALWAYS, term=soon, then=NEVER)
    assert isinstance(asked, RequestedChange)

    def later() -> None:
        from ops.requests.models import ChangeRequest  # noqa: PLC0415

        ChangeRequest.objects.update(ends=timerange.now_ns())

    await in_database(later)
    found = await requests.apply(operator, key=asked.key)
    assert found.state is State.FAILED
    assert "this one would end at" in str(found.result)
    assert [each.told for each in petstores] == [[]] * 3


@pytest.mark.parametrize("then", [None, NEVER])
async def test_a_request_is_refused_as_the_change_would_be(
    operator: Actor, petstores: Petstores, then: Policy | None
) -> None:
    term = Term() if then else QUARTER
    with pytest.raises(InvalidInput):
        await requests.ask(operator, policy=ALWAYS, term=term, then=then)
