"""Sampling: the present state, a change in two steps, what each instance said."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from django.test import AsyncClient
from pytest_django import Settings

from ops.audit.models import AuditEntry
from ops.database import in_database
from tests.conftest import Person, SiteFile
from tests.dashboard.conftest import logged_in
from tests.dashboard.places import Place, field, heading, link, text
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, span, trace
from tests.sampling.test_timed import time_passes

SAMPLING = "/sites/production/sampling/"
CHANGE = f"{SAMPLING}change/"
TEN = {"service": "petstore", "strategy": "rate", "rate": "10%"}
pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_says_what_is_not_known_yet(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(SAMPLING)

    assert heading(page) == "Sampling of petstore is unknown"
    assert "no change sent yet" in text(page)
    assert "No changes yet" in text(page)


async def test_a_change_is_shown_before_it_is_made(place: Place, operator: AsyncClient) -> None:
    page = await operator.get(CHANGE, TEN)

    assert heading(page) == "Set sampling of petstore to 10%?"
    assert "unknown → 10% 2 instances" in text(page)
    assert "Set petstore to 10% on 2 instances" in text(page)
    assert place.first.told == place.second.told == []


async def test_the_same_again_is_called_that(place: Place, operator: AsyncClient) -> None:
    await operator.post(CHANGE, TEN)
    page = await operator.get(CHANGE, TEN)

    assert heading(page) == "petstore is already at 10%. Send it again?"


async def test_a_change_reaches_every_instance_and_names_each(
    place: Place, operator: AsyncClient
) -> None:
    answer = await operator.post(CHANGE, TEN)
    page = await operator.get(answer["Location"])

    assert answer.status_code == 302
    assert heading(page) == "petstore is sampled at 10% on 2 of 2 instances"
    assert f"{place.first.address} confirmed" in text(page)
    assert "Instances 2 of 2 confirmed" in text(page)
    assert place.first.told == place.second.told == [("STFloat", 0.1)]
    assert "olga from the browser" in text(page)
    rows = [row async for row in AuditEntry.objects.order_by("seq")]
    assert [(row.action, row.outcome, row.door) for row in rows] == [
        ("sampling.change_policy", "started", "browser"),
        ("sampling.change_policy", "ok", "browser"),
    ]


async def test_a_change_for_a_while_says_why_and_what_it_returns_to(
    place: Place, operator: AsyncClient
) -> None:
    await operator.post(CHANGE, TEN)
    page = await operator.get(SAMPLING)
    assert '<option value="30m" selected>' in page.content.decode(), "there is a way back"
    always = {**TEN, "strategy": "always", "term": "15m", "reason": "SlowSearch since 1.3.0"}
    asked = await operator.get(CHANGE, always)
    assert "Set petstore to always on 2 instances for 15 min" in text(asked)
    assert "At the end, petstore returns to 10%. If OpsPortal is away then," in text(asked)
    for name in ("term", "reason"):
        assert field(asked, name) == always[name], "the button sends it along"
    await operator.post(CHANGE, always)
    page = await operator.get(SAMPLING)
    assert "set by olga from the browser at" in text(page)
    assert "SlowSearch since 1.3.0" in text(page)
    assert "returns to 10% at" in text(page)
    assert "All others keep their last rate until it is back" in text(page)
    assert "Return to 10% now" in text(page)
    assert text(page).count("Go back to this") == 1, "not to what is in force"
    back = await operator.post(f"{SAMPLING}revert/", {"service": "petstore", "revision": "0"})
    page = await operator.get(back["Location"])
    assert "always → 10% : 2 of 2 instances confirmed" in text(page)
    assert place.first.told[-1] == ("STFloat", 0.1)


async def test_a_change_until_a_time_of_day_ends_at_that_moment(
    place: Place, operator: AsyncClient
) -> None:
    await operator.post(CHANGE, TEN)
    clock = f"{datetime.now(UTC) + timedelta(hours=2):%H:%M}"
    always = {**TEN, "strategy": "always", "term": "30m", "until": clock}
    asked = await operator.get(CHANGE, always)
    end = field(asked, "until")
    assert re.fullmatch(rf"20\d\d-\d\d-\d\dT{clock}:00Z", end), "the same tomorrow"
    assert f"Set petstore to always on 2 instances until {end}" in text(asked)
    await operator.post(CHANGE, {**always, "until": end})
    assert f"{clock}:00 UTC" in heading(await operator.get(SAMPLING))
    operator.cookies["zone"] = "Asia/Tokyo"
    tokyo = await operator.get(CHANGE, {**always, "until": "6 pm"})
    assert field(tokyo, "until").endswith("T09:00:00Z")
    wrong = await operator.get(CHANGE, {**always, "until": "soon"})
    assert wrong.status_code == 400
    assert 'id="id_until_error"' in wrong.content.decode()


async def test_going_back_to_a_revision_takes_one_click(
    place: Place, operator: AsyncClient, viewer: AsyncClient
) -> None:
    for rate in ("10%", "20%"):
        await operator.post(CHANGE, {**TEN, "rate": rate})
    page = await operator.get(SAMPLING)
    [first] = re.findall(r'form="back" name="revision" value="(\d+)"', page.content.decode())
    back = {"service": "petstore", "revision": first}
    assert (await viewer.post(f"{SAMPLING}revert/", back)).status_code == 403
    unknown = {**back, "revision": "9" * 9}
    assert (await operator.post(f"{SAMPLING}revert/", unknown)).status_code == 404
    page = await operator.get((await operator.post(f"{SAMPLING}revert/", back))["Location"])
    assert "20% → 10% : 2 of 2 instances confirmed" in text(page)
    assert len(re.findall(r'form="back" name="revision"', page.content.decode())) == 2
    assert (await operator.get(f"{SAMPLING}revert/"))["Location"] == SAMPLING


@ANY_JAEGER
async def test_each_service_has_a_line_and_what_ends_counts_down(
    place: Place, operator: AsyncClient
) -> None:
    await operator.post(CHANGE, TEN)
    always = {**TEN, "strategy": "always", "term": "15m", "reason": "SlowSearch"}
    await operator.post(CHANGE, always)
    page = await operator.get(SAMPLING)
    said = text(page)
    assert "UTC , in 14 min , then 10% olga from the browser: SlowSearch 2 of 2 unknown" in said
    assert "store no instances" not in said
    assert "store not set" in said
    [second, first] = re.findall(r'data-label="revision">(\d+)', page.content.decode())
    assert int(second) > int(first)
    assert f"revision {second}, set by olga" in said
    assert re.search(r'data-age="left" aria-live="off">in 14 min<', page.content.decode())
    overview = text(await operator.get("/sites/production/"))
    assert "always · 2 of 2 · 10% in 14 min" in overview


async def test_every_page_of_who_made_it_in_the_browser_offers_more_time(
    place: Place, operator: AsyncClient, person: Person
) -> None:
    ann = await in_database(lambda: logged_in(person("ann", "operators")))
    await operator.post(CHANGE, TEN)
    await operator.post(CHANGE, {**TEN, "strategy": "always", "term": "15m"})
    versions = "/sites/production/versions/"
    page = (await operator.get(versions)).content.decode()
    assert re.search(r'class="notice warn ending own"[^>]* hidden>', page)
    assert "15 minutes more" not in text(await ann.get(versions))
    assert "15 minutes more" not in text(await operator.get("/sites/staging/versions/"))
    await ann.post(CHANGE, TEN)
    async with asyncio.timeout(30):  # it may be a second old
        while "15 minutes more" in text(await operator.get(versions)):
            pass


async def test_it_offers_more_time_shortly_before_the_end(
    place: Place, operator: AsyncClient, viewer: AsyncClient
) -> None:
    await operator.post(CHANGE, TEN)
    always = {**TEN, "strategy": "always", "term": "15m", "reason": "SlowSearch"}
    await operator.post(CHANGE, always)
    early = (await operator.get(SAMPLING)).content.decode()
    assert re.search(r'class="notice warn ending"[^>]* hidden>', early), "it is not about to end"
    await time_passes(minutes=12.5)
    page = await operator.get(SAMPLING)
    assert "petstore returns to 10% in 2 min" in text(page)
    assert not re.search(r'class="notice warn ending"[^>]* hidden>', page.content.decode())
    said = text(await viewer.get(SAMPLING))
    assert "petstore returns to 10% in 2 min" in said
    assert "15 minutes more" not in said

    more = {"service": "petstore", "revision": field(page, "revision")}
    assert (await viewer.post(f"{SAMPLING}longer/", more)).status_code == 403
    for wrong in ("", "ten", "9" * 30):
        refused = await operator.post(f"{SAMPLING}longer/", {**more, "revision": wrong})
        assert refused.status_code == 400
    answer = await operator.post(f"{SAMPLING}longer/", more)
    page = await operator.get(answer["Location"])
    assert "always → always : 2 of 2 instances confirmed" in text(page)
    assert "Ends in 17 min" in text(page)
    assert "SlowSearch" in text(page)
    again = await operator.post(f"{SAMPLING}longer/", more)
    assert again.status_code == 409
    assert "is not in force any more" in text(again)


@ANY_JAEGER
async def test_the_traces_that_are_kept_are_counted(place: Place, operator: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "SearchPets")))
    place.prometheus.says("requests", ({}, 40.0))
    await operator.post(CHANGE, TEN)
    async with asyncio.timeout(30):
        while "2 of 2 4 store" not in text(await operator.get(SAMPLING)):
            pass


@pytest.fixture
def asking(place: Place, site_file: SiteFile, settings: Settings) -> None:
    """Services can ask for their sampling; the store's only do that."""
    remote = '[sites.production.remote]\ndefault_sampling = "1%"\n'
    site_file(Path(settings.SITES_FILE).read_text() + remote)


async def test_operations_have_rates_of_their_own_where_instances_ask(
    place: Place, operator: AsyncClient, asking: None
) -> None:
    lines = "GET /health = 0.1%\n\nGET /=never"
    store = {**TEN, "service": "store", "operations": lines}
    asked = await operator.get(CHANGE, store)
    said = "Set store to 10%, but GET / 0%, GET /health 0.1%"
    assert said in text(asked)
    assert "2 operations have a rate of their own." in text(asked)
    assert f">{lines}</textarea>" in asked.content.decode(), "the button sends them along"
    await operator.post(CHANGE, store)
    page = await operator.get(SAMPLING, {"service": "store"})
    assert heading(page) == "store is sampled at 10%, but GET / 0%, GET /health 0.1%"
    ended = await operator.get(CHANGE, {**store, "operations": ""})
    assert "Operations no longer have rates of their own." in text(ended)
    for wrong in ("GET /", "GET /=5/s", "GET /=2"):
        page = await operator.get(CHANGE, {**store, "operations": wrong})
        assert page.status_code == 400
        assert 'id="id_operations_error"' in page.content.decode()
    assert 'name="operations"' not in (await operator.get(SAMPLING)).content.decode()


async def test_it_asks_what_follows_if_nothing_is_permanent(
    place: Place, operator: AsyncClient
) -> None:
    always = {**TEN, "strategy": "always", "term": "15m"}
    page = await operator.get(CHANGE, always)
    assert page.status_code == 400
    assert "petstore has no permanent sampling to return to; say what follows" in text(page)
    page = await operator.get(CHANGE, {**always, "then": "sometimes"})
    assert page.status_code == 400
    assert "is not a sampling policy" in text(page)
    await operator.post(CHANGE, {**always, "then": "1%"})
    assert "returns to 1% at" in text(await operator.get(SAMPLING))


async def test_an_instance_that_refused_is_named_with_its_reason(
    place: Place, operator: AsyncClient
) -> None:
    place.second.fails = grpc.StatusCode.UNAVAILABLE

    answer = await operator.post(CHANGE, TEN)
    page = await operator.get(answer["Location"])

    said = text(page)
    assert "10% on 1" in heading(page)
    assert heading(page) == "petstore is sampled at 10% on 1 of 2 instances"
    assert "1 of 2 instances confirmed" in said
    assert f"{place.first.address} confirmed" in said
    assert f"{place.second.address} confirmed" not in said


@pytest.mark.parametrize("rate", ["0", "1.5", "nan", "-1", "", "10", "ten"])
async def test_a_bad_rate_is_refused_beside_its_field_and_kept(
    place: Place, operator: AsyncClient, rate: str
) -> None:
    shown = await operator.get(CHANGE, {**TEN, "rate": rate})
    sent = await operator.post(CHANGE, {**TEN, "rate": rate})

    for page in (shown, sent):
        assert page.status_code == 400
        assert field(page, "rate") == rate
        assert "accepted: never, always, or a rate above 0 and up to 1" in text(page)
    assert place.first.told == []


async def test_an_unknown_strategy_is_refused(place: Place, operator: AsyncClient) -> None:
    page = await operator.post(CHANGE, {"service": "petstore", "strategy": "sometimes"})

    assert page.status_code == 400
    assert place.first.told == []


async def test_who_may_only_look_sees_no_form_and_changes_nothing(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get(SAMPLING)
    preview = await viewer.get(CHANGE, TEN)
    answer = await viewer.post(CHANGE, TEN)

    assert "Preview change" not in text(page)
    assert "the operators group" in text(page)
    assert "Set petstore" not in text(preview)
    assert "the operators group" in text(preview)
    assert answer.status_code == 403
    assert heading(answer) == "Permission required"
    assert place.first.told == []
    row = await AuditEntry.objects.aget()
    assert (row.actor, row.action, row.outcome) == (
        "victor", "sampling.change_policy", "denied",
    )  # fmt: skip


async def test_a_service_without_instances_says_so(place: Place, operator: AsyncClient) -> None:
    page = await operator.get(SAMPLING, {"service": "store"})
    answer = await operator.post(CHANGE, {**TEN, "service": "store"})

    assert heading(page) == "store has no instances to sample"
    assert answer.status_code == 409
    assert "has no instances" in text(answer)


async def test_an_unknown_service_is_refused_in_words(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(SAMPLING, {"service": "petstor"})

    assert page.status_code == 404
    assert 'did you mean "petstore"?' in text(page)


async def test_an_auditor_is_led_to_the_rows_of_a_change(
    place: Place, operator: AsyncClient, auditor: AsyncClient
) -> None:
    await operator.post(CHANGE, TEN)

    page = await auditor.get(SAMPLING)

    assert link(page, "rows").startswith("/audit/?request=")


async def test_a_form_from_elsewhere_changes_nothing(place: Place, operator: AsyncClient) -> None:
    operator.handler.enforce_csrf_checks = True

    answer = await operator.post(CHANGE, TEN)

    assert answer.status_code == 403
    assert heading(answer) == "This form has expired"
    assert place.first.told == []


@pytest.mark.parametrize(
    ("chosen", "strategy", "rate"),
    [
        ({"strategy": "rate", "rate": "2.5%"}, "rate", "2.5%"),
        ({"strategy": "always"}, "always", ""),
        ({"strategy": "never"}, "never", ""),
    ],
)
async def test_the_form_begins_with_what_runs(
    place: Place, operator: AsyncClient, chosen: dict[str, str], strategy: str, rate: str
) -> None:
    await operator.post(CHANGE, {"service": "petstore", **chosen})

    page = await operator.get(SAMPLING)

    assert f'<option value="{strategy}" selected>' in page.content.decode()
    assert field(page, "rate") == rate


async def test_the_form_begins_with_what_is_in_force_where_instances_differ(
    place: Place, operator: AsyncClient
) -> None:
    await operator.post(CHANGE, {**TEN, "rate": "5%"})
    place.second.fails = grpc.StatusCode.UNAVAILABLE
    await operator.post(CHANGE, TEN)

    assert field(await operator.get(SAMPLING), "rate") == "10%"
    asked = await operator.get(CHANGE, {**TEN, "rate": "20%"})
    assert "instances differ so far: " in text(asked)


@pytest.mark.parametrize(
    ("before", "typed", "said"),
    [
        (None, TEN, "Keeps 10% of the traces that start in petstore; the current setting is"),
        ("1%", TEN, "petstore; 10 times as many as the last setting, 1%."),
        ("20%", TEN, "1/2 of the last setting, 20%."),
        ("5%", TEN, "twice as many as the last setting, 5%."),
        ("10%", TEN, "the same rate as the last setting."),
        ("10%", {"strategy": "never"}, "petstore; the last setting keeps 10%."),
        (
            "10%",
            {"strategy": "always"},
            "Keeps all traces that start in petstore; 10 times",
        ),
        ("10%", {"strategy": "rate", "rate": ""}, "Enter a rate to see its effect."),
        ("10%", {"strategy": "rate", "rate": "11"}, "a rate above 0 and up to 1"),
    ],
)
async def test_the_effect_is_said_while_one_types(
    place: Place, operator: AsyncClient, before: str | None, typed: dict[str, str], said: str
) -> None:
    if before:
        await operator.post(CHANGE, {**TEN, "rate": before})
    told = list(place.first.told)

    piece = await operator.get(f"{SAMPLING}effect/", {"service": "petstore", **typed})

    assert said in piece.content.decode()
    assert place.first.told == told


async def test_the_preview_says_the_effect(place: Place, operator: AsyncClient) -> None:
    await operator.post(CHANGE, TEN)

    page = await operator.get(CHANGE, {**TEN, "rate": "50%"})

    assert "Keeps 50% of the traces that start in petstore; 5 times as many" in text(page)


@EITHER_JAEGER
async def test_the_preview_says_the_volume(place: Place, operator: AsyncClient) -> None:
    await operator.post(CHANGE, TEN)
    for children in (1, 3):
        inner = [span("store", "query") for _ in range(children)]
        place.jaeger.add(trace(span("petstore", "Search", children=inner)))
    place.prometheus.says("requests", ({}, 42.0))

    page = await operator.get(CHANGE, {"service": "petstore", "strategy": "always"})

    said = text(page)
    assert "At 42 requests/s: 4.2 → 42 traces/s, 13 → 126 spans/s" in said
    assert "petstore starts these traces; store follows its decision." in said


@pytest.mark.parametrize("given", [{}, {"service": "petstore"}])
async def test_a_change_without_a_strategy_leads_to_the_form(
    place: Place, operator: AsyncClient, given: dict[str, str]
) -> None:
    page = await operator.get(CHANGE, given, follow=True)

    assert page.status_code == 200
    assert "Change petstore" in text(page)
    assert "Preview change" in text(page)
