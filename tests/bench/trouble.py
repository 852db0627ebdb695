"""What happens to two bots at random; SEED makes it much the same in each run.

Slack refreshes and breaks connections, limits calls, loses answers and redelivers, also elsewhere;
the bots are killed and restarted; Jaeger and the instance are slow.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.bench.bot import ASKERS, Bot, started
from tests.bench.pressing import Presser
from tests.bench.verdict import Question
from tests.fakes.instance import FakeInstance
from tests.fakes.jaeger import FakeJaeger, span, trace
from tests.fakes.slack import FakeSlack, Fault
from tests.live import portals

SEED = 1_760_005_930
SECONDS = 180.0
QUESTIONS = 400
CHANNELS = 20
REFRESHES = 60  # four connections, some refreshed more often than in an hour
BREAKS = 3
KILLS = 6
TOGETHER = 5  # questions asked at the moment of a break or a kill
UNDER_WAY = 1.0  # seconds at most between these and a kill
LIMITED = 40
LOST_POSTS = 24
SLOWEST = 4.0  # seconds that Jaeger takes
SLOWEST_CHANGE = 2.0  # seconds that the instance takes
ACK_SECONDS = 3.0  # after which Slack redelivers
RETRIES = 3
TWO_LINES = 0.2  # share of the messages with two commands among those without a change
NOW, CARDS = 0.15, 0.25  # shares of questions outside threads: changes without, with a card
LIMIT = Fault("ratelimited", status=429, retry_after=1)


@dataclass
class Trouble:
    """Everything that happens. `kills` has the times of the kills, by the monotonic clock."""

    slack: FakeSlack
    jaeger: FakeJaeger
    instance: FakeInstance
    portal: portals.Portal
    folder: Path
    stack: ExitStack
    bots: list[Bot] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    kills: list[float] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    number: int = 0

    def __post_init__(self) -> None:
        self.presser = Presser(self.slack, self.dice)

    async def run(self) -> None:
        """Let everything happen concurrently, until all questions are asked."""
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
        self.jaeger.seconds = self.instance.seconds = 0
        await asyncio.gather(*self.under_way)

    async def start(self) -> Bot:
        """Start one more bot."""
        self.number += 1
        return await asyncio.to_thread(started, self.stack, self.portal, self.folder, self.number)

    async def _spread(self, times: int, happen: Callable[[], Awaitable[None]]) -> None:
        """Let something happen `times` times, at random moments."""
        began = time.monotonic()
        for moment in sorted(self.dice.uniform(0, SECONDS) for _ in range(times)):
            await asyncio.sleep(began + moment - time.monotonic())
            await happen()

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    async def _ask(self) -> None:
        """Ask a question in one of the channels, in half of the cases in an existing thread."""
        number = len(self.questions)
        earlier = [each for each in self.questions[-40:] if not each.changes]
        above = self.dice.choice(earlier) if earlier and self.dice.random() < 0.5 else None
        changes, two, chance = False, False, self.dice.random()
        if above is None and chance < NOW + CARDS:
            changes, sign = True, ""
            text = f"change sampling float {ratio(number)}{' now' if chance < NOW else ''}"
        else:
            sign = self.jaeger.add(trace(span("petstore", f"Question{number}")))
            second = self.jaeger.add(trace(span("petstore", f"Question{number}, second line")))
            two = self.dice.random() < TWO_LINES
            text = f"show trace {sign}" + (f"\nshow trace {second}" if two else "")
        place = {"channel": f"C0CHAOS{self.dice.randrange(CHANNELS):03}"}
        if above:
            place = {"channel": above.channel, "thread_ts": above.thread}
        event = self.slack.mention_event(ASKERS[number % len(ASKERS)], text, **place)
        thread = str(event.get("thread_ts") or event["ts"])
        card = changes and chance >= NOW
        question = Question(number, event["channel"], thread, event["ts"], sign, changes, card)
        self.questions.append(question)
        if two:
            below = replace(question, number=number + 1, sign=second)
            self.questions.append(below)  # the same message, with the same deliveries
        self._begin(self._deliver(question, event))
        if card:
            self._begin(self.presser.decide(question))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.under_way.add(asyncio.create_task(work))

    async def _deliver(self, question: Question, event: dict[str, Any]) -> None:
        """Deliver like Slack: again if it is not acknowledged, and often without a reason."""
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
            await self._again(question, attempt, 0)

    async def _again(self, question: Question, attempt: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.slack.connected()
        self._count("deliveries again")
        question.deliveries.append(await self.slack.redeliver(question.deliveries[0], attempt))

    async def _refresh(self) -> None:
        """Ask for one connection to be replaced; Slack closes it soon after."""
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
        """Kill one bot as the kernel does, and start another a moment later."""
        self._count("kills")
        await self._ask_some()
        await asyncio.sleep(self.dice.uniform(0, UNDER_WAY))
        bot = self.bots.pop(self.dice.randrange(len(self.bots)))
        self.kills.append(time.monotonic())
        bot.process.kill()
        await asyncio.to_thread(bot.process.wait)
        self.bots.append(await self.start())

    async def _ask_some(self) -> None:
        """Ask questions just before something breaks, and let the waiting clicks happen."""
        self.presser.now.set()
        self.presser.now.clear()
        for _ in range(TOGETHER):
            await self._ask()
        await asyncio.sleep(0)

    async def _limit(self) -> None:
        self.slack.fail(self.dice.choice(("chat.postMessage", "chat.update")), LIMIT)

    async def _lose(self) -> None:
        """Lose the answer to a post; half of these posts do not arrive either."""
        self.slack.fail("chat.postMessage", self.dice.choice((Fault(lost=True), Fault(reset=True))))

    async def _slow(self) -> None:
        while True:
            self.jaeger.seconds = self.dice.choice((0, 0.1, SLOWEST * self.dice.random()))
            self.instance.seconds = self.dice.choice((0, SLOWEST_CHANGE * self.dice.random()))
            await asyncio.sleep(1)


def ratio(number: int) -> float:
    """Return a sampling rate that no other question asks for."""
    return (number + 1) / 10_000


def number_of(ratio: float) -> int:
    """Return the number of the question that asks for a sampling rate."""
    return round(ratio * 10_000) - 1
