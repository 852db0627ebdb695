"""A thousand open pages of many alerts: when a change is there, what it costs, how much is sent.

Each of 50 people has the alerts page open 20 times. After each poll one alert in a hundred has
ended and another has begun, and every value is different. A change is an alert with a word that
nothing else has; the time counts from the poll that sees it, until a socket has received it, and
until a real browser, which has the page open too, has drawn it.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from aiohttp import web

from tests.bench.calling import row
from tests.bench.crowd import people
from tests.bench.drawing import Drawing, drawing
from tests.bench.listening import Heard
from tests.fakes.prometheus import Body, FakePrometheus, alert
from tests.live import databases, portals, servers

ALERTS, NAMES, PEOPLE, EACH = 5_000, 50, 50, 20
CHURN = 100  # one in so many
POLL = 5  # seconds
CHANGES = 8
SECONDS = 60  # of measuring CPU time
PAGE = "/alerts/"
SITES = """
[sites.bench]
[[sites.bench.prometheus]]
name = "main"
url = "{prometheus}"
"""
HEAD = f"""
Open pages: {PEOPLE * EACH:,} browsers show the alerts page of a site with {ALERTS:,} alerts. After
each poll, every {POLL} s, one alert in {CHURN} has ended, another has begun, and every value is
different. *There* is the time from Prometheus's answer with a new alert until a browser has
received it, *drawn* until one that is Chromium has painted it (p95 aim of both: 1 s). *Bytes* are
those for a browser and poll (aim: 15 kB). *CPU* and *memory* are those of the web process (aims:
15% of a core, 250 MB); `serve` also polls.

| processes | there p50 | p95 | longest | drawn p50 | longest | bytes | CPU | memory |
|---|--:|--:|--:|--:|--:|--:|--:|--:|"""


class Answering(FakePrometheus):
    """A Prometheus that says when it has answered a poll."""

    def __init__(self) -> None:
        super().__init__()
        self._answered = asyncio.Event()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._serve(request)
        self._answered.set()
        return answer

    async def answered(self) -> float:
        """Wait for the next answer; returns when that is."""
        self._answered.clear()
        await self._answered.wait()
        return time.time()


class Churning:
    """The alerts of a Prometheus, which come and go."""

    def __init__(self, prometheus: FakePrometheus) -> None:
        self._rules = [prometheus.rule(f"Alert{number:02}") for number in range(NAMES)]
        self._marker = prometheus.rule("Marker")
        self._next = 0
        for rule in self._rules:
            rule["alerts"] = [self._new(rule["name"]) for _ in range(ALERTS // NAMES)]

    def _new(self, name: str) -> Body:
        self._next += 1
        summary = f"pod {self._next} has failed for longer than it should"
        return alert(
            name,
            annotations={"summary": summary},
            severity="warning",
            pod=f"pod-{self._next:06}",
        )

    def turn(self) -> None:
        """Let some end and others begin, and change every value."""
        now = time.time()
        for rule in self._rules:
            rule["alerts"] = [*rule["alerts"][1:], self._new(rule["name"])]
            for each in rule["alerts"]:
                each["value"] = f"{now % 1000 / 7:.6e}"

    def mark(self, word: str) -> None:
        """Let an alert with this word fire, instead of the one before."""
        summary = {"summary": f"the word is {word}"}
        self._marker["alerts"] = [alert("Marker", annotations=summary, severity="critical")]


async def measure() -> list[str]:
    """Return the lines of the page."""
    return [HEAD, await _row("`serve`", shared=False), await _row("web, Redis", shared=True)]


async def _row(name: str, *, shared: bool) -> str:
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(4)]
        async with Answering() as prometheus:
            churning = Churning(prometheus)
            redis = {}
            if shared:
                redis["REDIS_URL"] = stack.enter_context(databases.redis(folders[3]))
            sites = SITES.format(prometheus=prometheus.url)
            portal = await asyncio.to_thread(lambda: portals.portal(folders[0], sites, **redis))
            sessions = await asyncio.to_thread(
                lambda: [each.session for each in people(portal, PEOPLE)] * EACH
            )
            process = await asyncio.to_thread(
                stack.enter_context, _web(portal, folders[1], folders[2], shared=shared)
            )
            await asyncio.to_thread(portal.person, "bench", "operators")
            async with _listening(portal.web, sessions, folders[0]) as listening:
                async with drawing(portal, PAGE) as browser:
                    times = await _times(listening, browser, prometheus, churning)
                costs = await _costs(process.pid, listening, prometheus, churning)
                return row(name, *times, *costs)


@contextmanager
def _web(
    portal: portals.Portal, first: Path, second: Path, *, shared: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `serve`, or a web process beside a watcher."""
    if not shared:
        with portal.running("serve", first) as process:
            yield process
        return
    host, _, port = portal.web.rpartition(":")
    command = [
        sys.executable, "-m", "uvicorn", "opsportal.asgi:application", "--host", host, "--port",
        port, "--no-proxy-headers", "--ws", "websockets-sansio", "--ws-max-size", "125",
        "--ws-per-message-deflate", "false", "--log-level", "warning",
    ]  # fmt: skip
    ready = servers.answers(f"http://{portal.web}/readyz")
    web = servers.running(command, first, ready, env=portal.environment, cwd=servers.ROOT)
    with portal.running("watch", second), web as process:
        yield process


class Listening:
    """The process with the browsers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def hear(self, word: str) -> Heard:
        """Wait until every browser has received a word, "-" for none."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{word}\n".encode())
        heard: Heard = json.loads(await self._process.stdout.readline())
        return heard


@asynccontextmanager
async def _listening(host: str, sessions: list[str], folder: Path) -> AsyncIterator[Listening]:
    given = folder / "listeners.json"
    given.write_text(json.dumps({"host": host, "page": quote(PAGE, safe=""), "sessions": sessions}))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.listening", given,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=servers.ROOT,
    )  # fmt: skip
    assert process.stdin and process.stdout
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield Listening(process)
    finally:
        process.stdin.close()
        await process.wait()


async def _times(
    listening: Listening, browser: Drawing, prometheus: Answering, churning: Churning
) -> list[str]:
    """Return how long it takes until a change is there, and until it is drawn."""
    there: list[float] = []
    drawn: list[float] = []
    for number in range(CHANGES):
        word = f"marker-{number}."
        painted = asyncio.create_task(browser.drawn(word))
        churning.turn()
        churning.mark(word)
        seen = await prometheus.answered()
        heard = await listening.hear(word)
        assert len(heard["at"]) == PEOPLE * EACH, f"only {len(heard['at'])} have heard"
        there += [at - seen for at in heard["at"]]
        async with asyncio.timeout(POLL):
            drawn.append(await painted - seen)
    there.sort()
    p95 = there[int(len(there) * 0.95)]
    found = statistics.median(there), p95, there[-1], statistics.median(drawn), max(drawn)
    return [f"{each:.2f} s" for each in found]


async def _costs(
    process: int, listening: Listening, prometheus: Answering, churning: Churning
) -> list[str]:
    """Return what is sent to a browser at each poll, and what the web process takes."""
    before, busy, began = await listening.hear("-"), cpu(process), time.monotonic()
    polls = 0
    while time.monotonic() - began < SECONDS:
        await prometheus.answered()
        await asyncio.sleep(POLL / 2)
        churning.turn()
        polls += 1
    after = await listening.hear("-")
    used = (cpu(process) - busy) / (time.monotonic() - began)
    each = (after["bytes"] - before["bytes"]) / polls / (PEOPLE * EACH)
    return [f"{each / 1000:.1f} kB", f"{used:.0%}", f"{memory(process)} MB"]


def cpu(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Return the megabytes that a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024
