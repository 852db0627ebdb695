"""Trace pages in a browser: how fast and how heavy they are, and what they cost the server.

Each figure is from one cold load of a trace that the server has not seen before. Times count from
the start of the navigation, by the browser's own clock.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import httpx
from playwright.async_api import Page, async_playwright

from tests.browser.chromium import executable
from tests.live import portals, servers
from tests.live.large import large_trace, send

HOUR = 3600 * 10**9
SMALL, FEW, MANY = 100, 10_000, 100_000
READS = 5  # of further traces
SETTLED = 330  # seconds after which the server has nothing of a trace cached
WEIGH = """
["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
  .map((each) => each.transferSize)
"""
WATCH = """
const seen = window.seen = {};
function look() {
  const row = document.querySelector(".waterfall .span .lane");
  if (row && !seen.rows) requestAnimationFrame(() => { seen.rows = performance.now(); });
  const tools = document.querySelector(".waterfall .tools");
  if (tools && !tools.hidden && !seen.tools) seen.tools = performance.now();
}
new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
"""
# Do what a person does, and measure until a frame shows its result.
ACT = """
async ([act, done]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const began = performance.now();
  (new Function(act))();
  while (!(new Function(`return ${done}`))()) {
    if (performance.now() > began + 10_000) throw new Error(`not within 10 s: ${done}`);
    await frame();
  }
  return performance.now() - began;
}
"""


@dataclass(frozen=True)
class Loaded:
    """A trace page right after loading; times in milliseconds, memory in bytes."""

    rows: float
    whole: float
    heap: int
    elements: int


class Window:
    """A browser window of a user who is logged in."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def results(self, address: str) -> tuple[float, int]:
        """Return the milliseconds until a list of traces has loaded, and its elements."""
        await self.page.goto(address, wait_until="load")
        took: float = await self.page.evaluate(
            "performance.getEntriesByType('navigation')[0].loadEventEnd"
        )
        return took, await self._elements()

    async def trace(self, address: str) -> Loaded:
        """Load a trace page until the script has taken over."""
        await self.page.goto(address)
        await self.page.wait_for_function("window.seen.tools && window.seen.rows")
        seen = await self.page.evaluate("window.seen")
        session = await self.page.context.new_cdp_session(self.page)
        await session.send("HeapProfiler.collectGarbage")
        heap = await session.send("Runtime.getHeapUsage")
        held = int(heap["usedSize"]) + int(heap.get("backingStorageSize", 0))
        await self.page.wait_for_load_state("networkidle")  # the next load must be alone
        return Loaded(seen["rows"], seen["tools"], held, await self._elements())

    async def weight(self, address: str) -> tuple[int, int]:
        """Return the requests and bytes of a page for a user whose cache is empty."""
        own = self.page.context
        assert own.browser
        fresh = await own.browser.new_context(storage_state=await own.storage_state())
        page = await fresh.new_page()
        await page.goto(urljoin(self.page.url, address), wait_until="networkidle")
        sizes: list[int] = await page.evaluate(WEIGH)
        await fresh.close()
        return len(sizes), sum(sizes)

    async def act(self, act: str, done: str) -> float:
        """Do something; returns the milliseconds until it shows, the median of five."""
        found = []
        for _ in range(5):
            found.append(float(await self.page.evaluate(ACT, [act, done])))
            await self.page.wait_for_timeout(100)
        return statistics.median(found)

    async def cookies(self) -> dict[str, str]:
        """Return the cookies that identify the user."""
        return {each["name"]: each["value"] for each in await self.page.context.cookies()}

    async def _elements(self) -> int:
        return int(await self.page.evaluate("document.querySelectorAll('*').length"))


@asynccontextmanager
async def window(portal: portals.Portal) -> AsyncIterator[Window]:
    """Open a window and log in."""
    async with async_playwright() as playwright:
        kind = playwright.chromium
        browser = await kind.launch(
            executable_path=executable(kind.executable_path), args=["--no-sandbox"]
        )
        context = await browser.new_context(base_url=f"http://{portal.web}", bypass_csp=True)
        await context.add_init_script(WATCH)
        page = await context.new_page()
        await page.goto("/account/login/")
        await page.get_by_label("Username").fill("bench")
        await page.get_by_label("Password").fill("opensesame")
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/")
        yield Window(page)
        await browser.close()


async def measure(jaeger: servers.Jaeger, portal: portals.Portal, process: int) -> list[str]:
    """Return the lines of the page; `process` is the server's process ID."""
    async with window(portal) as opened:
        await opened.results("/traces/")  # the first page of a process is slower than any other
        lines = [await _results(opened)]
        traces = {count: await _sent(jaeger, count) for count in (FEW, MANY)}
        others = [await _sent(jaeger, MANY + number) for number in range(1, READS + 1)]
        few = await opened.trace(f"/traces/{traces[FEW]}/")
        before = _memory(process)
        many = await opened.trace(f"/traces/{traces[MANY]}/")
        added = _memory(process) - before
        lines += [_loaded("10,000 spans", few, 1000), _loaded("100,000 spans", many, 2500)]
        lines += await _acts(opened)
        lines.append(await _weights(opened, await _sent(jaeger, SMALL)))
        cookies = await opened.cookies()
    async with httpx.AsyncClient(base_url=f"http://{portal.web}", cookies=cookies) as client:
        lines.append(await _bytes_a_span(client, traces[MANY]))
        lines.append(await _others(client, others))
    peak = _memory(process)
    await asyncio.sleep(SETTLED)
    lines.append(_row(
        "server memory added by one view of 100,000 spans; after its cache has expired",
        f"{added / 1e6:,.0f} MB; {(_memory(process) - before) / 1e6:,.0f} MB "
        f"(after {READS + 1} views: {(peak - before) / 1e6:,.0f} MB)", "250 MB, given back",
    ))  # fmt: skip
    return [HEAD, *lines]


HEAD = """
Trace pages in Chromium, each trace loaded cold, compared with Jaeger UI 2.20 on a machine of this
size.

| what | seen | aim | Jaeger UI |
|---|--:|--:|--:|"""


async def _sent(jaeger: servers.Jaeger, count: int) -> str:
    trace_id, batches = large_trace(count, time.time_ns() - HOUR)
    await send(jaeger.otlp, batches)
    return trace_id


async def _results(opened: Window) -> str:
    took, elements = await opened.results(f"/traces/?q={quote('last=2h limit=1500')}")
    heading = await opened.page.locator("h1").text_content() or ""
    assert heading.startswith("1,500 traces"), heading
    return _row(
        "results page with 1,500 traces, navigation to loaded",
        f"{took / 1000:.2f} s, {elements:,} elements", "1.5 s", "17.7 s, 48,000 nodes",
    )  # fmt: skip


def _loaded(what: str, page: Loaded, aim: int) -> str:
    theirs = {1000: "3.1 s, 71 MB, 10,500", 2500: "5.3 s, 234 MB, 10,800"}[aim]
    return _row(
        f"{what}: first rows; all rows; heap; elements",
        f"{page.rows / 1000:.2f} s; {page.whole / 1000:.2f} s; {page.heap / 1e6:.0f} MB; "
        f"{page.elements:,}",
        f"{aim / 1000:.1f} s" + ("; 120 MB; 3,000" if aim == 2500 else ""),
        theirs,
    )


async def _acts(opened: Window) -> list[str]:
    await opened.page.locator(".ruler").evaluate("ruler => ruler.scrollIntoView()")
    # Rows in turn, closing the previous one: a row opened before already has its details.
    opening = await opened.act(
        "window.opened ??= [];"
        "document.querySelector(`[data-row='${opened.at(-1)}'] .name`)?.click();"
        "const rows = [...document.querySelectorAll('.spans [data-row]')];"
        "const row = rows.find((each) => !opened.includes(each.dataset.row));"
        "opened.push(row.dataset.row); row.querySelector('.name').click()",
        "document.querySelector(`[data-row='${opened.at(-1)}'] .inside .sub`)",
    )
    press = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'e', bubbles: true}))"
    error = await opened.act(
        f"window.before = document.querySelector('.tools output').textContent; {press}",
        "document.querySelector('.tools output').textContent !== window.before",
    )
    search = await opened.act(
        "const field = document.querySelector('.tools input[type=search]');"
        "window.times = (window.times ?? 0) + 1;"
        "field.value = ['scan', 'smtp', 'select', 'notify', 'auth'][window.times % 5];"
        "window.before = document.querySelector('.tools output').textContent;"
        "field.dispatchEvent(new Event('input', {bubbles: true}))",
        "document.querySelector('.tools output').textContent !== window.before",
    )
    return [
        _row("opening a span of 100,000", f"{opening:.0f} ms", "100 ms", "1,100 ms"),
        _row("next error of 100,000", f"{error:.0f} ms", "100 ms", ""),
        _row("search by name in 100,000", f"{search:.0f} ms", "100 ms", ""),
    ]


async def _bytes_a_span(client: httpx.AsyncClient, trace_id: str) -> str:
    async with client.stream("GET", f"/traces/{trace_id}/rows/") as answer:
        size = sum([len(part) async for part in answer.aiter_raw()])
    began = time.perf_counter()
    found = (await client.get(f"/traces/{trace_id}/find/", params={"q": "user-7919"})).json()
    took = time.perf_counter() - began
    assert found["rows"]
    return _row(
        "rows sent to the browser, gzip; search in all tags",
        f"{size / MANY:.1f} bytes a span; {took * 1000:.0f} ms", "25 bytes; 100 ms", "851 bytes",
    )  # fmt: skip


async def _weights(opened: Window, trace_id: str) -> str:
    """Measure what a first visit loads, in requests and in bytes on the wire."""
    weights = [
        await opened.weight(address) for address in ("/", "/traces/", f"/traces/{trace_id}/")
    ]
    return _row(
        "first visit, requests and bytes on the wire: overview; search; trace",
        "; ".join(f"{requests}, {size / 1000:.0f} kB" for requests, size in weights),
        "12, 35 kB; 17, 50 kB; 28, 70 kB", "JavaScript 850 kB, CSS 15 kB",
    )  # fmt: skip


async def _others(client: httpx.AsyncClient, traces: list[str]) -> str:
    """Measure how long another user waits meanwhile, compared with an idle server.

    Reading a trace takes a second or two, so there are several, to measure enough waits.
    """
    idle = _p95(await _latencies(client, until=asyncio.create_task(asyncio.sleep(2))))
    waits = []
    for trace_id in traces:
        reading = asyncio.create_task(client.get(f"/traces/{trace_id}/", timeout=30))
        waits += await _latencies(client, until=reading)
        assert (await reading).is_success
    busy = _p95(waits)
    return _row(
        "p95 of other pages while 100,000 spans are read",
        f"{busy:.0f} ms, {busy / idle:.1f} times the idle {idle:.0f} ms", "250 ms", "",
    )  # fmt: skip


async def _latencies(client: httpx.AsyncClient, until: asyncio.Task[Any]) -> list[float]:
    found = []
    while not until.done():
        began = time.perf_counter()
        assert (await client.get("/account/")).is_success
        found.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.01)
    return found


def _p95(waits: list[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.95)]


def _memory(process: int) -> int:
    """Return the bytes that a process has in memory."""
    pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * 4096


def _row(what: str, seen: str, aim: str, theirs: str = "") -> str:
    line = f"| {what} | {seen} | {aim} | {theirs} |"
    print(line, flush=True)
    return line
