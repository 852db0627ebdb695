"""A request for a change: shown to all who see sampling, decided by who may."""

import asyncio

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient
from django.utils import timezone

from ops.actor import Actor, Door
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.requests import actions
from ops.requests.models import ChangeRequest
from ops.sampling.terms import Term
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, rate
from tests.conftest import Person
from tests.dashboard.places import Place, heading, link, text, words
from tests.fakes.jaeger import ANY_JAEGER

SAMPLING = "/sites/production/sampling/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def asked(place: Place, operator: AsyncClient) -> str:
    """Olga asked in Slack for a change; the address of its page."""
    olga = await in_database(User.objects.get, username="olga")
    actor = Actor(olga.pk, "olga", Door.SLACK)
    request = await actions.ask(actor, policy=rate(0.25), service="petstore")
    assert isinstance(request, actions.RequestedChange)
    return f"{SAMPLING}requests/{request.key}/"


@pytest.fixture
async def approver(person: Person) -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(await in_database(person, "ada", "approvers", "viewers"))
    return client


async def test_it_is_found_on_the_page_of_sampling(
    place: Place, viewer: AsyncClient, asked: str
) -> None:
    page = await viewer.get(SAMPLING)
    assert "Requested petstore: unknown → 25% by olga from Slack" in text(page)
    assert link(page, "petstore: unknown → 25%") == asked
    shown = await viewer.get(asked)
    assert heading(shown) == "Set sampling of petstore to 25%?"
    assert "Keeps 25% of the traces that start in petstore" in text(shown)
    assert "Only olga and approvers can apply or cancel this request." in text(shown)


@pytest.mark.parametrize("name", ["operator", "approver"])
async def test_it_is_applied_by_who_asked_or_approves(
    place: Place, asked: str, operator: AsyncClient, approver: AsyncClient, name: str
) -> None:
    client = {"operator": operator, "approver": approver}[name]
    assert "Apply to 2 instances" in text(await client.get(asked))
    answer = await client.post(asked, {"decision": "apply"})
    page = await client.get(answer["Location"])
    assert heading(page) == "Sampling of petstore was changed to 25% on 2 of 2 instances"
    assert "unknown → 25% : 2 of 2 instances confirmed" in text(page)
    assert place.first.told == place.second.told == [("STFloat", 0.25)]
    again = await client.get((await client.post(asked, {"decision": "cancel"}))["Location"])
    assert heading(again) == heading(page)
    assert "Requested" not in text(await client.get(SAMPLING))


async def test_it_says_for_how_long_why_and_what_follows(
    place: Place, operator: AsyncClient, asked: str
) -> None:
    await operator.post(asked, {"decision": "apply"})
    olga = await in_database(User.objects.get, username="olga")
    term, reason = Term(15 * timerange.MINUTE), "SlowSearch since 1.3.0"
    request = await actions.ask(
        Actor(olga.pk, "olga", Door.SLACK), policy=ALWAYS, service="petstore", term=term,
        reason=reason,
    )  # fmt: skip
    assert isinstance(request, actions.RequestedChange)
    address = f"{SAMPLING}requests/{request.key}/"
    page = await operator.get(address)
    assert "For 15 min, then its permanent sampling again · “ SlowSearch since 1.3.0 ”" in text(
        page
    )
    await operator.post(address, {"decision": "apply"})
    assert "Ends in 14 min , at " in text(await operator.get(address))
    back = {"service": "petstore", "strategy": "never"}
    await operator.post(f"{SAMPLING}change/", back)
    assert "Was set until" in text(await operator.get(address)), "it ended before"


async def test_it_is_cancelled(place: Place, operator: AsyncClient, asked: str) -> None:
    page = await operator.get((await operator.post(asked, {"decision": "cancel"}))["Location"])
    assert heading(page) == "Cancelled: sampling of petstore was not changed"
    assert "cancelled by olga" in text(page)
    assert place.first.told == []


async def test_it_is_decided_by_nobody_else(place: Place, viewer: AsyncClient, asked: str) -> None:
    for decision in ("apply", "cancel"):
        answer = await viewer.post(asked, {"decision": decision})
        assert heading(answer) == "Permission required"
    assert place.first.told == []
    assert {row.outcome async for row in AuditEntry.objects.all()} == {"denied"}


async def test_another_decision_is_refused(operator: AsyncClient, asked: str) -> None:
    answer = await operator.post(asked, {"decision": "<b>maybe"})
    assert answer.status_code == 400
    assert "is not a decision; accepted: apply or cancel" in text(answer)
    assert (await operator.get(asked)).status_code == 200


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("applying", "Changing sampling of petstore to 25%"),
        ("failed", "Sampling of petstore could not be changed"),
        ("unknown", "We don't know whether sampling of petstore was changed"),
        ("expired", "Expired: sampling of petstore was not changed"),
        ("cancelled", "Cancelled: sampling of petstore was not changed"),
    ],
)
async def test_it_says_what_has_become_of_it(
    place: Place, viewer: AsyncClient, asked: str, state: str, said: str
) -> None:
    why = {"problem": "<i>no such host</i>", "problem_kind": "BackendUnavailable"}
    await in_database(ChangeRequest.objects.update, state=state, decided_at=timezone.now(), **why)
    page = await viewer.get(asked)
    assert heading(page) == said
    assert "<i>no such host" not in page.content.decode()
    assert "Apply" not in text(page)


async def test_one_that_is_not_there_is_not_found(place: Place, viewer: AsyncClient) -> None:
    answer = await viewer.get(f"{SAMPLING}requests/3f9a1c7e2b/")
    assert answer.status_code == 404
    assert 'there is no request "3f9a1c7e2b"' in text(answer)


@pytest.fixture
async def above(ceiling: Place, operator: AsyncClient) -> str:
    """Olga asked in the browser for a change above the ceiling; the address of its page."""
    change = {"service": "petstore", "strategy": "always", "reason": "<b>slow"}
    answer = await operator.post(f"{SAMPLING}change/", {**change, "ask": "1"})
    address: str = answer["Location"]
    return address


OVER = "Over petstore's ceiling of 50 traces/s: about 200 traces/s. "


@ANY_JAEGER
async def test_the_overview_shows_it_to_those_who_may_approve(
    above: str, operator: AsyncClient, approver: AsyncClient
) -> None:
    page = await approver.get("/sites/production/")
    said = "Waiting for approval sampling petstore: unknown → always by olga from the browser"
    assert said in text(page)
    assert link(page, "petstore: unknown → always") == above
    assert "Waiting for approval" not in text(await operator.get("/sites/production/"))
    await approver.post(above, {"decision": "apply"})
    assert "Waiting for approval" not in text(await approver.get("/sites/production/"))


@ANY_JAEGER
async def test_the_overview_does_not_show_what_needs_no_approval(
    asked: str, approver: AsyncClient
) -> None:
    assert "Waiting for approval" not in text(await approver.get("/sites/production/"))


async def test_a_change_above_the_ceiling_says_beforehand_that_it_needs_approval(
    ceiling: Place, operator: AsyncClient
) -> None:
    always = {"service": "petstore", "strategy": "always"}
    for address in ("effect/", "change/"):
        page = await operator.get(f"{SAMPLING}{address}", always)
        said = words(page.content.decode())
        assert f"{OVER}Somebody else has to approve this change." in said
    assert "Ask for approval of always" in text(page)
    assert "Set petstore to" not in text(page)
    alone = await operator.post(f"{SAMPLING}change/", always)
    assert alone.status_code == 409
    assert "Ask for the change on the sampling page" in text(alone)
    assert ceiling.first.told == []


async def test_it_waits_for_somebody_else(
    place: Place, operator: AsyncClient, viewer: AsyncClient, approver: AsyncClient, above: str
) -> None:
    assert "needs approval by somebody else until" in text(await viewer.get(SAMPLING))
    asker, other, looker = [await each.get(above) for each in (operator, approver, viewer)]
    for page in (asker, other, looker):
        assert heading(page) == "Waiting for approval: sampling of petstore from unknown to always"
        assert f"{OVER}Somebody else with the right to approve has 10 minutes." in text(page)
        assert "At 200 requests/s: up to 200 traces/s." in text(page)
        assert "“ <b>slow ”" in text(page)
    assert "Withdraw" in text(asker) and "Approve for" not in text(asker)
    assert "Approve for 2 instances Refuse" in text(other) and "Withdraw" not in text(other)
    assert "Only approvers can approve or refuse this request" in text(looker)

    refused = await operator.post(above, {"decision": "apply"})
    assert "somebody else must approve it; you can only withdraw it" in text(refused)
    assert place.first.told == []


async def test_it_is_approved_by_somebody_else(
    place: Place, operator: AsyncClient, approver: AsyncClient, above: str
) -> None:
    await approver.post(above, {"decision": "apply", "reason": ""})
    page = await operator.get(above)
    assert heading(page) == "Sampling of petstore was changed to always on 2 of 2 instances"
    assert "requested by olga" in text(page) and "· approved by ada" in text(page)


async def test_the_pages_of_who_asked_offer_more_time_as_well(
    ceiling: Place, operator: AsyncClient, approver: AsyncClient, viewer: AsyncClient
) -> None:
    change = {"service": "petstore", "strategy": "always", "term": "15m", "then": "10%"}
    answer = await operator.post(f"{SAMPLING}change/", {**change, "ask": "1"})
    versions = "/sites/production/versions/"
    assert "15 minutes more" not in text(await operator.get(versions))
    await approver.post(answer["Location"], {"decision": "apply", "reason": ""})
    async with asyncio.timeout(30):  # it may be a second old
        while "15 minutes more" not in text(await operator.get(versions)):
            pass
    assert "15 minutes more" not in text(await viewer.get(versions))


@pytest.mark.parametrize(
    ("name", "said"), [("approver", "refused by ada"), ("operator", "withdrawn by olga")]
)
async def test_it_is_refused_or_withdrawn_with_a_reason(
    place: Place, operator: AsyncClient, approver: AsyncClient, above: str, name: str, said: str
) -> None:
    client = {"operator": operator, "approver": approver}[name]
    await client.post(above, {"decision": "cancel", "reason": "<i>no"})
    page = await operator.get(above)
    assert said in text(page)
    assert "“ <i>no ”" in text(page)
    how, _, _ = said.partition(" ")
    assert heading(page) == f"{how.capitalize()}: sampling of petstore was not changed"
    assert place.first.told == []
