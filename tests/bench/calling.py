"""Call a server from a separate process, and count what the server did meanwhile."""

import asyncio
import json
import re
import statistics
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from tests.live import portals, servers

SLICES = "opsportal_search_calls_bucket"
ASKED = "opsportal_search_calls_sum"
_SAMPLE = re.compile(
    rf"^(opsportal_backend_calls_total|{SLICES}|{ASKED})(\{{.*\}})? (\S+)$", re.MULTILINE
)


@dataclass(frozen=True)
class Figures:
    """The figures of one run; latencies in seconds, sorted.

    `calls` and `served` (the increase of the server's counters) include the warm-up, the rest
    does not.
    """

    calls: int
    seconds: float
    latencies: list[float]
    failures: dict[str, int]
    smallest: int | None
    served: Counter[str]

    @property
    def median(self) -> float:
        """In seconds."""
        return statistics.median(self.latencies)

    @property
    def rate(self) -> float:
        """Answered calls per second."""
        return len(self.latencies) / self.seconds

    @property
    def upstream(self) -> int:
        """Calls to backends."""
        return self.served["opsportal_backend_calls_total"]

    @property
    def asked(self) -> int:
        """How many slices of time all searches together requested from Jaeger."""
        return self.served[ASKED]

    @property
    def slices(self) -> int:
        """How many slices of time half of the searches requested from Jaeger, at most."""
        buckets = {
            float(key.removeprefix(SLICES).split('"')[1]): value
            for key, value in self.served.items()
            if key.startswith(SLICES)
        }
        half = max(buckets.values()) / 2
        return int(min(most for most, searches in buckets.items() if searches >= half))

    @property
    def p99(self) -> float:
        """In seconds."""
        return self.latencies[int(len(self.latencies) * 0.99)]


@dataclass(frozen=True)
class Bench:
    """A running server, and the token to call it with."""

    portal: portals.Portal
    token: str

    async def run(
        self, rpc: str, callers: int, *, seconds: float, address: str = "", **more: Any
    ) -> Figures:
        """Call from a separate process, and count the calls to backends meanwhile.

        It calls the server, or another one at `address`.
        """
        plan = {
            "address": address or self.portal.grpc,
            "health": self.portal.health,
            "token": self.token,
            "rpc": rpc,
            "callers": callers,
            "seconds": seconds,
            "pause": 0,
            **more,
        }
        before = self._metrics()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.load",
            cwd=servers.ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate(json.dumps(plan).encode())
        found = json.loads(output)
        found["latencies"].sort()
        return Figures(**found, served=self._metrics() - before)

    def _metrics(self) -> Counter[str]:
        """Return the server's counters, summed over backends."""
        text = httpx.get(f"http://{self.portal.health}/metrics").text
        found = Counter[str]()
        for name, labels, value in _SAMPLE.findall(text):
            key = name + labels if name == SLICES else name
            found[key] += int(float(value))
        return found


def speed(figures: Figures) -> tuple[str, str, str]:
    """Return calls per second, median and 99th percentile."""
    rate = f"{figures.rate:,.0f}"
    return rate, milliseconds(figures.median), milliseconds(figures.p99)


def milliseconds(seconds: float) -> str:
    """Write seconds as milliseconds."""
    return f"{seconds * 1000:,.{0 if seconds > 0.01 else 1}f} ms"


def row(*cells: object) -> str:
    """Return a row of a table, and print it."""
    line = f"| {' | '.join(map(str, cells))} |"
    print(line, flush=True)
    return line
