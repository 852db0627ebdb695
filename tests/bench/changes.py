"""Check the changes requested from two bots: in Slack, at the instance, in the audit log."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.verdict import CARD, Listed, Press, Question, first_face
from tests.fakes.slack import FakeSlack, Post

SURELY = 1.0  # seconds: a bot that acknowledges sooner has recorded it first
_ENDS = (
    ("[Apply]", "open"),
    (" is applying: ", "being applied"),
    ("We don't know whether this change was made", "not known"),
    ("Applied by ", "applied"),
    ("Set by ", "applied"),  # and ended by a later change
    ("Cancelled by ", "cancelled"),
    ("Expired, nothing was changed", "expired"),
)
_MADE = {"Apply": ("applied", "not known"), "Cancel": ("cancelled",)}


@dataclass(frozen=True)
class Left:
    """What changes leave outside Slack; `told` counts how often each question's was made.

    `rows` are the audit log's, outcome and time, and `kills` the times at which a bot was
    killed, all by the monotonic clock.
    """

    told: Mapping[int, int]
    rows: Mapping[int, Sequence[tuple[str, float]]]
    kills: Sequence[float]


def card_of(question: Question, slack: FakeSlack) -> Post | None:
    """Return the message that shows a question's card, or None."""
    return next(
        (
            post
            for post in slack.posts
            if post.thread_ts == question.thread and first_face(post).startswith(CARD)
        ),
        None,
    )


def is_open(card: Post) -> bool:
    """Return whether its buttons are there."""
    return "[Apply]" in card.shown


def end_of(card: Post | None) -> str:
    """Return what a card shows at the end, in a word or two."""
    if card is None:
        return "never in Slack"
    return next((end for sign, end in _ENDS if sign in card.shown), card.shown)


def undecided(questions: Sequence[Question], slack: FakeSlack) -> list[Question]:
    """Return the questions whose card shows no end yet."""
    return [
        each
        for each in questions
        if each.card and end_of(card_of(each, slack)) in ("open", "being applied")
    ]


def wrongs(
    questions: Sequence[Question],
    slack: FakeSlack,
    listed: Listed,
    left: Left,
) -> list[str]:
    """Return a sentence for each thing that must not happen, however slow the machine is."""
    return [
        f"{question.number}: {wrong}"
        for question in questions
        if question.changes
        for wrong in (
            *_done_wrongly(question, left),
            *(_shown_wrongly(question, slack, listed, left) if question.card else ()),
        )
    ]


def _done_wrongly(question: Question, left: Left) -> Iterator[str]:
    told, rows = left.told.get(question.number, 0), left.rows.get(question.number, ())
    counted = Counter(outcome == "started" for outcome, _ in rows)
    if told > 1:
        yield f"made {told} times"
    if told > counted[True]:
        yield "made without a start in the audit log"
    if counted[True] > 1 or counted[False] > counted[True]:
        yield f"more than one start and one outcome in the audit log: {rows}"
    for _, began in rows[:1] if counted[False] < counted[True] else ():
        if not any(kill > began for kill in left.kills):
            yield "started, but without an outcome, although no bot was killed"
    if "ok" in (outcome for outcome, _ in rows) and not told:
        yield "ok in the audit log, but not made"


def _shown_wrongly(
    question: Question,
    slack: FakeSlack,
    listed: Listed,
    left: Left,
) -> Iterator[str]:
    """Compare the card with the clicks and with what was done."""
    end, rows = end_of(card_of(question, slack)), left.rows.get(question.number, ())
    outcomes = [outcome for outcome, _ in rows if outcome != "started"]
    match end:
        case "never in Slack" | "cancelled" | "expired":
            if rows:
                yield f"{end}, but started anyway: {rows}"
        case "applied":
            if not outcomes:
                yield "applied, without an outcome in the audit log"
        case "not known":
            since = min(press.delivery.sent for press in question.presses)
            killed = any(kill > since for kill in left.kills)
            if not (killed or set(outcomes) - {"ok"}):
                yield f"not known, although no bot was killed: {rows}"
        case "open":
            # If the answer to its post was lost, the bots do not know of the message until
            # someone clicks.
            if question.key not in listed or question.pressed:
                yield "it has expired, but its buttons are still there"
        case _:
            yield f"the card ends as: {end}"
    first = _first(question.presses)
    if first and end not in _MADE[first.label]:
        yield f"{first.label} was clicked first, but the card ends as: {end}"


def _first(presses: Sequence[Press]) -> Press | None:
    """Return the click that decides: it was recorded before any on the other button was sent."""
    for press in presses:
        taken = press.delivery.sent + press.delivery.seconds
        others = [each.delivery.sent for each in presses if each.label != press.label]
        sure = press.delivery.acked.is_set() and press.delivery.seconds < SURELY
        if sure and all(taken < sent for sent in others):
            return press
    return None
