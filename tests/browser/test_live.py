"""Open pages follow what happens, say how far they can be trusted, and disturb nobody."""

import asyncio
import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from playwright.async_api import Page, Route, WebSocketRoute, expect
from pytest_django import Settings

from ops.database import in_database
from ops.sampling import actions as sampling
from ops.vocabulary.policies import parse_policy
from tests.browser.conftest import Web, log_in
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place
from tests.dashboard.sockets import WITHIN, served
from tests.dashboard.test_status import bot_runs
from tests.fakes.prometheus import Body, alert
from tests.ports import free_ports
from tests.watch.conftest import watching

pytestmark = pytest.mark.django_db(transaction=True)
ALERTS = "/sites/production/alerts/"


@pytest.fixture(autouse=True)
def quick(settings: Settings) -> None:
    settings.POLL_SECONDS = 1.0


@pytest.fixture
async def olga(person: Person) -> None:
    await in_database(person, "olga", "operators")


def many(number: int, *, first: int = 0) -> list[Body]:
    since = f"{datetime.now(UTC) - timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"
    names = [f"pod-{each:02}" for each in range(first, number)]
    return [alert("Down", severity="critical", active_at=since, pod=name) for name in names]


async def is_live(page: Page, words: str | re.Pattern[str] = "Live") -> None:
    await expect(page.locator("#live .state")).to_have_text(words)


@pytest.mark.usefixtures("olga")
async def test_a_change_appears_without_a_reload(web: Web, place: Place) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        await is_live(page)
        await expect(page).to_have_title("Nothing is firing · OpsPortal")
        await page.evaluate("window.stays = true")

        rule["alerts"] = many(2)

        await expect(page.locator("h1")).to_have_text("2 alerts firing")
        await expect(page.locator("#badge")).to_have_text("firing: 2")
        await expect(page).to_have_title("(2) 2 alerts firing · OpsPortal")
        # As htmx does with a part of the page that has been under way for longer.
        settled = "htmx.trigger(document.body, 'htmx:afterSettle', {target: document.body})"
        await page.evaluate(f"document.title = '(?) Loading · OpsPortal'; {settled}")
        await expect(page).to_have_title("(2) 2 alerts firing · OpsPortal")
        await expect(page.locator("#told")).to_have_text("2 alerts firing: Down")
        await expect(page.locator(".as-of")).to_contain_text("as of ")
        await expect(page.locator("article time[data-age]").first).to_have_text("5 h")
        rule["alerts"] = []
        await expect(page.locator("h1")).to_have_text("Nothing is firing")
        await expect(page).to_have_title("Nothing is firing · OpsPortal")
        assert await page.evaluate("window.stays")


@pytest.mark.usefixtures("olga")
async def test_every_page_has_a_badge_that_follows(web: Web, place: Place) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto("/account/")
        await expect(page.locator("#badge")).to_have_text("")
        rule["alerts"] = many(3)
        await expect(page.locator("#badge")).to_have_text("firing: 3")
        await expect(page).to_have_title("(3) Logged in as olga · OpsPortal")


@pytest.mark.usefixtures("olga")
async def test_focus_and_what_is_typed_stay(web: Web, place: Place) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        await is_live(page)
        field = page.get_by_label("Filter")
        await field.fill("severity=cri")
        rule["alerts"] = many(1)
        await expect(page.locator("h1")).to_have_text("1 alert firing")
        await expect(field).to_be_focused()
        await expect(field).to_have_value("severity=cri")


@pytest.mark.usefixtures("olga")
async def test_rows_wait_while_somebody_reads_below(web: Web, place: Place) -> None:
    rule = place.prometheus.rule("Down", *many(40, first=3))
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        await is_live(page)
        row = page.locator("article", has_text="pod-30")
        await row.scroll_into_view_if_needed()
        top = await row.evaluate("row => row.getBoundingClientRect().top")

        rule["alerts"] = [each for each in many(40) if each["labels"]["pod"] != "pod-05"]

        waiting = page.get_by_role("button", name="3 new")
        await expect(waiting).to_be_visible()
        await expect(page.locator("h1")).to_have_text("39 alerts firing")
        assert await row.evaluate("row => row.getBoundingClientRect().top") == top
        await expect(page.locator("article.gone")).to_contain_text("pod-05")
        await waiting.click()
        await expect(page.locator("article", has_text="pod-01")).to_be_visible()
        await expect(page.locator("article")).to_have_count(39)
        await expect(waiting).to_have_count(0)


@pytest.mark.usefixtures("olga")
async def test_it_renews_itself_if_sockets_are_blocked(web: Web, place: Place) -> None:
    async def block(socket: WebSocketRoute) -> None:
        await socket.close()

    rule = place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await page.route_web_socket("**/live/**", block)
        await page.clock.install()
        await log_in(page)
        await page.goto(ALERTS)
        await is_live(page, "Renews every 15 s")
        rule["alerts"] = many(1)
        async with asyncio.timeout(WITHIN):
            while await page.locator("h1").inner_text() != "1 alert firing":
                await page.clock.run_for(5_000)
        await is_live(page, "Renews every 15 s")


@pytest.mark.usefixtures("olga")
async def test_it_is_live_again_as_soon_as_the_server_answers(web: Web, place: Place) -> None:
    is_away = False

    async def socket(route: WebSocketRoute) -> None:
        if is_away:
            await route.close()
        else:
            route.connect_to_server()

    async def request(route: Route) -> None:
        await (route.abort() if is_away else route.continue_())

    async with watching(), web.open() as page:
        await page.route_web_socket("**/live/**", socket)
        await page.route("**/alerts/**", request)
        await page.clock.install()
        await log_in(page)
        await page.goto(ALERTS)
        await is_live(page)
        is_away = True
        await page.clock.fast_forward(60_000)
        async with asyncio.timeout(WITHIN):
            while not (await page.locator("#live .state").inner_text()).startswith("Stale"):
                await page.clock.run_for(1_000)
        for _ in range(40):  # until it tries only once a minute
            await page.clock.run_for(15_000)
        is_away = False
        await page.clock.run_for(15_000)
        await is_live(page)


@pytest.mark.usefixtures("olga")
async def test_a_page_is_live_only_once_it_shows_what_is_so_now(web: Web, place: Place) -> None:
    opened: asyncio.Queue[WebSocketRoute] = asyncio.Queue()

    def say(part: str, text: str) -> None:
        now = round(time.time() * 1000)
        message = {"part": part, "number": 1, "at": now, "now": now, "text": text}
        socket.send(json.dumps(message))

    async with web.open() as page:
        await page.route_web_socket("**/live/**", opened.put_nowait)
        await log_in(page)
        await page.goto(ALERTS)
        async with asyncio.timeout(WITHIN):
            socket = await opened.get()
        say("badge", '<span id="badge" data-mark="3">firing: 3</span>')
        await expect(page.locator("#badge")).to_have_text("firing: 3")
        assert await page.locator("#live .state").inner_text() != "Live"
        say("page", '<main id="main"><h1>3 alerts firing</h1></main>')
        await is_live(page)
        await expect(page.locator("h1")).to_have_text("3 alerts firing")


@pytest.mark.usefixtures("olga")
async def test_it_says_that_the_session_has_ended(web: Web, place: Place) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto(ALERTS)
        await is_live(page)
        await expect(page.locator("h1[data-as-of]")).to_have_count(0)
        await in_database(Session.objects.all().delete)
        await is_live(page, "Session ended. Log in")
        await expect(page.locator("h1")).to_have_attribute("data-as-of", re.compile(r"^\d\d:\d\d"))


@pytest.mark.usefixtures("olga")
async def test_it_survives_a_restart_of_the_server(web: Web, place: Place) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await log_in(page)
        [port] = free_ports(1)
        async with served(port) as host:
            await page.goto(f"http://{host}{ALERTS}")
            await is_live(page)
        await is_live(page, re.compile("Reconnecting|Stale since"))
        rule["alerts"] = many(1)
        async with served(port):
            await expect(page.locator("h1")).to_have_text("1 alert firing")
            await is_live(page)


@pytest.mark.usefixtures("olga")
async def test_it_notices_that_the_machine_has_slept(web: Web, place: Place) -> None:
    place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await log_in(page)
        await page.clock.install()
        await page.goto(ALERTS)
        await is_live(page)
        before = await page.locator(".as-of").inner_text()
        await page.clock.fast_forward(3_600_000)
        async with asyncio.timeout(WITHIN):
            while await page.locator(".as-of").inner_text() == before:
                await page.clock.run_for(1_000)
        await is_live(page)


@pytest.mark.usefixtures("olga")
async def test_a_half_filled_form_survives_a_change_by_somebody_else(
    web: Web, place: Place, person: Person
) -> None:
    ann = actor_of(await in_database(person, "ann", "operators"))
    async with web.open() as page:
        await log_in(page)
        await page.goto("/sites/production/sampling/")
        await is_live(page)
        rate = page.get_by_label("Rate", exact=True)
        await rate.fill("7%")
        await sampling.change_policy(ann, policy=parse_policy("25%"), site="production")
        await expect(page.locator("h1")).to_contain_text("sampled at 25%")
        await expect(rate).to_have_value("7%")
        await expect(rate).to_be_focused()


@pytest.mark.usefixtures("olga")
async def test_an_open_status_page_follows_the_bot(web: Web, place: Place) -> None:
    async with web.open() as page:
        await log_in(page)
        await page.goto("/sites/production/status/")
        await is_live(page)
        await in_database(bot_runs)
        await expect(page.get_by_text("Slack: 2 connections")).to_be_visible()


NOTED = """
window.noted = [];
window.Notification = class extends EventTarget {
  static permission = "default";
  static async requestPermission() { return (this.permission = "granted"); }
  constructor(title, options) { super(); window.noted.push([title, options.body]); }
};
Document.prototype.hasFocus = () => false;
"""


@pytest.mark.usefixtures("olga")
async def test_it_notifies_of_new_alerts_once_it_is_asked_to(web: Web, place: Place) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await page.add_init_script(NOTED)
        await log_in(page)
        await page.goto(f"{ALERTS}?q=severity=critical")
        await is_live(page)
        rule["alerts"] = many(1)
        await expect(page.locator("h1")).to_have_text("1 alert firing")
        assert await page.evaluate("noted") == []

        switch = page.get_by_role("button", name="Notify me")
        await switch.click()
        await expect(switch).to_have_attribute("aria-pressed", "true")
        rule["alerts"] = many(2)
        await page.wait_for_function("() => noted.length")
        assert await page.evaluate("noted") == [["2 alerts firing: Down", "Down"]]

        await page.goto(ALERTS)  # another filter, which was not asked for
        await expect(switch).to_have_attribute("aria-pressed", "false")


@pytest.mark.usefixtures("olga")
async def test_the_next_page_is_live_too(web: Web, place: Place) -> None:
    rule = place.prometheus.rule("Down")
    async with watching(), web.open() as page:
        await log_in(page)
        await page.goto("/sites/production/traces/")
        await page.get_by_role("navigation").get_by_role("link", name="Alerts").click()
        await is_live(page)
        rule["alerts"] = many(1)
        await expect(page.locator("h1")).to_have_text("1 alert firing")
        await page.go_back()
        await expect(page).to_have_title("(1) No trace matches · OpsPortal")
        await is_live(page, "")
