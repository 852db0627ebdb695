"""Which incidents are offered to be closed in their threads, and that one process offers it."""

import pytest

from ops.actor import OPSPORTAL, Actor
from ops.database import in_database
from ops.incidents import actions
from ops.incidents.actions import Thread
from ops.vocabulary import timerange
from tests.alerts.past import period
from tests.fakes.prometheus import FakePrometheus
from tests.incidents.conftest import DEEP, quiet_incident

pytestmark = pytest.mark.django_db(transaction=True)
THREAD = Thread("T1", "C1", "17.1")


async def test_one_process_offers_it_once(operator: Actor, prometheus: FakePrometheus) -> None:
    await quiet_incident(operator, quiet=16, thread=THREAD)

    [offer] = await actions.list_offers(OPSPORTAL)
    claims = [await actions.claim_offer(OPSPORTAL, offer=offer) for _ in range(2)]
    taken = await actions.list_offers(OPSPORTAL)
    given_back = await actions.claim_offer(OPSPORTAL, offer=offer, undo=True)

    assert (offer.incident.number, offer.incident.thread) == (1, THREAD)
    assert claims == [True, False]
    assert taken == ()
    assert given_back
    assert await actions.list_offers(OPSPORTAL) == (offer,)


@pytest.mark.parametrize("quiet", [4, 14.5])
async def test_it_waits_until_all_was_quiet_for_long(
    quiet: float, operator: Actor, prometheus: FakePrometheus
) -> None:
    await quiet_incident(operator, quiet=quiet, thread=THREAD)

    assert await actions.list_offers(OPSPORTAL) == ()


async def test_without_a_thread_or_once_closed_nothing_is_offered(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    await quiet_incident(operator, quiet=16)
    without = await actions.list_offers(OPSPORTAL)
    await actions.close_incident(operator)
    await actions.open_incident(operator, title="another", services=["petstore"], thread=THREAD)
    await actions.close_incident(operator)

    assert without == await actions.list_offers(OPSPORTAL) == ()


async def test_what_fires_again_and_is_quiet_again_is_offered_again(
    operator: Actor, prometheus: FakePrometheus
) -> None:
    await quiet_incident(operator, quiet=30, thread=THREAD)
    [offer] = await actions.list_offers(OPSPORTAL)
    await actions.claim_offer(OPSPORTAL, offer=offer)
    now = timerange.now_ns()
    again = (now - 20 * timerange.MINUTE, now - 16 * timerange.MINUTE)
    await in_database(period, DEEP, "firing", *again)

    [later] = await actions.list_offers(OPSPORTAL)

    assert later.quiet_since == again[1]
    assert later.before == offer.quiet_since
