"""The guard refuses arguments that are too large, once the permission is known."""

import pytest

from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import InvalidInput, NotPermitted, nearest
from ops.limits import LONGEST_TEXT, MOST_ITEMS, check_fields
from ops.traces.actions import list_traces, show_trace
from ops.vocabulary.filters import TraceQuery

LONG = "a" * (LONGEST_TEXT + 1)


@pytest.mark.parametrize(
    "value",
    [LONG, [LONG], ["a"] * (MOST_ITEMS + 1), ["a" * 1_000] * 5, TraceQuery(service=LONG), [[LONG]]],
)
def test_it_finds_what_is_too_much_wherever_it_is(value: object) -> None:
    with pytest.raises(InvalidInput, match="the limit is "):
        check_fields([("field", value)])


def test_it_counts_fields_their_names_and_all_together() -> None:
    for fields in (
        [(LONG, "a")],
        [(str(number), 1) for number in range(MOST_ITEMS + 1)],
        [(str(number), "a" * LONGEST_TEXT) for number in range(5)],
    ):
        with pytest.raises(InvalidInput):
            check_fields(fields)
    check_fields([("text", "a" * LONGEST_TEXT), ("tags", ["key=value"] * MOST_ITEMS), ("end", 1)])


@pytest.mark.django_db(transaction=True)
async def test_an_action_refuses_it_to_those_who_may(viewer: Actor, stranger: Actor) -> None:
    with pytest.raises(InvalidInput, match='"trace_id" has 4,001 characters'):
        await show_trace(viewer, trace_id=LONG)
    with pytest.raises(InvalidInput, match='"service" has 4,001 characters'):
        await list_traces(viewer, query=TraceQuery(service=LONG))
    with pytest.raises(NotPermitted):
        await show_trace(stranger, trace_id=LONG * 100)
    entry = await in_database(AuditEntry.objects.get)
    assert len(entry.text) < 2_000


def test_a_suggestion_compares_no_long_word_and_finds_one_of_many() -> None:
    known = [f"service-{number}-checkout" for number in range(300)]
    assert nearest("servce-217-checkout", known) == "service-217-checkout"
    assert nearest(known[0] * 10, known) == ""
