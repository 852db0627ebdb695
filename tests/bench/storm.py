"""Alerts in subscribed channels: how soon they are there, and a storm in which a bot is killed.

A watcher and two bots, each a process, tell each other through Redis; Prometheus and Slack are
fakes on real sockets. Slack takes POST_SECONDS for a message. After some alerts one by one, 1,000
alerts in 200 groups fire within a minute, and one bot is killed while it posts.
"""

import asyncio
import math
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from tests.bench.bot import Bot, prepared, started
from tests.bench.calling import row
from tests.bench.chaos import database_of
from tests.fakes.prometheus import FakePrometheus, alert
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.blocks import Json
from tests.live import databases

CHANNELS = [f"C0STORM{number:02}" for number in range(5)]
SINGLE, APART = 8, 7.0  # alerts one by one, seconds apart: fewer than a storm
QUIET = 65.0  # seconds after these, so that they do not count as part of the storm
GROUPS, ALERTS, STORM = 200, 5, 60.0  # of each group, seconds
KILLED = 20.0  # seconds after it began
PATIENCE = 60.0
POST_SECONDS = 0.2
POLL_SECONDS = 2
AGAIN = "did not confirm an earlier message"
SITES = """
[sites.bench.prometheus]
url = "{url}"
"""
SUBSCRIBE = f"""
from ops.subscriptions.models import StoredSubscription
for number, channel in enumerate({CHANNELS}, start=1):
    StoredSubscription.objects.create(site="bench", number=number, channel=channel, made_at=1)
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that Slack took: when, which, and what the message shows."""

    at: float
    method: str
    channel: str
    thread: str
    shown: str


class NotingSlack(FakeSlack):
    """Slack, which notes what it shows when."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Call] = []

    def _post(self, arguments: Json) -> Json:
        answer = super()._post(arguments)
        self._note("post", answer)
        return answer

    def _update(self, arguments: Json) -> Json:
        answer = super()._update(arguments)
        self._note("edit", answer)
        return answer

    def _note(self, method: str, answer: Json) -> None:
        post = next(each for each in self.posts[::-1] if each.ts == answer["ts"])
        self.noted.append(Call(time.monotonic(), method, post.channel, post.thread_ts, post.shown))


class NotingPrometheus(FakePrometheus):
    """A Prometheus that notes when an alert was first in an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, float] = {}

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._answer(request)
        if request.path.endswith(("/alerts", "/rules")):
            names = [rule["name"] for group in self.groups for rule in group["rules"]]
            for name in names:
                self.seen.setdefault(name, time.monotonic())
        return answer


def _fires(prometheus: FakePrometheus, name: str, alerts: int) -> None:
    every = (alert(name, severity="page", instance=f"pod-{each}") for each in range(alerts))
    prometheus.rule(name, *every)


async def _happens(prometheus: FakePrometheus, bots: Sequence[Bot]) -> None:
    """Let the alerts fire one by one, then the storm; kill a bot in it."""
    for number in range(SINGLE):
        _fires(prometheus, f"Single{number:03}", 1)
        await asyncio.sleep(APART)
    await asyncio.sleep(QUIET)
    began, alive = time.monotonic(), True
    for number in range(GROUPS):
        await asyncio.sleep(max(began + number * STORM / GROUPS - time.monotonic(), 0))
        _fires(prometheus, f"Storm{number:03}", ALERTS)
        if alive and time.monotonic() > began + KILLED:
            bots[0].process.kill()
            alive = False
    await asyncio.sleep(PATIENCE)


def _readable(slack: NotingSlack, name: str, channel: str) -> float:
    """Return when a channel first showed an alert's name, infinity for never."""
    shown = (call.at for call in slack.noted if call.channel == channel and name in call.shown)
    return next(shown, math.inf)


def _delays(slack: NotingSlack, prometheus: NotingPrometheus, word: str) -> list[float]:
    """Return how long after the poll that saw it each alert was readable in each channel."""
    names = [name for name in prometheus.seen if name.startswith(word)]
    return [
        _readable(slack, name, channel) - prometheus.seen[name]
        for name in names
        for channel in CHANNELS
    ]


def _twice(slack: FakeSlack) -> list[str]:
    """Return the messages that a channel or thread has twice, except those that say so."""
    heads = Counter(
        (post.channel, post.thread_ts, post.shown.partition("\n")[0])
        for post in slack.posts
        if AGAIN not in post.shown
    )
    return [f"{channel}: {head}" for (channel, _, head), number in heads.items() if number > 1]


def _most_in(seconds: float, times: Sequence[float]) -> int:
    return max((sum(at <= each < at + seconds for each in times) for at in times), default=0)


def _rows(slack: NotingSlack, prometheus: NotingPrometheus) -> Iterator[str]:
    single, storm = _delays(slack, prometheus, "Single"), _delays(slack, prometheus, "Storm")
    twice = _twice(slack)
    assert not twice, f"posted twice: {twice}"
    assert max(storm) <= PATIENCE, f"unread after {PATIENCE:g} s: {max(storm):.1f} s"
    edits = [call.at for call in slack.noted if call.method == "edit"]
    assert _most_in(60, edits) <= 40, "more than forty edits a minute"
    posts = {
        channel: [
            call.at for call in slack.noted if (call.method, call.channel) == ("post", channel)
        ]
        for channel in CHANNELS
    }
    limited = sum(fault.status == 429 for _, _, fault in slack.failed)
    anew = sum(AGAIN in post.shown for post in slack.posts)
    tops = sum(not post.thread_ts for post in slack.posts)
    p95 = statistics.quantiles(single, n=20, method="inclusive")[18]
    yield row("an alert alone: poll to message, p50, p95, longest",
              f"{statistics.median(single):.2f} s, {p95:.2f} s, {max(single):.2f} s")  # fmt: skip
    yield row("storm: poll until its group is readable, p50, longest",
              f"{statistics.median(storm):.1f} s, {max(storm):.1f} s")  # fmt: skip
    yield row("posts in all channels; outside of threads", f"{len(slack.posts)}; {tops}")
    most = max(_most_in(10, each) for each in posts.values())
    yield row("most posts of a channel in ten seconds", most)
    yield row("edits; most in a minute", f"{len(edits)}; {_most_in(60, edits)}")
    yield row("posted twice", len(twice))
    yield row("posted again, because Slack's answer was lost in the kill", anew)
    yield row("calls that Slack refused as too fast", limited)


async def measure() -> list[str]:
    """Measure it; returns the lines of the page."""
    async with NotingPrometheus() as prometheus, NotingSlack() as slack:
        slack.channels |= {*CHANNELS}
        slack.seconds["chat.postMessage"] = POST_SECONDS
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="opsportal-storm-")))
            kind, database = database_of(stack)
            places = {each: folder / each for each in ("redis", "watch")}
            for place in places.values():
                place.mkdir()
            redis = stack.enter_context(databases.redis(places["redis"]))
            sites = SITES.format(url=prometheus.url)
            portal = await asyncio.to_thread(prepared, folder, slack, sites, database)
            more = {"REDIS_URL": redis, "OPSPORTAL_POLL_SECONDS": f"{POLL_SECONDS}"}
            portal = replace(portal, environment={**portal.environment, **more})
            await asyncio.to_thread(portal.manage, "shell", "--verbosity", "0", "-c", SUBSCRIBE)
            try:
                watching = portal.running("watch", places["watch"])
                await asyncio.to_thread(stack.enter_context, watching)
                bots = [await asyncio.to_thread(started, stack, portal, folder, n) for n in (1, 2)]
                await _happens(prometheus, bots)
            finally:
                await asyncio.to_thread(stack.close)
        assert not slack.violations, slack.violations
        return [
            f"\nA watcher that polls every {POLL_SECONDS} s and two bots, on {kind}. {SINGLE} "
            f"alerts one by one, then {GROUPS * ALERTS:,} alerts in {GROUPS} groups within "
            f"{STORM:g} s, in {len(CHANNELS)} channels; one bot is killed {KILLED:g} s later.\n",
            "| | |",
            "|---|--:|",
            *_rows(slack, prometheus),
        ]


if __name__ == "__main__":
    print("\n".join(asyncio.run(measure())))
