"""Alice before the cards: she presses, not always once, and not always what is still there."""

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
IMPATIENCE = (3.0, 8.0)  # seconds until she presses again: she sees that nothing happens
TIMES = 3
LATER = 0.3
WAYS: tuple[tuple[str, ...], ...] = (  # what she presses at once; on the first she insists
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
    """Presses by chance; whoever sets `now` has pressed at that moment what waits to be."""

    slack: FakeSlack
    dice: random.Random
    now: asyncio.Event = field(default_factory=asyncio.Event)

    async def decide(self, question: Question) -> None:
        """Press the buttons of a question's card some time after it appears, or leave it alone.

        Slack delivers no press again that nobody acknowledges: she presses again.
        """
        labels, card = self.dice.choice(WAYS), await self._appeared(question)
        if card is None or not labels:
            return
        before = replace(card)  # as she still sees it when it has just been replaced
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
        """None where no card comes: its post is lost, or it was asked of a bot that was killed."""
        for _ in range(LOOKS):
            if card := card_of(question, self.slack):
                return card
            await asyncio.sleep(LOOK_SECONDS)
        return None

    async def _press(self, question: Question, card: Post, label: str) -> None:
        await self.slack.connected()
        question.presses.append(Press(label, await self.slack.press(ALICE, card, label)))
