"""Open pages receive what changes, and only those receive it who may see it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ops.database import in_database
from ops.requests import actions as requests
from ops.rights import rights_of
from ops.vocabulary.policies import parse_policy
from opsportal.dashboard.live import sockets
from opsportal.dashboard.live.shown import shown
from opsportal.dashboard.live.viewers import Standing, Viewer, identify, is_ours, still_here
from opsportal.dashboard.pages import live_of
from opsportal.dashboard.urls import pages
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place, text
from tests.dashboard.sockets import WITHIN, Open, opened, served, session_of
from tests.fakes.jaeger import ANY_JAEGER, span, trace
from tests.fakes.prometheus import alert
from tests.watch.conftest import watching

pytestmark = pytest.mark.django_db(transaction=True)
ALERTS = "/sites/production/alerts/"


@pytest.fixture(autouse=True)
def quick(settings: Settings) -> None:
    settings.POLL_SECONDS = 0.2


@pytest.fixture
async def host(place: Place) -> AsyncIterator[str]:
    async with served() as found:
        yield found


@pytest.fixture
async def olga(person: Person) -> str:
    """The session of an operator."""
    await in_database(person, "olga", "operators")
    return await session_of("olga")


async def closed(page: Open) -> int:
    """Receive until the server closes it; returns the code."""
    with pytest.raises(ConnectionClosed) as error:
        await page.until(lambda: False)
    assert error.value.rcvd
    return error.value.rcvd.code


async def refused(host: str, page: str, session: str, **how: str | None) -> bool:
    try:
        async with opened(host, page, session, **how):  # type: ignore[arg-type]
            return False
    except InvalidStatus as error:
        return error.response.status_code == 403


async def test_an_open_page_receives_what_changes(host: str, olga: str, place: Place) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), opened(host, ALERTS, olga) as page:
        await page.until(page.shows("Nothing is firing"))
        await page.until(page.shows('data-mark=""', "badge"))
        rule["alerts"] = [alert("Down", severity="critical")]
        await page.until(page.shows("1 alert firing"))
        await page.until(page.shows('data-mark="1"', "badge"))
        changes = [each for each in page.messages if "delta" in each]
        assert changes and all("text" not in each for each in changes)


async def test_a_page_that_does_not_change_says_so(host: str, olga: str, place: Place) -> None:
    place.prometheus.rule("Down", alert("Down"))
    async with watching(), opened(host, ALERTS, olga) as page:
        await page.until(page.shows("1 alert firing"))

        def of_page() -> list[dict[str, Any]]:  # the badge has numbers of its own
            return [each for each in page.messages if each["part"] == "page"]

        at = of_page()[-1]["at"]
        await page.until(lambda: of_page()[-1]["at"] > at and "base" not in of_page()[-1])
        *_, before, last = of_page()
        assert last.keys() == {"part", "number", "at", "now"}
        assert last["number"] == before["number"]


async def test_browsers_that_show_the_same_share_the_same_bytes(
    host: str, olga: str, place: Place
) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), opened(host, ALERTS, olga) as one, opened(host, ALERTS, olga) as other:
        for page in (one, other):
            await page.until(page.shows("Nothing is firing"))
        rule["alerts"] = [alert("Down")]
        for page in (one, other):
            await page.until(page.shows("1 alert firing"))
        deltas = [[each for each in page.messages if "delta" in each] for page in (one, other)]
        assert deltas[0][-1] == deltas[1][-1]


@ANY_JAEGER
@pytest.mark.parametrize("name", ["", "versions/", "status/", "sampling/"])
async def test_every_live_page_is_rendered(name: str, host: str, olga: str, place: Place) -> None:
    async with opened(host, f"/sites/production/{name}", olga) as page:
        await page.until(page.shows('<h1 id="heading"'))
        assert "Something went wrong" not in page.texts["page"]


@ANY_JAEGER
async def test_a_search_is_live_only_while_somebody_follows_it(
    host: str, olga: str, place: Place
) -> None:
    place.jaeger.add(trace(span("petstore", "GET /followed")))
    address = "/sites/production/traces/?q=service%3Dpetstore"
    async with opened(host, f"{address}&follow=1", olga) as page:
        await page.until(page.shows("GET /followed"))
        assert 'id="trace-' in page.texts["page"], "rows that arrive can be told from the others"
    user = await in_database(User.objects.get)
    rights = await rights_of(user.pk)
    viewer = Viewer(user, "", rights, actor_of(user), host)
    for path, names in ((address, ["badge"]), (f"{address}&follow=1", ["page", "badge"])):
        assert [kind.name for _, kind in await shown(viewer, path)] == names


async def test_a_change_by_somebody_else_appears(host: str, olga: str, person: Person) -> None:
    actor = actor_of(await in_database(person, "ann", "operators"))
    async with opened(host, "/sites/production/sampling/", olga) as page:
        await page.until(page.shows("No changes yet"))
        asked = await requests.ask(actor, policy=parse_policy("25%"), site="production")
        assert isinstance(asked, requests.RequestedChange)
        await page.until(page.shows("Requested"))
        address = f"/sites/production/sampling/requests/{asked.key}/"
        async with opened(host, address, olga) as request:
            await request.until(request.shows("sampling of petstore to 25%?"))
            await requests.apply(actor, key=asked.key)
            await request.until(request.shows("was changed to 25%"))
        await page.until(page.shows("is sampled at 25%"))


async def test_every_page_has_the_badge(host: str, olga: str, place: Place) -> None:
    place.prometheus.rule("Down", alert("Down"))
    async with opened(host, "/account/", olga) as page:
        await page.until(page.shows('data-mark="?"', "badge"))  # nobody watches the default site
    async with watching(), opened(host, "/sites/production/traces/", olga) as page:
        await page.until(page.shows('data-mark="1"', "badge"))
        assert page.texts.keys() == {"badge"}


def a_page(route: str) -> str:
    return f"/sites/production/{re.sub('<[^>]*>', '1', route)}"


ROUTES = [(a_page(str(each.pattern)), live_of(each.callback)) for each in pages]
LIVE = [path for path, live in ROUTES if live]


def test_it_knows_the_live_pages() -> None:
    names = [
        "",
        "status/",
        "services/1/",
        "alerts/silences/",
        "alerts/subscriptions/",
        "alerts/",
        "alerts/1/",
        "alerts/badge/",
        "versions/",
        "timeline/",
        "sampling/",
        "sampling/raised/",
        "incidents/",
        "incidents/1/",
        "traces/",
    ]
    assert {*LIVE} == {f"/sites/production/{name}" for name in (*names, "sampling/requests/1/")}


@pytest.mark.parametrize("path", [path for path, _ in ROUTES])
async def test_it_refuses_strangers_and_those_without_the_right(
    path: str, host: str, person: Person
) -> None:
    await in_database(person, "nina")
    assert await refused(host, path, "")
    assert await refused(host, path, "a" * 32)
    assert await refused(host, path, await session_of("nina"))


@pytest.mark.parametrize(
    "how",
    [
        {"origin": "http://evil.example.com"},
        {"origin": None},
        {"origin": "null"},
        {"origin": "http://["},
        {"path": "/other/"},
    ],
    ids=str,
)
async def test_it_refuses_what_is_not_our_page(
    how: dict[str, str | None], host: str, olga: str
) -> None:
    assert await refused(host, ALERTS, olga, **how)


@pytest.mark.parametrize(
    ("https", "host", "origin", "ours"),
    [
        (False, "localhost:8000", "http://localhost:8000", True),
        (False, "LOCALHOST", "http://LOCALHOST", True),
        (False, "[::1]:8000", "http://[::1]:8000", False),  # not in the tests' settings
        (False, "evil.example.com", "http://evil.example.com", False),
        (False, "localhost:8000", "http://localhost:8001", False),
        (False, "", "http://", False),
        (True, "localhost", "https://localhost", True),
        (True, "localhost", "http://localhost", False),
    ],
)
def test_our_pages_come_from_our_hosts(
    settings: Settings, https: bool, host: str, origin: str, ours: bool
) -> None:
    settings.HTTPS = https
    assert is_ours({"host": host, "origin": origin}) is ours


@pytest.mark.parametrize(
    "page",
    [
        "",
        "alerts",
        "/nowhere/",
        "/sites/nowhere/alerts/",
        f"{ALERTS}?q={'x' * 5_000}",
        "//[",
        "/admin/",
    ],
)
async def test_it_refuses_addresses_of_nothing(page: str, host: str, olga: str) -> None:
    refusal = await refused(host, page, olga)
    assert refusal or page == "/admin/"  # which has the badge only


async def log_out(session: str) -> None:
    await in_database(Session.objects.filter(session_key=session).delete)


async def change_user(session: str, **attributes: object) -> None:
    await in_database(User.objects.filter(username="olga").update, **attributes)


async def leave_group(session: str) -> None:
    olga = await in_database(User.objects.get, username="olga")
    await in_database(olga.groups.clear)


@pytest.mark.parametrize(
    "ends",
    [
        log_out,
        leave_group,
        lambda session: change_user(session, is_active=False),
        lambda session: change_user(session, password="another"),
    ],
    ids=["logged out", "no right", "deactivated", "new password"],
)
async def test_who_may_no_longer_see_a_page_receives_no_more(
    ends: Callable[[str], AsyncIterator[None]], host: str, olga: str
) -> None:
    async with opened(host, ALERTS, olga) as page:
        await page.next()
        await ends(olga)  # type: ignore[misc]
        assert await closed(page) == sockets.CONNECT_AGAIN
        assert await refused(host, ALERTS, olga)


async def test_a_right_that_is_new_changes_the_page(host: str, olga: str) -> None:
    async with opened(host, ALERTS, olga) as page:
        await page.next()
        await change_user(olga, is_superuser=True)
        assert await closed(page) == sockets.CONNECT_AGAIN
        assert not await refused(host, ALERTS, olga)


async def test_all_open_users_are_looked_up_in_one_query(place: Place, person: Person) -> None:
    viewers: list[Viewer] = []
    for number, groups in enumerate([("operators",), (), ("viewers", "auditors")]):
        user = await in_database(person, f"user{number}", *groups, is_superuser=number == 1)
        headers = {"cookie": f"sessionid={await session_of(user.username)}", "host": "x"}
        viewers += filter(None, [await identify(headers, "127.0.0.1")])
    assert len(viewers) == 3

    def look() -> int:
        with CaptureQueriesContext(connection) as captured:
            Standing(viewers)
        return len(captured)

    assert await in_database(look) == 1
    assert await still_here(viewers) == {*viewers}


async def test_a_person_may_have_only_so_many_open(host: str, olga: str) -> None:
    pages = [opened(host, ALERTS, olga) for _ in range(sockets.MOST_OF_A_USER)]
    found = [await each.__aenter__() for each in pages]
    assert await refused(host, ALERTS, olga)
    await pages[0].__aexit__(None, None, None)
    async with asyncio.timeout(WITHIN):
        while await refused(host, ALERTS, olga):
            await found[1].next()
    for each in pages[1:]:
        await each.__aexit__(None, None, None)


async def test_it_listens_to_nobody(host: str, olga: str) -> None:
    async with opened(host, ALERTS, olga) as page:
        await page.next()
        await page.socket.send("hello")
        assert await closed(page) == sockets.CONNECT_AGAIN
    async with opened(host, ALERTS, olga) as page:
        await page.next()
        await page.socket.send("x" * 200)
        assert await closed(page) == 1009


async def test_it_is_closed_at_once_when_the_server_stops(place: Place, olga: str) -> None:
    async with served() as host:
        page = opened(host, ALERTS, olga)
        found = await page.__aenter__()
        await found.next()
    assert await closed(found) == 1012
    await page.__aexit__(None, None, None)


async def test_a_page_as_served_has_the_badge(
    operator: AsyncClient, newcomer: AsyncClient, place: Place
) -> None:
    page = await operator.get("/account/")
    assert "firing: not known, this site is not being watched" in text(page)
    assert "<title>(?) " in page.content.decode()
    assert place.prometheus.paths == []  # no page waits for a source
    assert "firing:" not in text(await newcomer.get("/account/"))

    async def shows(words: str) -> bool:
        return words in (await operator.get("/account/")).content.decode()

    async with watching() as watcher:
        await watcher.until(lambda: shows("<title>Logged in as olga"))
        place.prometheus.rule("Down", alert("Down"))
        await watcher.until(lambda: shows("<title>(1) Logged in as olga"))
        place.prometheus.warnings = ["store <b>10.0.0.3</b> did not answer"]
        await watcher.until(lambda: shows('title="There may be more: main sent a partial answer"'))
        place.prometheus.groups.clear()
        await watcher.until(lambda: shows("firing: not known, main sent a partial answer"))
