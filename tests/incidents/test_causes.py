"""How the traces of an incident's services differ from the hour before: a piece of its page."""

import re

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


async def test_a_service_fills_in_its_lane_and_asks_jaeger_twice_at_most(
    operator: Actor, bob: User, jaeger: FakeJaeger, site: None
) -> None:
    await actions.open_incident(operator, title="petstore slow", services=["petstore", "store"])
    now = timerange.now_ns()
    await in_database(failed_after_a_rollout, now)
    add(jaeger, now - 30 * MINUTE, "1.2.0")
    add(jaeger, now - 20 * MINUTE, "1.3.0", "no price")
    browser = await in_database(logged_in, bob)

    page = (await browser.get("/sites/production/incidents/1/")).content.decode()
    assert jaeger.methods() == [], "the page does not wait for traces"
    pieces = re.findall(r'hx-get="(/sites/production/incidents/1/traces/[^"]*)"', page)
    answer = await browser.get(pieces[0], headers={"HX-Request": "true"})
    methods = jaeger.methods()
    shown = await browser.get(PIECE)

    assert pieces == [f"{PIECE}?service=petstore", f"{PIECE}?service=store"]
    placeholder = 'aria-label="petstore failing share: not read yet"'
    assert f'<svg class="track" id="failing-petstore" data-kept role="group" {placeholder}' in page
    [lane] = re.findall(r'<svg class="track" id=.*', answer.content.decode())
    assert 'id="failing-petstore" data-kept hx-swap-oob="true"' in lane
    assert "50% of 80 traces failed, at most 100% of 40 traces failed" in lane
    assert "100% of 40 traces failed" in lane and "none of 40 traces failed" in lane
    assert methods == ["FindTraces", "FindTraces"]
    assert heading(shown) == "Traces of incident 1"
    assert "petstore failing share" in text(shown) and "store failing share" in text(shown)
    assert "hx-swap-oob" not in shown.content.decode()


async def test_a_lane_is_unknown_if_the_traces_cannot_be_read(
    operator: Actor, bob: User, jaeger: FakeJaeger, site: None
) -> None:
    await actions.open_incident(operator, title="petstore slow", services=["petstore"])
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")

    browser = await in_database(logged_in, bob)
    piece = await browser.get(f"{PIECE}?service=petstore", headers={"HX-Request": "true"})

    said = piece.content.decode()
    assert 'aria-label="petstore failing share: no traces looked at"' in said
    assert 'class="column ' not in said


async def test_three_services_are_compared_and_the_others_are_named(
    operator: Actor, bob: User, jaeger: FakeJaeger, site: None, site_file: SiteFile
) -> None:
    names = ["a", "b", "c", "d"]
    services = "".join(f"[sites.production.services.{each}]\n" for each in names)
    site_file(
        f'[sites.production]\njaeger = {{ address = "{jaeger.address}" }}\n{services}'
        "[sites.staging]\n"
    )
    await actions.open_incident(operator, title="slow", services=names)
    browser = await in_database(logged_in, bob)

    page = await browser.get("/sites/production/incidents/1/")
    other = await browser.get(f"{PIECE}?service=d")

    assert "Not compared, because there are too many services: d" in text(page)
    assert [each.service for each in await actions.show_causes(operator)] == ["a", "b", "c"]
    assert other.status_code == 404
    assert 'the traces of "d" are not compared in this incident' in text(other)


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
