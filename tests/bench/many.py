"""A site of many services in a browser: how fast its pages load, and whether others wait meanwhile.

Every service has its own queries, which is harder than queries for all services. The backends are
fakes on real sockets, first so fast that the time is all ours; then each of their answers takes a
second. `/healthz` is called from a separate process, as in tests.bench.stops.
"""

import asyncio
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.calling import Bench, Figures, milliseconds, row
from tests.bench.pages import Window, window
from tests.bench.stops import PAUSE
from tests.fakes.jaeger import FakeJaeger, span, trace
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import portals

SITES, SERVICES, ALERTS, RULES = 20, 300, 2_000, 40
SLOW = 1.0  # seconds
SECONDS = 12.0  # of each row
APART = 1.5  # seconds between two loads, so that they do not share answers
PAGES = {"overview": "", "versions": "versions/", "alerts": "alerts/", "sampling": "sampling/"}
NAMES = [f"shop-{number:03}" for number in range(SERVICES)]
SEVERITIES = ("critical", "page", "warning", "info")
FILLED = """
() => {
  const [painted] = performance.getEntriesByName("first-contentful-paint");
  const loaded = document.readyState === "complete" && document.querySelector("#filled");
  const coming = document.querySelector('#filled [hx-target="#filled"]');
  return painted && loaded && !coming && [painted.startTime, performance.now()];
}
"""
SITE = """
[sites.{name}]
jaeger = {{ address = "{jaeger}" }}
prometheus = {{ name = "main", url = "{prometheus}" }}
"""
SERVICE = """
[sites.{site}.services.{name}]
instances = ["{name}-1:50051", "{name}-2:50051"]
version = 'build_info{{job="{name}"}}'
requests = 'requests{{job="{name}"}}'
failing = 'failing{{job="{name}"}}'
p95 = 'p95{{job="{name}"}}'
"""

HEAD = f"""
A site of {SERVICES} services and {ALERTS:,} alerts beside {SITES - 1} small ones in Chromium: the
median and longest time from the start of the navigation to the first screen (the aim is 1 s), and
until everything is filled in. Each page is loaded again and again from a server that has just
started. The last column has the slowest answers of `/healthz`, from the same event loop.

| page | each backend takes | loads | first screen | filled in | height | `/healthz` p99; longest |
|---|--:|--:|--:|--:|--:|--:|"""


async def measure() -> list[str]:
    """Return the lines of the page."""
    async with AsyncExitStack() as stack:
        folder, running = (Path(stack.enter_context(TemporaryDirectory())) for _ in range(2))
        jaeger = await stack.enter_async_context(FakeJaeger())
        prometheuses = [await stack.enter_async_context(FakePrometheus()) for _ in range(SITES)]
        jaeger.add(trace(span(NAMES[0], "Buy", error="sold out")))
        fill(prometheuses[0])
        portal = portals.portal(folder, site_file(jaeger.address, prometheuses))
        # `serve` has no separate health address.
        bench = Bench(replace(portal, health=portal.web), portal.person("bench", "operators"))
        lines = [HEAD]
        for seconds in (0.0, SLOW):
            jaeger.seconds = seconds
            for prometheus in prometheuses:
                prometheus.seconds = seconds
            # Started anew each time, so that nothing is cached.
            with portal.running("serve", running):
                idle = await bench.run("healthz", 1, seconds=SECONDS, pause=PAUSE)
                async with window(portal) as opened:
                    for name, path in PAGES.items():
                        lines.append(await _page(bench, opened, name, path, seconds))
                lines.append(_row("none (idle)", seconds, [], idle))
    return lines


@dataclass(frozen=True)
class Load:
    """Seconds to the first screen and until all is filled in, and the height in pixels."""

    first: float
    filled: float
    height: int


async def _page(bench: Bench, opened: Window, name: str, path: str, seconds: float) -> str:
    asking = asyncio.create_task(bench.run("healthz", 1, seconds=SECONDS, pause=PAUSE))
    loads = []
    while not asking.done():
        loads.append(await load(opened, f"/sites/site-00/{path}"))
        await asyncio.sleep(APART)
    return _row(name, seconds, loads, await asking)


async def load(opened: Window, address: str) -> Load:
    """Load a page of such a site until everything is filled in."""
    page = opened.page
    answer = await page.goto(address, wait_until="commit")
    assert answer and answer.ok, address
    first, filled = await (await page.wait_for_function(FILLED)).json_value()
    height = await page.evaluate("document.documentElement.scrollHeight")
    return Load(first / 1000, filled / 1000, height)


def _row(name: str, seconds: float, loads: list[Load], asked: Figures) -> str:
    assert not asked.failures, asked.failures
    return row(
        name, f"{seconds:g} s", len(loads) or "",
        _times(each.first for each in loads), _times(each.filled for each in loads),
        f"{max(each.height for each in loads):,} px" if loads else "",
        f"{milliseconds(asked.p99)}; {milliseconds(asked.latencies[-1])}",
    )  # fmt: skip


def _times(seconds: Iterable[float]) -> str:
    found = [*seconds]
    return f"{statistics.median(found):.2f} s; {max(found):.2f} s" if found else ""


def site_file(jaeger: str, prometheuses: list[FakePrometheus]) -> str:
    """Return a site file: the first site has many services, the others one each."""
    return "".join(_sites(jaeger, prometheuses))


def _sites(jaeger: str, prometheuses: list[FakePrometheus]) -> Iterator[str]:
    for number, prometheus in enumerate(prometheuses):
        site = f"site-{number:02}"
        yield SITE.format(name=site, jaeger=jaeger, prometheus=prometheus.url)
        for name in NAMES if number == 0 else NAMES[:1]:
            yield SERVICE.format(site=site, name=name)


def fill(prometheus: FakePrometheus) -> None:
    """Give it two instances and the figures of each service, and the alerts."""
    minutes = range(int(time.time()) // 60 * 60 - 3600, int(time.time()) + 3600, 60)
    for number, name in enumerate(NAMES):
        own = f'{{job="{name}"}}'
        versions = ("1.0", "1.1" if number % 50 == 0 else "1.0")
        instances = [
            {"job": name, "instance": f"{name}-{count}", "version": version}
            for count, version in enumerate(versions, start=1)
        ]
        prometheus.says(f"build_info{own}", *((labels, 1) for labels in instances))
        prometheus.says(f"requests{own}", ({}, number))
        prometheus.says(f"failing{own}", ({}, number / SERVICES / 10))
        prometheus.says(f"p95{own}", ({}, 0.1))
        points = [[minute, "0.1"] for minute in minutes]
        prometheus.ranges[f"p95{own}"] = [{"metric": {}, "values": points}]
    fill_alerts(prometheus, ALERTS)


def fill_alerts(prometheus: FakePrometheus, count: int) -> None:
    """Let rules fire so many times."""
    for rule in range(RULES):
        severity = SEVERITIES[rule % len(SEVERITIES)]
        prometheus.rule(
            f"Rule{rule:02}",
            *(
                alert(
                    f"Rule{rule:02}",
                    "pending" if number % 10 == 0 else "firing",
                    annotations={"summary": f"instance {number} is not as it should be"},
                    job=NAMES[number % SERVICES],
                    instance=f"10.0.{number // 250}.{number % 250}:9100",
                    severity=severity,
                    team="shop",
                )
                for number in range(rule, count, RULES)
            ),
        )
