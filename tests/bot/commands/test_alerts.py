import pytest

from bot.replies import FollowUp
from ops.actor import Actor
from tests.bot.conftest import Backends, said
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_shows_alerts(viewer: Actor, backends: Backends) -> None:
    backends.prometheus.rule(
        "Errors",
        alert("Errors", severity="page", job="petstore", annotations={"summary": "12% fail"}),
        alert("Errors", "pending", severity="page", job="store"),
    )
    backends.prometheus.rule("Broken", health="err", error="many-to-many")
    reply = await said(viewer, "alerts")
    assert reply.summary == "1 alert firing that we know of (1 page), 1 pending"
    assert reply.rows[0].cells[:3] == ("firing", "page", "Errors")
    assert reply.rows[0].below == ("12% fail", "job=petstore")
    doubt = "There may be more: rule Broken of 127.0.0.1 cannot be evaluated: many-to-many"
    assert reply.notes == (doubt,)
    narrowed = await said(viewer, "alerts petstore severity=~page|critical")
    assert narrowed.summary == (
        '1 alert firing that we know of (1 page) for job="petstore" severity=~"page|critical"'
    )
    assert [follow_up.line for follow_up in reply.follow_ups] == [
        "list traces petstore error", "list traces store error", "version",
    ]  # fmt: skip
    none = await said(viewer, 'alerts team="a" state=firing')
    known = "1 alert firing, none that we know of"
    assert none.summary == f'{known} for state=firing team="a"'
    assert [follow_up.line for follow_up in none.follow_ups] == ["alerts"]


async def test_it_does_not_take_a_mistyped_service_for_one_without_alerts(
    viewer: Actor, backends: Backends
) -> None:
    backends.prometheus.rule("Errors", alert("Errors", job="petstore"))
    reply = await said(viewer, "alerts PetStor state=firing")
    assert reply.summary == (
        '1 alert firing, none of which has the label "PetStor" and state=firing'
    )
    hint = 'There is no service "PetStor" in the site file; did you mean "petstore"?'
    assert reply.notes == (hint, "Perhaps you meant: alerts petstore")
    assert reply.follow_ups[0] == FollowUp("alerts petstore", "alerts petstore")
    reply = await said(viewer, "alerts critical")
    assert reply.summary == '1 alert firing, none of which has the label "critical"'
    assert reply.notes == (
        'There is no service "critical" in the site file; it has petstore, store',
        'Perhaps you meant: alerts severity="critical"',
    )
    reply = await said(viewer, "alerts firing")
    assert reply.notes[1] == "Perhaps you meant: alerts state=firing"
    reply = await said(viewer, "alerts for petstore")
    assert reply.summary == '1 alert firing (1 without severity) for job="petstore"'
