"""What changed before an alert, asked of the bot."""

from pathlib import Path

import grpc
import pytest
from pytest_django import Settings

from ops.actor import Actor
from ops.database import in_database
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.timerange import MINUTE, SECOND, format_moment
from tests.alerts.making import alert as made
from tests.alerts.past import period
from tests.bot.conftest import Backends, said
from tests.conftest import SiteFile
from tests.fakes.jaeger import ANY_JAEGER, span, trace
from tests.fakes.prometheus import Fault, alert

pytestmark = [pytest.mark.django_db(transaction=True), ANY_JAEGER]
LINE = "what changed before Errors"


def fires(backends: Backends) -> int:
    """Let an alert of petstore fire for ten minutes, with a release that fails; return when."""
    start = timerange.now_ns() - 10 * MINUTE
    backends.prometheus.rule(
        "Errors", alert("Errors", active_at=format_moment(start), job="petstore")
    )
    for number in range(30):
        for version, at in (("1.2.0", start - 40 * MINUTE), ("1.3.0", start)):
            failed = "no stock" if version == "1.3.0" else None
            resource = {"service.version": version}
            backends.jaeger.add(
                trace(
                    span(
                        "petstore", "Buy", start=at + number * SECOND, error=failed,
                        resource=resource,
                    )
                )
            )  # fmt: skip
    return start


async def test_it_says_what_changed_before_an_alert(viewer: Actor, backends: Backends) -> None:
    start = fires(backends)
    other = made("QueueDeep", {"pod": "two"})
    await in_database(period, other, FIRING, start - 4 * MINUTE, None, site="demo")

    reply = await said(viewer, LINE)

    assert reply.summary.startswith("Errors started ")
    assert reply.summary.endswith(
        ": 1 other alert in the 15 minutes before; "
        "petstore 1.3.0 fails 100% of 30 traces, 1.2.0 none of 30 the hour before"
    )
    cells = [row.cells for row in reply.rows]
    assert ("4 min before", "QueueDeep started firing") in cells
    new = "New: no stock in Buy in 30 of 30 traces, none of 30 the hour before"
    assert ("traces", new) in cells
    assert reply.notes[0].startswith("30 of 30 traces of petstore failed from ")
    shown = next(each for each in reply.follow_ups if each.label == "Show these traces")
    listed = await said(viewer, shown.line)
    assert listed.summary.startswith("20 traces") or listed.summary.startswith("30 traces")


@pytest.fixture
def shared(backends: Backends, site_file: SiteFile, settings: Settings) -> None:
    """The store's alerts are petstore's."""
    text = Path(settings.SITES_FILE).read_text()
    site_file(f'{text}\n[sites.demo.services.shelf]\nalerts = {{ job = "petstore" }}\n')


async def test_the_traces_of_each_of_its_services_are_compared(
    viewer: Actor, backends: Backends, shared: None
) -> None:
    fires(backends)
    reply = await said(viewer, LINE)
    notes = [str(each) for each in reply.notes]
    assert any(each.startswith("30 of 30 traces of petstore failed from ") for each in notes)
    assert any(each.startswith("No traces of shelf from ") for each in notes)


async def test_a_jaeger_that_is_silent_is_named(viewer: Actor, backends: Backends) -> None:
    fires(backends)
    backends.jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")
    reply = await said(viewer, LINE)
    assert any(each.startswith("The traces were not compared: Jaeger") for each in reply.notes)
    assert not any("No difference" in each for each in reply.notes)


async def test_a_name_is_not_said_to_be_unknown_while_prometheus_is_silent(
    viewer: Actor, backends: Backends
) -> None:
    backends.prometheus.fault = Fault.CUT_OFF
    past = made("Errors", {"job": "petstore"})
    start = timerange.now_ns() - 10 * MINUTE
    await in_database(period, past, FIRING, start, None, site="demo")
    reply = await said(viewer, LINE)
    assert reply.summary.startswith("Errors started ")


async def test_an_unknown_alert_is_said_to_be_unknown(viewer: Actor, backends: Backends) -> None:
    reply = await said(viewer, "what changed before Nothing")
    assert 'no alert "Nothing"' in reply.summary or "Nothing" in reply.summary
    assert reply.failed
