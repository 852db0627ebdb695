"""Alice clicks buttons on cards: not always once, and not always buttons that are still there."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tests.bench.changes import card_of, is_open
from tests.bench.verdict import Press, Question
from tests.fakes.slack import ALICE, FakeSlack, Post

LOOK_SECONDS = 0.1
LOOKS = 900  # longer than a lease
DELAY = 15.0
IMPATIENCE = (3.0, 8.0)  # seconds until she clicks again because nothing happens
TIMES = 3
LATER = 0.3
WAYS: tuple[tuple[str, ...], ...] = (  # what she clicks in a row; she insists on the first
    ("Apply",),
    ("Apply", "Apply"),
    ("Apply", "Apply", "Apply"),
    ("Apply", "Cancel"),
    ("Cancel", "Apply"),
    ("Cancel",),
    (),
)


@dataclass
class Presser:
    """Click at random; setting `now` makes all waiting clicks happen at that moment."""

    slack: FakeSlack
    dice: random.Random
    now: asyncio.Event = field(default_factory=asyncio.Event)

    async def decide(self, question: Question) -> None:
        """Click the buttons of a question's card some time after it appears, or leave it alone.

        Slack does not redeliver a click that is not acknowledged, so she clicks again.
        """
        labels, card = self.dice.choice(WAYS), await self._appeared(question)
        if card is None or not labels:
            return
        before = replace(card)  # as she still sees it even if it has just been replaced
        with suppress(TimeoutError):
            await asyncio.wait_for(self.now.wait(), self.dice.uniform(0, DELAY))
        for label in labels:
            await self._press(question, before, label)
        for _ in range(TIMES):
            await asyncio.sleep(self.dice.uniform(*IMPATIENCE))
            if not is_open(card):
                break
            await self._press(question, before, labels[0])
        if self.dice.random() < LATER:
            await self._press(question, before, self.dice.choice(("Apply", "Cancel")))

    async def _appeared(self, question: Question) -> Post | None:
        """Return the card; None if its post is lost, or the bot that was asked was killed."""
        for _ in range(LOOKS):
            if card := card_of(question, self.slack):
                return card
            await asyncio.sleep(LOOK_SECONDS)
        return None

    async def _press(self, question: Question, card: Post, label: str) -> None:
        await self.slack.connected()
        question.presses.append(Press(label, await self.slack.press(ALICE, card, label)))
