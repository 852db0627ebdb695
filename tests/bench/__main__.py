"""Measure, and write the figures to docs/benchmarks.md: `make bench`, about twenty minutes.

Server, load and backends share the machine. `--only search` measures only the search for traces,
`--only stops` the event loop's stops, `--only holds` its longest callbacks, `--only reading` single
traces, `--only many` the pages of a site with many services, `--only crowd` many people at once,
`--only open` many open pages, `--only remote` machines that ask, `--only past` alerts with a long
history, `--only causes` what changed before an alert, `--only incident` an incident's page,
`--only polling` a watcher, `--only storm` subscribed channels. `--seconds 1` shortens the first
two.
"""

import asyncio
import os
import platform
from argparse import ArgumentParser
from contextlib import ExitStack
from datetime import date
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import (
    causes,
    crowd,
    holds,
    incident,
    machines,
    many,
    open_pages,
    pages,
    past,
    patterns,
    polling,
    reading,
    searching,
    stops,
    storm,
)
from tests.bench.calling import Bench, Figures, milliseconds, row, speed
from tests.bench.load import CALLERS
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import portals, servers

ALERTS = 2_000
SECONDS = 8
SHORTER = 4.0
PAGE = servers.ROOT / "docs" / "benchmarks.md"
SITES = """
[sites.bench.jaeger]
address = "{jaeger}"
[[sites.bench.prometheus]]
url = "{prometheus}"
[sites.bench.services.petstore]
"""


def fake_alerts(prometheus: FakePrometheus) -> None:
    """Let a rule fire for many instances."""
    prometheus.rule(
        "InstanceDown",
        *(
            alert(
                "InstanceDown",
                annotations={"summary": f"instance {number} does not answer"},
                instance=f"10.0.{number // 250}.{number % 250}:9100",
                job="petstore",
                severity="page",
            )
            for number in range(ALERTS)
        ),
    )


async def measure(bench: Bench) -> list[str]:
    """Measure the calls that need no traces; returns the lines of the page."""
    together = await bench.run("alerts", 200, seconds=0)
    assert together.smallest == ALERTS and not together.failures, together.failures
    rows = [
        _refused_row(each, await bench.run("refused", each, seconds=SECONDS)) for each in (1, 50)
    ]
    return [_alerts_sentence(together), REFUSED_HEAD, *rows]


REFUSED_HEAD = """
A call that needs no backend (token, user and permission are checked, then the ID is refused):

| callers | calls/s | p50 | p99 |
|--:|--:|--:|--:|"""


def _refused_row(callers: int, figures: Figures) -> str:
    assert not figures.failures, figures.failures
    return row(callers, *speed(figures))


def _alerts_sentence(figures: Figures) -> str:
    return (
        f"\n{figures.calls} calls of `Alerts` at the same moment, {CALLERS} on each connection, "
        f"{ALERTS:,} alerts firing: all answered in full after {figures.seconds:.2f} s, "
        f"p99 {milliseconds(figures.p99)}; calls to Prometheus: {figures.upstream}."
    )


def _versions() -> str:
    return (
        f"Measured on {date.today():%-d %B %Y} with {os.cpu_count()} cores and Python "
        f"{platform.python_version()}; the load before it was {os.getloadavg()[0]:.1f}."
    )


def _machine(seconds: float) -> str:
    return (
        f"Measured on {date.today():%-d %B %Y} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, grpcio {version('grpcio')}, Jaeger 2.13.0 with memory "
        f"storage and {searching.TRACES:,} traces of {searching.SPANS} spans, {seconds:g} s each "
        "after up to a second of warm-up."
    )


async def _crowd() -> list[str]:
    with TemporaryDirectory() as folder, servers.jaeger(Path(folder)) as jaeger:
        await searching.load_traces(jaeger.otlp)
        return await crowd.measure(jaeger.query)


# The parts that have servers of their own.
APART = {
    "past": past.measure,
    "causes": causes.measure,
    "incident": incident.measure,
    "many": many.measure,
    "holds": holds.measure,
    "polling": polling.measure,
    "storm": storm.measure,
    "crowd": _crowd,
    "remote": machines.measure,
    "open": open_pages.measure,
}


async def main(only: str, seconds: float) -> None:
    """Measure everything or one part, and write the figures."""
    for part, measure_part in APART.items():
        if only in ("", part):
            _write(part, [_versions(), *await measure_part()])
    if only in APART:
        return
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(4)]
        jaeger = stack.enter_context(servers.jaeger(folders[0]))
        loaded = await searching.load_traces(jaeger.otlp)
        lines = []
        async with FakePrometheus() as prometheus:
            fake_alerts(prometheus)
            sites = SITES.format(jaeger=jaeger.query, prometheus=prometheus.url)
            portal = portals.portal(folders[1], sites)
            token = portal.person("bench", "viewers")
            bench = Bench(portal, token)
            with portal.running("rungrpc", folders[2]):
                if only in ("", "search"):
                    found = await searching.measure(bench, jaeger.query, loaded, seconds)
                    _write("search", [_machine(seconds), *found])
                if only in ("", "stops"):
                    _write("stops", [_machine(seconds), *await stops.measure(bench, seconds)])
                if not only:
                    lines += await measure(bench)
            if only in ("search", "stops"):
                return
            with portal.running("serve", folders[3]) as process:
                if not only:
                    lines += await pages.measure(jaeger, portal, process.pid)
                async with pages.window(portal) as opened:
                    cookies = await opened.cookies()
                found = await reading.measure(jaeger, portal, token, cookies)
                _write("reading", [_machine(seconds), *found])
            if only:
                return
    _write("figures", [_machine(SECONDS), *lines, *patterns.measure()])


def _write(part: str, lines: list[str]) -> None:
    """Replace the text between a part's marks on the page."""
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    before, _, rest = PAGE.read_text().partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(before + begin + "\n".join(lines) + "\n" + end + after)


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only",
        choices=["search", "stops", "reading", *APART],
        default="",
        help="the part to measure",
    )
    parser.add_argument("--seconds", type=float, default=SHORTER, help="of each of their rows")
    chosen = parser.parse_args()
    asyncio.run(main(chosen.only, chosen.seconds))
