"""Open pages of two processes follow what happens, also while Redis is away."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, async_playwright, expect

from tests.browser.chromium import executable
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import databases, portals, servers
from tests.ports import free_ports

ALERTS = "/sites/production/alerts/"
SITE = """
[[sites.production.prometheus]]
name = "shop-a"
url = "{url}"
"""
WITHIN = servers.PATIENCE * 1_000  # milliseconds
OPEN = re.compile(r"Live|Reconnecting|Renews every 15 s|Stale since .*")


@dataclass
class Shop:
    """One site, which two processes serve; only one of them watches it."""

    prometheus: FakePrometheus
    redis: databases.Redis
    hosts: tuple[str, str]
    browser: Browser

    def fires(self, *pods: str) -> None:
        self.prometheus.groups[0]["rules"][0]["alerts"] = [alert("Down", pod=pod) for pod in pods]

    @asynccontextmanager
    async def page(self, host: str, *, blocked: bool = False) -> AsyncIterator[Page]:
        """The alerts, open in a browser of its own; `blocked` lets no WebSocket through."""

        async def block(socket: WebSocketRoute) -> None:
            await socket.close()

        context = await self.browser.new_context(base_url=f"http://{host}")
        page = await context.new_page()
        if blocked:
            await page.route_web_socket("**/live/**", block)
        await page.goto("/account/login/")
        await page.get_by_label("Username").fill("olga")
        await page.get_by_label("Password").fill("opensesame")
        await page.get_by_role("button", name="Log in").click()
        await page.goto(ALERTS)
        try:
            yield page
        finally:
            await context.close()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    redis = databases.Redis(tmp_path)
    with ExitStack() as stack:
        stack.callback(redis.stop)
        redis.start()
        database = stack.enter_context(databases.postgresql())
        async with AsyncExitStack() as running, FakePrometheus() as prometheus:
            prometheus.rule("Down")
            portal = portals.portal(
                tmp_path,
                SITE.format(url=prometheus.url),
                DATABASE_URL=database,
                REDIS_URL=redis.url,
                OPSPORTAL_POLL_SECONDS="1",
            )
            portal.person("olga", "operators")
            hosts = []
            for name in ("one", "two"):
                web, rpc = (f"127.0.0.1:{port}" for port in free_ports(2))
                environment = {
                    **portal.environment,
                    "OPSPORTAL_WEB_ADDRESS": web,
                    "OPSPORTAL_GRPC_ADDRESS": rpc,
                }
                (tmp_path / name).mkdir()
                own = replace(portal, environment=environment, web=web, grpc=rpc)
                started = own.running("serve", tmp_path / name)
                await asyncio.to_thread(stack.enter_context, started)
                hosts.append(web)
            playwright = await running.enter_async_context(async_playwright())
            chromium = playwright.chromium
            browser = await chromium.launch(
                executable_path=executable(chromium.executable_path), args=["--no-sandbox"]
            )
            running.push_async_callback(browser.close)
            yield Shop(prometheus, redis, (hosts[0], hosts[1]), browser)
            await asyncio.to_thread(stack.close)


async def all_say(heading: str, *pages: Page) -> None:
    for page in pages:
        await expect(page.locator("h1")).to_have_text(heading, timeout=WITHIN)


async def all_are(state: str | re.Pattern[str], *pages: Page) -> None:
    for page in pages:
        await expect(page.locator("#live .state")).to_have_text(state, timeout=WITHIN)


async def test_two_browsers_see_a_change_and_one_without_sockets_does_too(shop: Shop) -> None:
    one, two = shop.hosts
    async with (
        shop.page(one) as first,
        shop.page(two) as second,
        shop.page(two, blocked=True) as third,
    ):
        await all_are("Live", first, second)
        await all_are("Renews every 15 s", third)
        shop.fires("one")
        await all_say("1 alert firing", first, second, third)
        await all_are("Live", first, second)
        await all_are("Renews every 15 s", third)


async def test_pages_follow_while_redis_is_away_and_after_it(shop: Shop) -> None:
    one, two = shop.hosts
    async with shop.page(one) as first, shop.page(two) as second:
        pages = (first, second)
        await all_are("Live", *pages)
        with shop.redis.frozen():
            shop.fires("one")
            await all_say("1 alert firing", *pages)
            await all_are(OPEN, *pages)
        shop.fires("one", "two")
        await all_say("2 alerts firing", *pages)
        await all_are("Live", *pages)

        shop.redis.kill()
        shop.fires("one")
        await all_say("1 alert firing", *pages)
        await all_are(OPEN, *pages)
        shop.redis.start()
        shop.fires()
        await all_say("Nothing is firing", *pages)
        await all_are("Live", *pages)


async def test_who_has_an_alert_is_seen_in_the_other_process_too(shop: Shop) -> None:
    one, two = shop.hosts
    async with shop.page(one) as first, shop.page(two) as second:
        shop.fires("one")
        await all_say("1 alert firing", first, second)

        await first.get_by_role("button", name="I have it").click()

        for page in (first, second):
            has_it = page.locator(".alerts h2 .chip.held")
            await expect(has_it).to_have_text("olga has it", timeout=WITHIN)
        shop.fires()
        await first.goto("/")  # for a moment, the alert may just be missing
        await expect(first.locator(".happened")).to_contain_text("resolved", timeout=WITHIN)
        await first.goto(ALERTS)
        shop.fires("two")
        await all_say("1 alert firing", first, second)
        await expect(second.locator(".chip.held")).to_have_count(0, timeout=WITHIN)
