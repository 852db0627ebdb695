"""How long what is large or expensive holds the event loop, in CPU time.

The server runs with tests.bench.timed_loop. Where `/healthz` (see tests.bench.stops) also shows
how busy the machine is, this shows only what OpsPortal itself does, callback by callback.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import grpc.aio
import httpx
from google.protobuf.message import Message

from proto.ops.ops_pb2 import AlertsReq, ListTracesReq, ShowLogsReq, ShowTraceReq
from proto.ops.ops_pb2_grpc import OpsStub
from tests.bench import many, searching
from tests.bench.calling import Bench, milliseconds, row
from tests.bench.load import CALLERS, HOUR
from tests.bench.pages import Window, window
from tests.bench.timed_loop import NOTED
from tests.fakes.prometheus import FakePrometheus
from tests.live import portals, servers
from tests.live.large import large_trace, send

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

ALERTS = 10_000
ROWS = 20_000  # of the audit log
TIMES = 3  # of each page
APART = 1.2  # seconds between two pages, so that they do not share answers
WRITTEN = 2.0  # seconds after a trace was sent
SECONDS = 3.0  # of many callers
SETTLED = 1.0  # seconds after which nothing of it runs any more
SITE = "/sites/site-00/"

HEAD = f"""
How long the event loop of `serve` was held, callback by callback, while it did what is large or
expensive: first the site of {many.SERVICES} services of the table below, then single traces, lists,
{ALERTS:,} alerts on a site of their own, and {ROWS:,} rows of the audit log. *Callback* is the CPU
time of the longest one on the loop's thread, *over 5 ms* how many took that long. *Threads* is how
long another thread kept the interpreter at most while the loop had something to do. The aim is
50 ms.

| what | over 5 ms | callback | threads | the longest callback |
|---|--:|--:|--:|---|"""
_AUDIT = f"""
from django.db import transaction
from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import Outcome
with transaction.atomic():
    for number in range({ROWS}):
        chain.append(
            Actor(None, "bench", Door.GRPC, "127.0.0.1"), "sampling.change_policy",
            "site-00/shop-001", Outcome.OK, parameters={{"policy": f"{{number % 100}}%"}},
            detail="confirmed by 3 of 3 instances",
        )
"""


class Notes:
    """Reads what the loop's notes have that is new."""

    def __init__(self, file: Path) -> None:
        self._file = file.open()

    def new(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._file]


@dataclass(frozen=True)
class _Server:
    """A server with everything that calls it."""

    jaeger: servers.Jaeger
    opened: Window
    web: httpx.AsyncClient
    stub: "OpsAsyncStub"
    bench: Bench
    loaded: int

    async def call(self, method: str, request: Message) -> Any:
        """Call over gRPC."""
        metadata = [("authorization", f"Bearer {self.bench.token}")]
        return await getattr(self.stub, method)(request, metadata=metadata)

    async def page(self, path: str) -> None:
        """Load a page of many services until it is filled in."""
        for _ in range(TIMES):
            await many.load(self.opened, SITE + path)
            await asyncio.sleep(APART)

    async def log_in(self) -> None:
        """Log in anew, once with a wrong password."""
        path = "/account/login/"
        for password in ("wrong", "opensesame"):
            async with httpx.AsyncClient(base_url=self.web.base_url) as fresh:
                await fresh.get(path)
                form = {"username": "bench", "password": password}
                form["csrfmiddlewaretoken"] = fresh.cookies["csrftoken"]
                answer = await fresh.post(path, data=form)
                assert answer.status_code == (302 if password == "opensesame" else 200), answer

    async def get(self, path: str) -> None:
        """Load an address to its end."""
        for _ in range(TIMES):
            async with self.web.stream("GET", path) as answer:
                assert answer.is_success, answer
                assert sum([len(piece) async for piece in answer.aiter_raw()])
            await asyncio.sleep(APART)

    async def alerts(self) -> None:
        for _ in range(TIMES):
            found = await self.call("Alerts", AlertsReq(site="alerts"))
            assert len(found.alerts) > ALERTS / 2, len(found.alerts)
            await asyncio.sleep(APART)

    async def show_trace(self, trace_id: str) -> None:
        assert (await self.call("ShowTrace", ShowTraceReq(id=trace_id, site="site-00"))).tags

    async def show_logs(self, trace_id: str) -> None:
        await self.call("ShowLogs", ShowLogsReq(id=trace_id, site="site-00"))

    async def trace_page(self, trace_id: str) -> None:
        await self.opened.page.goto(f"{SITE}traces/{trace_id}/")
        await self.opened.page.wait_for_function("window.seen.tools && window.seen.rows")
        await self.opened.page.wait_for_load_state("networkidle")

    async def list_traces(self, trace_id: str) -> None:
        """List the large traces, by an operation that only they have."""
        request = ListTracesReq(service="petstore", operation="auth.Check")
        found = await self.call("ListTraces", request)
        assert trace_id in [each.id for each in found.traces]

    async def many_lists(self, limit: int) -> None:
        """Let many callers search for something different each."""
        plan: dict[str, Any] = {"queries": "durations", "filters": {}, "limit": limit}
        asked = {"seconds": SECONDS, "end": self.loaded, **plan}
        assert not (await self.bench.run("list_traces", CALLERS, **asked)).failures

    async def sent(self, count: int) -> str:
        """Write a large trace that began half an hour ago."""
        trace_id, batches = large_trace(count, time.time_ns() - HOUR // 2)
        await send(self.jaeger.otlp, batches)
        await asyncio.sleep(WRITTEN)
        return trace_id


def _steps(server: _Server) -> dict[str, Callable[[], Awaitable[None]]]:
    """Return what to do, by name."""
    return {
        "nothing": partial(asyncio.sleep, SECONDS),
        "logging in": server.log_in,
        **{f"page: {name}": partial(server.page, path) for name, path in many.PAGES.items()},
        f"page: {ALERTS:,} alerts": partial(server.get, "/sites/alerts/alerts/"),
        f"`Alerts`: {ALERTS:,}": server.alerts,
        f"page: audit log of {ROWS:,}": partial(server.get, "/audit/"),
        "audit log as CSV": partial(server.get, "/audit/rows.csv"),
        "audit log as JSON": partial(server.get, "/audit/rows.jsonl"),
        **{
            f"`ListTraces`, {CALLERS} callers, limit {limit}": partial(server.many_lists, limit)
            for limit in searching.LIMITS
        },
    }


def _of_traces(server: _Server) -> dict[str, tuple[int, Callable[[str], Awaitable[None]]]]:
    """Return what to do with a new trace, by name: how many spans it has, and what."""
    few, much = 10_000, 100_000
    return {
        f"`ShowTrace`, {few:,} spans": (few, server.show_trace),
        f"`ShowTrace`, {much:,} spans, 30 MB": (much, server.show_trace),
        f"page: {few:,} spans": (few + 1, server.trace_page),
        f"page: {much:,} spans": (much + 1, server.trace_page),
        f"`ShowLogs`, {much:,} spans": (much + 2, server.show_logs),
        "`ListTraces` of all of these": (much + 3, server.list_traces),
    }


async def measure() -> list[str]:
    """Return the lines of the page."""
    async with AsyncExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(3)]
        jaeger = stack.enter_context(servers.jaeger(folders[0]))
        loaded = await searching.load_traces(jaeger.otlp)
        fakes = [await stack.enter_async_context(FakePrometheus()) for _ in range(many.SITES + 1)]
        *usual, alerting = fakes
        many.fill(usual[0])
        many.fill_alerts(alerting, ALERTS)
        own = many.SITE.format(name="alerts", jaeger=jaeger.query, prometheus=alerting.url)
        portal = portals.portal(folders[1], many.site_file(jaeger.query, usual) + own)
        token = portal.person("bench", "operators", "auditors")
        portal.manage("shell", "--verbosity", "0", "--command", _AUDIT)
        file = folders[2] / "notes"
        program: list[str | Path] = [sys.executable, "-m", "tests.bench.timed_loop", file]
        stack.enter_context(portal.running("serve", folders[2], program=program))
        notes, lines = Notes(file), [HEAD]
        lines.append(_row("start", notes.new()))
        opened = await stack.enter_async_context(window(portal))
        web = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://{portal.web}", cookies=await opened.cookies(), timeout=60
            )
        )
        options = [("grpc.max_receive_message_length", -1)]
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(portal.grpc, options))
        bench = Bench(replace(portal, health=portal.web), token)
        server = _Server(jaeger, opened, web, OpsStub(channel), bench, loaded)
        for name, step in _steps(server).items():
            lines.append(await _step(name, step, notes))
        for name, (spans, of_trace) in _of_traces(server).items():
            step = partial(of_trace, await server.sent(spans))
            lines.append(await _step(name, step, notes))
    return lines


async def _step(name: str, step: Callable[[], Awaitable[None]], notes: Notes) -> str:
    notes.new()
    await step()
    await asyncio.sleep(SETTLED)
    return _row(name, notes.new())


def _row(name: str, found: list[dict[str, Any]]) -> str:
    cpu, what = max(((each["cpu"], each["what"]) for each in found), default=(0.0, ""))
    waited = max((each["waited"] for each in found), default=0.0)
    over = sum(each["cpu"] > NOTED for each in found)
    return row(name, over, _time(cpu), _time(waited), f"`{what}`" if over else "")


def _time(seconds: float) -> str:
    return milliseconds(seconds) if seconds > NOTED else f"under {milliseconds(NOTED)}"
