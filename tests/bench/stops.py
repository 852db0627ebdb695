"""How long the event loop stops while a caller sends requests that are expensive to read.

`/healthz` is called again and again from a separate process: it answers from that loop and needs
nothing else, so its slowest answer is the longest stop.
"""

import asyncio

from tests.bench.calling import Bench, Figures, milliseconds, row
from tests.bench.load import COSTLY

PAUSE = 0.002  # seconds between two calls

HEAD = """
The event loop's longest stop while one caller keeps sending what is expensive to read: the slowest
answer of `/healthz`, and how many times as long that is as the slowest just before, when idle.

| sent | calls | `/healthz` p99 | longest stop | idle p99 | longest | times |
|---|--:|--:|--:|--:|--:|--:|"""


async def measure(bench: Bench, seconds: float) -> list[str]:
    """Return the lines of the page; every row takes a little more than twice `seconds`."""
    lines = [HEAD]
    for what in COSTLY:
        idle = await bench.run("healthz", 1, seconds=seconds, pause=PAUSE)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(bench.run("costly", 1, seconds=seconds + 1, costly=what))
            asking = group.create_task(bench.run("healthz", 1, seconds=seconds, pause=PAUSE))
        lines.append(_row(what, idle, asking.result(), sending.result()))
    return lines


def _row(what: str, idle: Figures, busy: Figures, sent: Figures) -> str:
    assert not (idle.failures or busy.failures or sent.failures), sent.failures
    rest, stop = idle.latencies[-1], busy.latencies[-1]
    return row(
        what, f"{len(sent.latencies):,}", milliseconds(busy.p99), milliseconds(stop),
        milliseconds(idle.p99), milliseconds(rest), f"{stop / rest:.1f}",
    )  # fmt: skip
