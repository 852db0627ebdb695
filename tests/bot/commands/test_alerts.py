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
        '1 alert firing that we know of (1 page) for job="petstore", severity=~"page|critical"'
    )
    assert [follow_up.line for follow_up in reply.follow_ups] == [
        "list traces petstore error", "list traces store error", "version",
    ]  # fmt: skip
    none = await said(viewer, 'alerts team="a" state=firing')
    known = "1 alert firing, none that we know of"
    assert none.summary == f'{known} for state=firing team="a"'
    assert [follow_up.line for follow_up in none.follow_ups] == ["alerts"]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("alerts Errors", 'alertname="Errors"'),
        ("alerts for petstore", 'job="petstore"'),
        ("alerts firing page", 'state=firing severity="page"'),
        ('alerts {alertname="Errors",job=~"pet.*"}', 'alertname="Errors", job=~"pet.*"'),
        ("alerts severity = \u201cpage\u201d age>1m", 'age>1m severity="page"'),
        ('alerts summary=~".*fail"', 'summary=~".*fail"'),
        ('alerts "site"=eu', '"site"="eu"'),
    ],
)
async def test_it_says_what_it_understood(
    viewer: Actor, backends: Backends, line: str, asked: str
) -> None:
    backends.prometheus.rule(
        "Errors",
        alert(
            "Errors",
            severity="page",
            job="petstore",
            site="eu",
            annotations={"summary": "12% fail"},
        ),
    )
    reply = await said(viewer, line)
    assert reply.summary.endswith(f" for {asked}")
    assert reply.rows[0].below == ("12% fail", 'job=petstore, "site"=eu')


async def test_it_does_not_take_a_mistyped_service_for_one_without_alerts(
    viewer: Actor, backends: Backends
) -> None:
    backends.prometheus.rule("Errors", alert("Errors", job="petstore"))
    reply = await said(viewer, "alerts PetStor state=firing")
    called = 'no state, service, severity, alert or label is called "PetStor"'
    assert reply.summary.startswith(f'Not understood: {called}; did you mean "petstore"?')
    assert reply.follow_ups == (FollowUp("Show usage", "help alerts"),)
    reply = await said(viewer, "alerts critical")
    assert reply.summary == '1 alert firing, none for severity="critical"'
