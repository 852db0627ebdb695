"""How the traces of an incident's services differ from the hour before: a piece of its page."""

import grpc
import pytest
from django.contrib.auth.models import User

from ops.actor import Actor
from ops.database import in_database
from ops.incidents import actions
from ops.incidents.models import StoredIncident
from ops.versions.models import VersionPeriod
from ops.vocabulary import timerange
from ops.vocabulary.timerange import DAY, HOUR, MINUTE
from tests.conftest import Person, SiteFile
from tests.dashboard.places import heading, text, words
from tests.fakes.jaeger import ANY_JAEGER, FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus
from tests.incidents.conftest import SITE, fired, logged_in

pytestmark = [pytest.mark.django_db(transaction=True), ANY_JAEGER]
PIECE = "/sites/production/incidents/1/traces/"


@pytest.fixture
async def site(site_file: SiteFile, jaeger: FakeJaeger, prometheus: FakePrometheus) -> None:
    own = f'[sites.production.jaeger]\naddress = "{jaeger.address}"\n'
    site_file(SITE.format(prometheus=prometheus) + own)


def failed_after_a_rollout(now: int) -> None:
    """QueueDeep fired from 23 to 4 minutes ago, two minutes after a rollout."""
    fired(4)
    for version, start, end in (("1.2.0", now - DAY, 25), ("1.3.0", now - 25 * MINUTE, 0)):
        VersionPeriod.objects.create(
            site="production", key=version, state=VersionPeriod.RUNS, start=start,
            end=now - end * MINUTE if end else None, service="petstore", instance="a",
            version=version,
        )  # fmt: skip
    StoredIncident.objects.update(begins=now - 23 * MINUTE)


def add(jaeger: FakeJaeger, start: int, version: str, error: str | None = None) -> None:
    own = {"service.version": version}
    for number in range(40):
        root = span("petstore", "SearchPets", start=start + number, error=error, resource=own)
        jaeger.add(trace(root))


async def test_it_compares_from_the_rollout_until_all_was_quiet(
    operator: Actor, bob: User, jaeger: FakeJaeger, site: None
) -> None:
    await actions.open_incident(operator, title="petstore slow", services=["petstore"])
    now = timerange.now_ns()
    await in_database(failed_after_a_rollout, now)
    add(jaeger, now - 50 * MINUTE, "1.2.0")
    add(jaeger, now - 20 * MINUTE, "1.3.0", "no price")
    add(jaeger, now - 2 * MINUTE, "1.3.0")

    [found] = await actions.show_causes(operator)
    browser = await in_database(logged_in, bob)
    piece = await browser.get(PIECE, headers={"HX-Request": "true"})
    written = (await browser.get("/sites/production/incidents/1/incident.md")).content.decode()

    compared, said = found.comparison, words(piece.content.decode())
    assert compared is not None
    assert abs(compared.now.start - (now - 25 * MINUTE)) < MINUTE, "the rollout"
    assert abs(compared.now.end - (now - 4 * MINUTE)) < MINUTE, "all was quiet"
    assert compared.before.end - compared.before.start == HOUR
    assert "petstore 1.3.0 fails 100% of 40 traces, 1.2.0 none of 40" in said
    assert "Error, deepest first" in said
    assert "In its traces, petstore 1.3.0 fails 100% of 40 traces" in written
    assert "| no price in SearchPets | 1.3.0 | 40 | [" in written


async def test_a_comparison_that_fails_is_a_sentence(
    operator: Actor, bob: User, jaeger: FakeJaeger, site: None
) -> None:
    await actions.open_incident(operator, title="petstore slow", services=["petstore", "store"])
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")

    page = await (await in_database(logged_in, bob)).get(PIECE)

    assert heading(page) == "Traces of incident 1"
    assert text(page).count("The traces were not compared") == 2


async def test_an_incident_without_a_service_asks_nobody(
    operator: Actor, person: Person, jaeger: FakeJaeger, site: None
) -> None:
    await actions.open_incident(operator, title="deploys fail")

    assert await actions.show_causes(operator) == ()
    assert jaeger.methods() == []


async def test_a_trace_is_pinned_by_its_id_or_a_link_to_it(
    operator: Actor, bob: User, jaeger: FakeJaeger, site: None
) -> None:
    await actions.open_incident(operator, title="petstore slow")
    ids = [number * 16 for number in ("4b", "17")]
    trace_id, another = (jaeger.add(trace(span("petstore", "Buy"), trace_id=id)) for id in ids)
    browser = await in_database(logged_in, bob)

    change = "/sites/production/incidents/1/change/"
    link = f"https://ops.example.com/traces/{trace_id}/?span=1"
    for pasted in (link, trace_id, another):
        await browser.post(change, {"trace": pasted})
    unknown = await browser.post(change, {"trace": "ab" * 16})
    garbage = await browser.post(change, {"trace": "not an ID"})

    pins = (await actions.show_incident(operator)).pins
    assert [(each.text, each.author) for each in pins] == [(trace_id, "bob"), (another, "bob")]
    assert (unknown.status_code, garbage.status_code) == (404, 400)
