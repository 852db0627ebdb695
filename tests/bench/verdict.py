"""Check how two bots answered the questions that they were asked during the trouble."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.fakes.slack import Delivery, FakeSlack, Post

Listed = Mapping[tuple[str, str], Sequence[str]]
"""What the dashboard lists as lost: by channel and ts of the question, what it says about it
and about the clicks on its card."""
PLACEHOLDER = "Working on it"
CARD = "Change sampling of "
INTERRUPTED = "I was interrupted"


@dataclass(frozen=True)
class Press:
    """A click on a card's button."""

    label: str
    delivery: Delivery


@dataclass
class Question:
    """A mention. Its answer shows its `sign`; that to a change is the only post in its thread.

    If it asks for a `card`, answers to clicks on the card may be there too.
    """

    number: int
    channel: str
    thread: str
    ts: str
    sign: str
    changes: bool
    card: bool
    deliveries: list[Delivery] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)

    @property
    def acknowledged(self) -> float | None:
        """When it was first acknowledged; None if it was not."""
        moments = [each.sent + each.seconds for each in self.deliveries if each.acked.is_set()]
        return min(moments, default=None)

    @property
    def pressed(self) -> bool:
        """Whether a click on its card was acknowledged."""
        return any(each.delivery.acked.is_set() for each in self.presses)

    @property
    def key(self) -> tuple[str, str]:
        """Its key in `Listed`, as in the dashboard's link to it."""
        return self.channel, self.ts.replace(".", "")


@dataclass(frozen=True)
class Verdict:
    """Questions by number, or the count of a kind.

    `followers` were asked in the thread of another; `missing` have no answer and are not listed
    as lost; `unlisted` are threads in which more was lost than is listed; `late` are pairs out
    of order whose first reached a bot only after the second was asked.
    """

    once: int
    followers: int
    missing: list[int]
    twice: list[int]
    disordered: list[tuple[int, int]]
    unlisted: list[str]
    fates: Mapping[str, int]
    absent: int
    lost: int
    late: int


def verdict(questions: Sequence[Question], slack: FakeSlack, listed: Listed) -> Verdict:
    """Compare the questions with the answers in Slack and what the dashboard lists as lost."""
    threads: dict[str, list[Post]] = defaultdict(list)
    for post in slack.posts:
        threads[post.thread_ts].append(post)
    answers = {each.number: _answers(each, threads[each.thread]) for each in questions}
    known = [each for each in questions if each.key in listed]
    absent = [each for each in questions if not answers[each.number]]
    disordered, late = _order(questions, answers)
    return Verdict(
        once=sum(len(each) == 1 for each in answers.values()),
        followers=sum(each.thread != each.ts for each in questions),
        missing=[each.number for each in absent if each not in known],
        twice=[number for number, found in answers.items() if len(found) > 1],
        disordered=disordered,
        unlisted=_unlisted(questions, listed, threads, slack),
        fates=Counter(fate for each in known for fate in listed[each.key]),
        absent=len(absent),
        lost=len(_lost_posts(questions, slack)),
        late=late,
    )


def first_face(post: Post) -> str:
    """Return what a post showed first, after the placeholder if there was one."""
    faces = (*post.earlier, post.shown)
    return next((each for each in faces if not each.startswith(PLACEHOLDER)), "")


def _answers(question: Question, posts: Sequence[Post]) -> list[int]:
    """Return the places of the answer in its thread."""
    if question.sign:
        return [place for place, post in enumerate(posts) if question.sign in post.shown]
    faces = {place: face for place, post in enumerate(posts) if (face := first_face(post))}
    own = [place for place, face in faces.items() if face.startswith((CARD, INTERRUPTED))]
    return own if question.card and own else list(faces)


def _holds_place(post: Post) -> bool:
    return post.shown.startswith(PLACEHOLDER)


def _order(
    questions: Sequence[Question], answers: Mapping[int, list[int]]
) -> tuple[list[tuple[int, int]], int]:
    """Return pairs with swapped answers; only count those whose first one reached the bots late."""
    disordered, late = [], 0
    for first in questions:
        for second in questions[first.number + 1 :]:
            if first.thread != second.thread or not answers[first.number]:
                continue
            if not answers[second.number] or answers[first.number] < answers[second.number]:
                continue
            if first.acknowledged is None or first.acknowledged > second.deliveries[0].sent:
                late += 1
            else:
                disordered.append((first.number, second.number))
    return disordered, late


def _unlisted(
    questions: Sequence[Question],
    listed: Listed,
    threads: Mapping[str, Sequence[Post]],
    slack: FakeSlack,
) -> list[str]:
    """Return threads with more lost answers or left placeholders than the dashboard lists."""
    shown: Counter[str] = Counter()
    for each in questions:
        shown[each.thread] += len(listed.get(each.key, ()))
    left = {thread: sum(map(_holds_place, posts)) for thread, posts in threads.items()}
    ours = {each.thread for each in questions}
    lost = _lost_posts(questions, slack)
    answers = Counter(thread for thread, text in lost if not text.startswith(PLACEHOLDER))
    return [thread for thread in ours if shown[thread] < max(left.get(thread, 0), answers[thread])]


def _lost_posts(questions: Sequence[Question], slack: FakeSlack) -> list[tuple[str, str]]:
    """Return thread and text of each post for which the bots got no answer."""
    ours = {each.thread for each in questions}
    return [
        (str(arguments.get("thread_ts")), str(arguments.get("text")))
        for method, arguments, fault in slack.failed
        if method == "chat.postMessage" and (fault.lost or fault.reset)
        and arguments.get("thread_ts") in ours
    ]  # fmt: skip
