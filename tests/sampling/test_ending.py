"""The end of a timed change: when it is warned of, what has become of it, and more time."""

import pytest

from ops.actor import OPSPORTAL, Actor
from ops.errors import Conflict, NotPermitted
from ops.requests import actions as requests
from ops.requests.actions import RequestedChange
from ops.sampling import actions
from ops.sampling.actions import SamplingChange
from ops.sampling.ending import MORE, warn_at
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER, rate
from ops.vocabulary.timerange import DAY, HOUR, MINUTE, SECOND
from tests.conftest import Petstores, SiteFile
from tests.fakes.instance import fake_instance
from tests.sampling.test_timed import QUARTER, time_passes

pytestmark = pytest.mark.django_db(transaction=True)
AT = timerange.parse_moment("2026-11-30T14:00:00Z").nanoseconds


@pytest.mark.parametrize(
    ("lasts", "left"),
    [
        (10 * SECOND, 2 * SECOND),
        (10 * MINUTE, 2 * MINUTE),
        (25 * MINUTE, 5 * MINUTE),
        (HOUR, 5 * MINUTE),
        (7 * DAY, 5 * MINUTE),
    ],
)
def test_it_is_warned_of_in_its_last_fifth_at_most_five_minutes_before(
    lasts: int, left: int
) -> None:
    assert warn_at(AT, AT + lasts) == AT + lasts - left


async def test_what_has_become_of_it(operator: Actor, petstores: Petstores) -> None:
    await actions.change_policy(operator, policy=rate(0.1))
    first = await actions.change_policy(operator, policy=ALWAYS, term=QUARTER)
    second = await actions.change_policy(operator, policy=NEVER, term=QUARTER)
    permanent = await actions.change_policy(operator, policy=rate(0.5))

    found = await actions.endings(OPSPORTAL, revisions=[first.revision, second.revision, 10**6])
    assert found.keys() == {first.revision, second.revision}
    successors = [each.successor and each.successor.revision for each in found.values()]
    assert successors == [second.revision, permanent.revision]

    early = await actions.superseded(OPSPORTAL, revisions=[first.revision, permanent.revision])
    assert early == {first.revision}

    third = await actions.change_policy(operator, policy=ALWAYS, term=QUARTER)
    [ending] = (await actions.endings(OPSPORTAL, revisions=[third.revision])).values()
    assert ending.change.until
    assert not ending.is_over(ending.change.at)
    assert ending.is_over(ending.change.until)
    await time_passes(minutes=20)
    await actions.change_policy(operator, policy=ALWAYS)
    [ending] = (await actions.endings(OPSPORTAL, revisions=[third.revision])).values()
    assert ending.successor is None, "what is set after the end did not end it"
    assert not await actions.superseded(OPSPORTAL, revisions=[third.revision])
    assert ending.is_settled


async def test_it_lasts_longer_with_all_that_it_had(operator: Actor, petstores: Petstores) -> None:
    first = await actions.change_policy(
        operator, policy=ALWAYS, term=QUARTER, reason="SlowSearch", then=rate(0.02)
    )
    await time_passes(minutes=14)
    made = await requests.ask_longer(operator, revision=first.revision)
    assert isinstance(made, SamplingChange)
    before = (await actions.changes(operator, limit=2))[1]
    assert made.until
    assert before.until
    assert timerange.from_datetime(made.until) == timerange.from_datetime(before.until) + MORE
    assert (made.policy, made.reason, made.then) == (ALWAYS, "SlowSearch", rate(0.02))

    with pytest.raises(Conflict, match=f"{made.revision} is"):
        await requests.ask_longer(operator, revision=first.revision)
    again = await requests.ask_longer(operator)
    assert isinstance(again, SamplingChange)
    await time_passes(hours=1)
    with pytest.raises(Conflict, match="no change with an end is in force for petstore"):
        await requests.ask_longer(operator, revision=again.revision)


async def test_more_time_takes_the_right_and_keeps_to_the_ceiling(
    operator: Actor, viewer: Actor, site_file: SiteFile
) -> None:
    async with fake_instance() as instance:
        service = f'[sites.demo.services.petstore]\ninstances = ["{instance.address}"]\n'
        site_file(service)
        await actions.change_policy(operator, policy=ALWAYS, term=QUARTER, then=NEVER)
        with pytest.raises(NotPermitted):
            await requests.ask_longer(viewer)
        site_file(f"{service}sampling_ceiling = 10")
        asked = await requests.ask_longer(operator)
        assert isinstance(asked, RequestedChange)
        assert asked.over
        assert asked.term.end
        assert len(instance.told) == 1
