"""An alert's page and the strips of groups, over a million periods on SQLite."""

import asyncio
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import httpx

from ops.vocabulary.alerts import Origin
from tests.bench.calling import milliseconds
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import portals

NAMES, EACH, PERIODS = 100, 100, 100  # alert names, alerts of a name, periods of an alert
TIMES = 40
APART = 1.1  # seconds between two loads, so that they do not share answers
SITES = """
[sites.bench]
[[sites.bench.prometheus]]
name = "main"
url = "{prometheus}"
"""
HEAD = f"""
{NAMES * EACH * PERIODS:,} periods of {NAMES * EACH:,} alerts in 30 days on SQLite, of which
{NAMES * EACH:,} are firing: the time until a page has been received in full. The aim for an alert's
page and for a group is 300 ms, for the first page of all alerts 1 s.

| page | p50 | p95 |
|---|--:|--:|"""
# Raw SQL, because a million objects take minutes.
_FILL = f"""
import json, time
from django.db import connection, transaction
from ops.vocabulary.alerts import Origin
now, day = time.time_ns(), 24 * 3600 * 10**9
origin, rows = Origin("bench", "main"), []
apart = 30 * day // {PERIODS}
for number in range({NAMES * EACH}):
    name = f"Rule{{number % {NAMES}}}"
    labels = {{"alertname": name, "pod": f"pod-{{number}}", "job": "shop", "severity": "page"}}
    key, text = origin.fingerprint("demo", name, labels), json.dumps(labels)
    for period in range({PERIODS}):
        start = now - period * apart - number * 10**9
        end = None if period == 0 else start + apart // 3
        summary = json.dumps({{"summary": f"pod {{number}} is slow"}})
        rows.append(("bench", key, "firing", start, end, name, "demo", text, summary,
                     '["main"]', start))
with transaction.atomic(), connection.cursor() as cursor:
    cursor.executemany(
        "INSERT INTO alerts_alertperiod (site, key, state, start, end, name, 'group', labels, "
        "annotations, sources, active_at) VALUES (" + ", ".join(["%s"] * 11) + ")", rows)
    cursor.execute("INSERT INTO watch_watched (site, epoch, start, end) "
                   "VALUES ('bench', 0, %s, %s)", (now - 30 * day, now))
    cursor.execute("INSERT INTO watch_sourceperiod (site, key, state, start, reason) "
                   "VALUES ('bench', 'alerts main', 'answers', %s, '')", (now - 30 * day,))
"""


async def measure() -> list[str]:
    """Return the lines of the page."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as logs:
        async with FakePrometheus() as prometheus:
            _fire(prometheus)
            portal = portals.portal(Path(folder), SITES.format(prometheus=prometheus.url))
            portal.person("bench", "viewers")
            await asyncio.to_thread(portal.manage, "shell", "--command", _FILL)
            with portal.running("serve", Path(logs)):
                return [HEAD, *await _pages(f"http://{portal.web}")]


def _fire(prometheus: FakePrometheus) -> None:
    for number in range(NAMES):
        name, same = f"Rule{number}", range(number, NAMES * EACH, NAMES)
        prometheus.rule(name, *(alert(name, **_labels(each)) for each in same))


def _labels(number: int) -> dict[str, Any]:
    return {"pod": f"pod-{number}", "job": "shop", "severity": "page"}


async def _pages(base: str) -> list[str]:
    async with httpx.AsyncClient(base_url=base, timeout=60) as web:
        path = "/account/login/"
        await web.get(path)
        form = {"username": "bench", "password": "opensesame"}
        token = {"csrfmiddlewaretoken": web.cookies["csrftoken"]}
        assert (await web.post(path, data=form | token)).status_code == 302
        return [
            await _row(web, "an alert", [f"/alerts/{_fingerprint(n)}/" for n in range(TIMES)]),
            await _row(
                web,
                "a group, by name",
                [f"/alerts/?q={quote(f'alertname=Rule{n}')}" for n in range(TIMES)],
            ),
            await _row(web, "all alerts", ["/alerts/"] * TIMES),
            await _row(web, "all alerts by severity", ["/alerts/?by=severity"] * TIMES),
        ]


def _fingerprint(number: int) -> str:
    name = f"Rule{number % NAMES}"
    return Origin("bench", "main").fingerprint("demo", name, {"alertname": name, **_labels(number)})


async def _row(web: httpx.AsyncClient, name: str, paths: list[str]) -> str:
    took = []
    for path in paths:
        await asyncio.sleep(APART)
        started = time.perf_counter()
        answer = await web.get(path)
        took.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer
        assert answer.text.count("<article") <= 200
        assert 'class="firing"' in answer.text, path
    p95 = statistics.quantiles(took, n=20, method="inclusive")[18]
    return f"| {name} | {milliseconds(statistics.median(took))} | {milliseconds(p95)} |"
