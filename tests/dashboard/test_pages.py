"""What all pages share: log-in, sites, zones, errors, the frame."""

import pytest
from axes.models import AccessAttempt
from django.core import mail
from django.test import AsyncClient
from pytest_django import Settings

import ops.errors
from ops.audit.models import AuditEntry
from ops.errors import NotFound, OpsError
from opsportal.dashboard.errors import RENDERINGS, rendering
from opsportal.dashboard.urls import pages
from tests.conftest import Person
from tests.dashboard.places import Place, heading, link, links, text
from tests.fakes.jaeger import ANY_JAEGER

pytestmark = pytest.mark.django_db(transaction=True)
PATHS = [
    str(page.pattern)
    .replace("<str:trace_id>", "ab" * 16)
    .replace("<int:row>", "0")
    .replace("<str:fingerprint>", "ab" * 10)
    .replace("<str:key>", "3f9a1c7e2b")
    .replace("<str:service>", "petstore")
    .replace("<int:number>", "1")
    for page in pages
]
WRITING = (
    "alerts/abababababababababab/sample/",
    "alerts/have/",
    "alerts/silences/change/",
    "alerts/silences/new/",
    "alerts/subscriptions/",
    "alerts/subscriptions/end/",
    "incidents/1/change/",
    "incidents/1/sample/",
    "incidents/new/",
    "sampling/change/",
    "sampling/longer/",
    "sampling/requests/3f9a1c7e2b/",
    "sampling/revert/",
    "services/petstore/sample/",
    "traces/forget/",
)
ONES_OWN = ("traces/step/", "traces/forget/")  # what one types or typed, of operations nothing


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_asks_a_stranger_to_log_in(
    place: Place, stranger: AsyncClient, path: str
) -> None:
    answer = await stranger.get(f"/{path}")

    assert answer.status_code == 302
    assert answer["Location"] == f"/account/login/?next=/{path}"


async def test_a_piece_of_a_page_makes_the_whole_page_ask(
    place: Place, stranger: AsyncClient
) -> None:
    answer = await stranger.get("/alerts/badge/", headers={"HX-Request": "true"})

    assert answer["HX-Refresh"] == "true"
    assert answer.content == b""


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ONES_OWN])
async def test_every_page_refuses_whoever_has_no_right_in_words(
    place: Place, newcomer: AsyncClient, path: str
) -> None:
    data = {"strategy": "always", "service": "petstore"}

    page = await newcomer.get(f"/{path}", data)

    assert page.status_code == 403
    assert heading(page) == "Permission required"
    assert page["X-Request-ID"] in text(page)
    assert "Traces" not in [word for word, _ in links(page)]


@ANY_JAEGER
@pytest.mark.parametrize("path", PATHS)
async def test_no_page_is_kept_by_caches(place: Place, viewer: AsyncClient, path: str) -> None:
    answer = await viewer.get(f"/{path}", {"strategy": "always", "service": "petstore"})

    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("path", PATHS)
async def test_only_these_pages_write(place: Place, viewer: AsyncClient, path: str) -> None:
    posted = await viewer.post(f"/{path}")
    deleted = await viewer.delete(f"/{path}")

    assert (posted.status_code != 405) is (path in WRITING)
    assert deleted.status_code == 405


def test_every_error_has_a_rendering() -> None:
    public = {kind for kind in vars(ops.errors).values() if isinstance(kind, type)}

    assert set(RENDERINGS) == {kind for kind in public if issubclass(kind, OpsError)}


def test_an_error_of_a_narrower_kind_is_shown_as_the_nearest() -> None:
    class Odd(NotFound):
        pass

    assert rendering(Odd("x")) is RENDERINGS[NotFound]


async def test_several_sites_can_be_switched_on_the_same_page(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get("/sites/production/versions/")

    assert link(page, "staging") == "/sites/staging/versions/"


async def test_a_site_that_is_not_there_is_said(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get("/sites/stagin/versions/")

    assert page.status_code == 404
    assert 'did you mean "staging"?' in text(page)


async def test_times_stand_in_the_viewers_zone_too(place: Place, viewer: AsyncClient) -> None:
    plain = await viewer.get("/versions/")
    viewer.cookies["zone"] = "Asia%2FKolkata"
    indian = await viewer.get("/versions/")
    viewer.cookies["zone"] = "../../etc/passwd"
    hostile = await viewer.get("/versions/")

    assert "Kolkata)" not in text(plain)
    assert "Kolkata)" in text(indian)
    assert hostile.status_code == 200


async def test_the_zone_is_chosen_without_a_script(place: Place, viewer: AsyncClient) -> None:
    answer = await viewer.post("/account/", {"zone": "Europe/Paris"})
    page = await viewer.get("/account/")
    wrong = await viewer.post("/account/", {"zone": "Mars/Base"})

    assert answer.status_code == 302
    assert "Paris)" in text(page)
    assert heading(page) == "Logged in as victor"
    assert wrong.status_code == 400


async def test_the_audit_log_is_shown_to_whom_it_may_concern(
    place: Place, viewer: AsyncClient, auditor: AsyncClient
) -> None:
    assert "Audit" not in [word for word, _ in links(await viewer.get("/versions/"))]
    assert link(await auditor.get("/versions/"), "Audit") == "/audit/"


async def test_a_page_that_is_not_there_has_its_request_id(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get("/nowhere/")

    assert page.status_code == 404
    assert heading(page) == "Page not found"
    assert page["X-Request-ID"] in text(page)


@ANY_JAEGER
async def test_no_page_has_inline_scripts_or_styles(place: Place, viewer: AsyncClient) -> None:
    for path in PATHS:
        html = (await viewer.get(f"/{path}")).content.decode()
        assert "<style" not in html
        assert "style=" not in html
        assert "<script>" not in html
        assert " onclick" not in html


async def test_log_in_leads_where_one_wanted_to_go(
    place: Place, stranger: AsyncClient, person: Person
) -> None:
    page = await stranger.get("/account/login/?next=/versions/")

    assert heading(page) == "Log in"
    assert 'value="/versions/"' in page.content.decode()


async def test_wrong_passwords_lock_the_name_out(place: Place, viewer: AsyncClient) -> None:
    stranger = AsyncClient()
    wrong = {"username": "victor", "password": "guess <b>"}

    answers = [await stranger.post("/account/login/", wrong) for _ in range(6)]

    assert "Please enter a correct username and password" in text(answers[0])
    assert answers[-1].status_code == 429
    assert heading(answers[-1]) == "Too many attempts"
    assert "15 minutes" in text(answers[-1])


async def test_a_name_longer_than_any_is_a_wrong_one(place: Place, viewer: AsyncClient) -> None:
    """PostgreSQL would refuse to store it, SQLite does not."""
    answer = await AsyncClient().post("/account/login/", {"username": "v" * 5000, "password": "x"})

    assert answer.status_code == 200
    assert "Please enter a correct username and password" in text(answer)
    assert len((await AccessAttempt.objects.aget()).username) == 255


async def test_logging_out_needs_a_form_and_ends_the_session(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get("/versions/")
    answer = await viewer.post("/account/logout/")
    after = await viewer.get("/versions/")

    assert 'action="/account/logout/"' in page.content.decode()
    assert answer["Location"] == after["Location"].partition("?")[0] == "/account/login/"


async def test_the_password_can_be_changed(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get("/account/password_change/")
    bad = await viewer.post(
        "/account/password_change/",
        {"old_password": "wrong", "new_password1": "a", "new_password2": "b"},
    )
    new = "correct horse battery"
    answer = await viewer.post(
        "/account/password_change/",
        {"old_password": "opensesame", "new_password1": new, "new_password2": new},
    )
    done = await viewer.get(answer["Location"])

    assert heading(page) == "Change your password"
    assert "▲" in text(bad)
    assert heading(done) == "Password changed"
    row = await AuditEntry.objects.aget()
    assert (row.actor, row.action, row.target) == (
        "victor", "accounts.change_password", "user/victor",
    )  # fmt: skip
    assert new not in row.text


async def test_a_forgotten_password_is_set_by_mail(
    place: Place, viewer: AsyncClient, settings: Settings
) -> None:
    settings.SENDS_MAIL, settings.PUBLIC_URL = True, "https://ops.example.com"
    settings.ALLOWED_HOSTS, settings.USE_X_FORWARDED_HOST = ["*"], True
    stranger = AsyncClient()

    asked = await stranger.post(
        "/account/password_reset/",
        {"email": "victor@example.com"},
        headers={"x-forwarded-host": "evil.example.net"},
    )
    told = await stranger.get(asked["Location"])
    address = "/" + mail.outbox[0].body.rpartition("://")[2].split()[0].partition("/")[2]
    place_of_form = (await stranger.get(address))["Location"]
    form = await stranger.get(place_of_form)
    elsewhere = await AsyncClient().get("/account/reset/MQ/set-password/")
    new = "correct horse battery"
    answer = await stranger.post(place_of_form, {"new_password1": new, "new_password2": new})
    row = await AuditEntry.objects.aget()

    assert answer["Location"] == "/account/reset/done/"
    assert (row.actor, row.action) == ("victor", "accounts.reset_password")
    assert heading(told) == "Check your e-mail"
    assert heading(form) == "Set a new password"
    assert mail.outbox[0].subject == "Reset your OpsPortal password"
    assert "https://ops.example.com/account/reset/" in mail.outbox[0].body
    assert "evil" not in mail.outbox[0].body
    assert heading(elsewhere) == "This link no longer works"


@pytest.mark.parametrize("contact", ["", "the platform team in #ops-help <b>"])
async def test_it_says_whom_to_ask_where_no_mail_is_sent(
    place: Place, settings: Settings, contact: str
) -> None:
    settings.SENDS_MAIL, settings.CONTACT = False, contact
    stranger = AsyncClient()

    asked = await stranger.post("/account/password_reset/", {"email": "victor@example.com"})
    for page in (
        await stranger.get("/account/password_reset/"),
        await stranger.get(asked["Location"]),
    ):
        assert heading(page) == "Ask for a new password"
        assert f"Ask {contact or 'an administrator'} to set" in text(page)
        assert 'name="email"' not in page.content.decode()
