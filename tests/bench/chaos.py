"""Two bots as processes of their own in an hour's trouble, in three minutes: `make chaos`.

Slack refreshes and breaks connections, limits, loses answers, delivers again and elsewhere; the
bots are killed and started again; Jaeger is slow. What must be so however slow the machine is,
is asserted; the rest is figures, which go into docs/benchmarks.md.
"""

import asyncio
import json
import os
import platform
import random
import re
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.bench.bot import (
    LOCKED,
    POST_SECONDS,
    Bot,
    answered,
    burst,
    locked,
    prepared,
    shown,
    started,
)
from tests.bench.verdict import Question, Verdict, verdict
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.jaeger import FakeJaeger, span, trace
from tests.fakes.slack import ALICE, Delivery, FakeSlack, Fault
from tests.live import servers

SEED = 1_760_005_930
SECONDS = 180.0
DRAIN_SECONDS = 120.0  # a lease, the next look for it, and what has piled up
BURST = 500
QUESTIONS = 400
CHANNELS = 20
REFRESHES = 60  # four connections, some refreshed more often than in an hour
BREAKS = 3
KILLS = 6
TOGETHER = 5  # asked at the moment of a break or a kill
LIMITED = 40
LOST_POSTS = 24
SLOWEST = 4.0  # seconds that Jaeger takes
ACK_SECONDS = 3.0  # after which Slack delivers again
RETRIES = 3
MARKS = re.compile(r"(?<=<!-- chaos -->\n).*?(?=<!-- end of chaos -->)", re.DOTALL)
PAGE = servers.ROOT / "docs" / "benchmarks.md"
SITES = """
[sites.bench]
default_service = "petstore"
change_now = true
[sites.bench.jaeger]
address = "{jaeger.address}"
[sites.bench.services.petstore]
instances = ["{instance.address}"]
"""
LIMIT = Fault("ratelimited", status=429, retry_after=1)


@dataclass
class Trouble:
    """What happens to two bots, by chance; the seed makes it much the same in each run."""

    slack: FakeSlack
    jaeger: FakeJaeger
    portal: servers.Portal
    folder: Path
    stack: ExitStack
    bots: list[Bot] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    number: int = 0

    async def run(self) -> None:
        """Let everything happen at once, until all is asked."""
        slowing = asyncio.create_task(self._slow())
        await asyncio.gather(
            self._spread(QUESTIONS, self._ask),
            self._spread(REFRESHES, self._refresh),
            self._spread(BREAKS, self._break),
            self._spread(KILLS, self._kill),
            self._spread(LIMITED, self._limit),
            self._spread(LOST_POSTS, self._lose),
        )
        slowing.cancel()
        self.jaeger.seconds = 0
        await asyncio.gather(*self.under_way)

    async def start(self) -> Bot:
        """One bot more."""
        self.number += 1
        return await asyncio.to_thread(started, self.stack, self.portal, self.folder, self.number)

    def unready(self) -> int:
        """Of how many bots the health address says that Slack does not reach them."""
        answers = [httpx.get(f"http://{bot.health}/readyz") for bot in self.bots]
        return sum(answer.status_code == 503 for answer in answers)

    def reported(self) -> int:
        """Of how many the dashboard is told so."""
        return int(self.portal.manage("shell", "--verbosity", "0", "--command", COUNT_THE_TROUBLES))

    async def _spread(self, times: int, happen: Callable[[], Awaitable[None]]) -> None:
        """Have something happen so often, at any moment."""
        began = time.monotonic()
        for moment in sorted(self.dice.uniform(0, SECONDS) for _ in range(times)):
            await asyncio.sleep(began + moment - time.monotonic())
            await happen()

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    async def _ask(self) -> None:
        """A question in one of the channels, in half of the cases in a thread that there is."""
        number = len(self.questions)
        earlier = [each for each in self.questions[-40:] if not each.changes]
        above = self.dice.choice(earlier) if earlier and self.dice.random() < 0.5 else None
        changes = above is None and self.dice.random() < 0.15
        if changes:
            text, sign = f"change sampling float {_ratio(number)} now", ""
        else:
            sign = self.jaeger.add(trace(span("petstore", f"Question{number}")))
            text = f"show trace {sign}"
        place = {"channel": f"C0CHAOS{self.dice.randrange(CHANNELS):03}"}
        if above:
            place = {"channel": above.channel, "thread_ts": above.thread}
        event = self.slack.mention_event(ALICE, text, **place)
        thread = str(event.get("thread_ts") or event["ts"])
        question = Question(number, event["channel"], thread, event["ts"], sign, changes=changes)
        self.questions.append(question)
        self._begin(self._deliver(question, event))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.under_way.add(asyncio.create_task(work))

    async def _deliver(self, question: Question, event: dict[str, Any]) -> None:
        """As Slack does: again when it is not acknowledged, and often without a reason."""
        await self.slack.connected()
        question.deliveries.append(await self.slack.deliver(event))
        if self.dice.random() < 0.2:
            self._begin(self._again(question, 0, self.dice.uniform(0, 15)))
        if self.dice.random() < 0.1:
            attempt = self.dice.randint(1, RETRIES)
            self._begin(self._again(question, attempt, self.dice.uniform(0, 15)))
        for attempt in range(1, RETRIES + 1):
            await asyncio.sleep(ACK_SECONDS)
            if question.acknowledged is not None:
                return
            question.unheard = True
            await self._again(question, attempt, 0)

    async def _again(self, question: Question, attempt: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.slack.connected()
        self._count("deliveries again")
        question.deliveries.append(await self.slack.redeliver(question.deliveries[0], attempt))

    async def _refresh(self) -> None:
        """One connection is to be replaced; Slack closes it soon after."""
        if not self.slack.sockets:
            return
        socket = self.dice.choice(self.slack.sockets)
        self._count("refreshes")
        try:
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
        except ConnectionError:
            return
        await asyncio.sleep(1)
        await socket.close()

    async def _break(self) -> None:
        self._count("broken networks")
        await self._ask_some()
        self.slack.abort()

    async def _kill(self) -> None:
        """Kill one of them as the kernel does, and start another a moment later."""
        self._count("kills")
        await self._ask_some()
        bot = self.bots.pop(self.dice.randrange(len(self.bots)))
        bot.process.kill()
        await asyncio.to_thread(bot.process.wait)
        self.bots.append(await self.start())

    async def _ask_some(self) -> None:
        """What is on its way when something breaks."""
        for _ in range(TOGETHER):
            await self._ask()
        await asyncio.sleep(0)

    async def _limit(self) -> None:
        self.slack.fail(self.dice.choice(("chat.postMessage", "chat.update")), LIMIT)

    async def _lose(self) -> None:
        """The answer to a post does not arrive; half of these posts do not either."""
        self.slack.fail("chat.postMessage", self.dice.choice((Fault(lost=True), Fault(reset=True))))

    async def _slow(self) -> None:
        while True:
            self.jaeger.seconds = self.dice.choice((0, 0.1, SLOWEST * self.dice.random()))
            await asyncio.sleep(1)


def _ratio(number: int) -> float:
    """A sampling rate that no other question asks for."""
    return (number + 1) / 10_000


async def settled(trouble: Trouble) -> Verdict:
    """Wait until every question has an answer or is listed as lost, or for as long as is sane."""
    given_up = time.monotonic() + DRAIN_SECONDS
    while True:
        listed = await asyncio.to_thread(_listed, trouble.portal)
        found = verdict(trouble.questions, trouble.slack, listed)
        if not found.missing or time.monotonic() > given_up:
            return found
        await asyncio.sleep(2)


def _listed(portal: servers.Portal) -> dict[tuple[str, str], str]:
    """What the dashboard shows as lost: by channel and ts of the question, what it says of it."""
    said = portal.manage("shell", "--verbosity", "0", "--command", LIST_THE_LOST)
    return {(channel, ts): fate for channel, ts, fate in json.loads(said)}


COUNT_THE_TROUBLES = """
import asyncio
from bot.slack.report import report
print(len(asyncio.run(report()).troubles))
"""
LIST_THE_LOST = """
import asyncio, json
from bot.slack.report import report
lost = asyncio.run(report()).lost
print(json.dumps([[each.place, each.url.rpartition("/p")[2], each.fate] for each in lost]))
"""


def figures(trouble: Trouble, found: Verdict, instance: FakeInstance) -> list[str]:
    """The page's lines; asserts what does not depend on the machine."""
    rates = [round(rate * 10_000) for _, rate in instance.told]
    violations = [each for each in trouble.slack.violations if "acknowledgement took" not in each]
    assert len(rates) == len(set(rates)), f"a change was made twice: {rates}"
    assert not violations, violations
    assert not found.missing, f"without an answer and not shown as lost: {found.missing}"
    assert not found.twice, f"answered more than once: {found.twice}"
    assert not found.disordered, f"out of order: {found.disordered}"
    assert not found.unlisted, f"lost, and not shown as lost: {found.unlisted}"
    questions, counts = trouble.questions, trouble.counts
    limited = sum(fault.status == 429 for _, _, fault in trouble.slack.failed)
    acks = sorted(each.deliveries[0].seconds for each in questions if not each.unheard)
    unheard = sum(each.unheard for each in questions)
    changes = sum(question.changes for question in questions)
    return [
        f"In {SECONDS:.0f} s {len(questions)} mentions in {CHANNELS} channels, "
        f"{found.followers} of them in the thread of another, {changes} of them changes; "
        f"{counts['deliveries again']} deliveries again, {counts['refreshes']} refreshes, "
        f"{counts['broken networks']} times all connections broken, {counts['kills']} times a "
        f"bot killed, each amid {TOGETHER} mentions more, {limited} calls refused with 429, "
        f"{found.lost} posts whose answer was lost, Jaeger taking up to {SLOWEST:g} s.",
        "",
        "| | |",
        "|---|--:|",
        _row("answered exactly once", found.once),
        _row("answered more than once; out of order in their thread; lost unseen", "0; 0; 0"),
        *(_row(f"the dashboard says: the answer {fate}", n) for fate, n in found.fates.items()),
        _row("not in Slack", found.absent),
        _row("changes made; made twice", f"{len(rates)}; 0"),
        _row("acknowledged only when Slack delivered again", unheard),
        _row("of these, after a later one of their thread was asked", found.late),
        _row("the others acknowledged: p50, p99, most", _spread(acks)),
    ]


async def silence(trouble: Trouble) -> list[str]:
    """How long until health address and dashboard say that Slack is silent, and is back."""
    lines = ["", "| Slack is | on `/readyz` after | on the dashboard after |", "|---|--:|--:|"]
    for word, ill in (("silent", len(trouble.bots)), ("back", 0)):
        trouble.slack.silent = word == "silent"
        seen = await asyncio.gather(
            asyncio.to_thread(_seconds_until, trouble.unready, ill),
            asyncio.to_thread(_seconds_until, trouble.reported, ill),
        )
        lines.append(_row(word, *seen))
    return lines


def _seconds_until(count: Callable[[], int], wanted: int) -> str:
    began = time.monotonic()
    servers.until(lambda: count() == wanted, "what bots say of Slack is true")
    return f"{time.monotonic() - began:.0f} s"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _spread(seconds: Sequence[float]) -> str:
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    parts = (statistics.median(seconds), p99, max(seconds))
    return ", ".join(f"{part * 1000:,.0f} ms" for part in parts)


async def bursts(slack: FakeSlack, database: str) -> str:
    """Mention them very often at once, then once more while nothing can be recorded."""
    slack.seconds["chat.postMessage"] = POST_SECONDS
    await burst(slack, 10)
    sent: list[Delivery] = await burst(slack, BURST)
    said = f"A burst: {shown(sent)}; {await answered(slack, sent, 180)}."
    with locked(database):
        sent = await burst(slack, LOCKED)
    said += f"\n\nThe database locked: {shown(sent)}; {await answered(slack, sent, 180)}."
    slack.seconds.clear()
    return said


async def main() -> None:
    """Start everything, let it happen, say what came of it."""
    async with AsyncExitStack() as servers_, FakeSlack() as slack:
        jaeger = await servers_.enter_async_context(FakeJaeger())
        instance = await servers_.enter_async_context(fake_instance())
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="opsportal-chaos-")))
            kind, database = _database(stack)
            sites = SITES.format(jaeger=jaeger, instance=instance)
            portal = await asyncio.to_thread(prepared, folder, slack, sites, database)
            trouble = Trouble(slack, jaeger, portal, folder, stack)
            try:
                trouble.bots = [await trouble.start(), await trouble.start()]
                lines = [
                    _machine(kind),
                    "",
                    await bursts(slack, portal.environment["DATABASE_URL"]),
                    "",
                ]
                slack.channels.update(f"C0CHAOS{each:03}" for each in range(CHANNELS))
                slack.channel_seconds = 1.0
                await trouble.run()
                found = await settled(trouble)
                lines += figures(trouble, found, instance)
                lines += await silence(trouble)
            finally:
                await asyncio.to_thread(stack.close)
    text = "\n".join(lines) + "\n"
    print(text)
    PAGE.write_text(MARKS.sub(lambda _: text, PAGE.read_text()))


def _database(stack: ExitStack) -> tuple[str, str]:
    """PostgreSQL where there is one, else SQLite."""
    if any(Path("/usr/lib/postgresql").glob("*/bin")) and shutil.which("psql"):
        return "PostgreSQL", stack.enter_context(servers.postgresql())
    return "SQLite", ""


def _machine(database: str) -> str:
    return (
        f"Measured with {os.cpu_count()} cores, Python {platform.python_version()} and {database}, "
        "everything on one machine."
    )


if __name__ == "__main__":
    asyncio.run(main())
