"""Of several processes that want an event at the same moment, one gets it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.models import ReceivedEvent, State
from bot.slack import event_store
from ops import leases

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
LATER = NOW + event_store.LEASE


def abandoned(**differently: Any) -> ReceivedEvent:
    """Record an event whose holder is gone."""
    row = {"state": State.WORKING, "holder": "gone", "lease_until": NOW, "received": NOW}
    return ReceivedEvent.objects.create(event_id="Ev1", ts="1.0", **{**row, **differently})


def as_read() -> ReceivedEvent:
    return ReceivedEvent.objects.get()


def claimed(row: ReceivedEvent, holder: str) -> bool:
    return event_store._claimed(row, holder, NOW)


def test_one_of_two_that_read_the_same_takes_it_over() -> None:
    abandoned()
    one, other = as_read(), as_read()
    assert (claimed(one, "one"), claimed(other, "other")) == (True, False)
    assert as_read().holder == "one"


@pytest.mark.parametrize(
    "meanwhile",
    [{"lease_until": LATER}, {"state": State.POSTING}, {"holder": "other"}],
    ids=["its lease was renewed", "it is being posted", "another took it over"],
)
def test_nobody_takes_over_what_has_changed_since_it_was_read(meanwhile: dict[str, Any]) -> None:
    abandoned()
    read = as_read()
    ReceivedEvent.objects.update(**meanwhile)
    assert not claimed(read, "heir")
    assert as_read().holder == meanwhile.get("holder", "gone")


def test_a_holder_renews_what_is_its_own() -> None:
    abandoned()
    leases.renew(ReceivedEvent.objects.all(), "another", LATER)
    assert as_read().lease_until == NOW
    event_store.renew("gone", NOW)
    assert as_read().lease_until == LATER


@pytest.mark.parametrize("end", [State.ANSWERED, State.FAILED, State.UNKNOWN, State.ASKED])
@pytest.mark.parametrize("state", [State.WORKING, State.POSTING])
def test_what_has_ended_stays_so(end: State, state: State) -> None:
    """A holder that was stopped for long comes back, and another process has given it up."""
    row = abandoned(state=end)
    assert not event_store.advance(row.pk, "gone", state)
    assert as_read().state == end
