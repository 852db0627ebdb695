"""What a conversation is about, and what a short text in it points at or adds.

    list traces petstore        "the second one" -> show trace 9c01…
      1  17b4…                  "its logs", after that -> show logs 9c01…
      2  9c01…                  "older" -> what the button Older runs
                                "and with errors, last 6h" -> added to the line

Nothing here runs a line or looks anything up: `bot.conversation` does.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile

from bot.replies import Reply
from ops.language.lines import some
from ops.language.trace_ids import find_part, find_trace_ids, replace_part
from ops.vocabulary.quoting import QUOTED

MOST_ITEMS = 20
MOST_STEPS = 10
LONGEST_LINE = 1_000
LONGEST = 80  # characters of a text that may follow up
MOST_WORDS = 8

_LEADS = some(
    "and also but only just now ok okay so then please what about how with same for in the"
)
_ASKING = some(
    """
    a about alert and can could get give how i it its let me of ok okay one ones open please s see
    show so that the their them then this to trace us view want what which you
    """
)
_PLACES = (
    ("first", "1st", "newest", "latest", "top"), ("second", "2nd"), ("third", "3rd"),
    ("fourth", "4th"), ("fifth", "5th"), ("sixth", "6th"), ("seventh", "7th"),
    ("eighth", "8th"), ("ninth", "9th"), ("tenth", "10th"),
)  # fmt: skip
_PLACE = {word: place for place, words in enumerate(_PLACES) for word in words}
_LAST = ("last", "bottom", "oldest")
_FURTHER = some("next more older further back page earlier previous")
_FURTHER_STEPS = ("Older", "Further back", "Next", "More")
_AGAIN = some("again refresh reload repeat")
_OPENINGS = (
    _LEADS
    | _FURTHER
    | _AGAIN
    | some("its their log logs show open last past since without compare errors failed slow")
)
_USUAL = some("compare with usual usually normal normally is")
_USUAL_STEP = "Compare with usual"
_NUMBER = re.compile(r"#?([1-9][0-9]?)")
_TRACE = re.compile(r"show (?:trace|logs) ([0-9a-f]+)( site=\S+)?")
_INCIDENT = re.compile(
    r"(?:show +|close +|reopen +)?incident +(?:close +|reopen +|note +|pin +)?#?([0-9]{1,9})\b",
    re.IGNORECASE,
)
_NAME = rf"({QUOTED}|[^\s\"=]+(?=\s|$))"
_SILENCE = re.compile(r"(?:end|extend) silence ([0-9a-f-]{36})\b")
_CHANGED_BEFORE = re.compile(rf"what changed before +{_NAME}")
_ALERT = re.compile(
    r"(?:(?:show +)?alert|ack|acknowledge|(?:give|take) +(?:back|over)|hand +over|silence|i +have) "
    rf"+{_NAME}",
    re.IGNORECASE,
)
HAVE_IT = "I have it"
_IT = re.compile(r"\b(?:it|this|that|them)(?: +(?:one|alert|trace|service))?\b(?!')", re.IGNORECASE)
_TOKEN = re.compile(rf"(?:{QUOTED}|\{{[^}}]*\}}|\[[^\]]*\]|[^\s\"])+", re.DOTALL)
_KEY = re.compile(r'([\w.@/-]+|"(?:[^"\\]|\\.)*")(!=|=~|!~|>=|<=|=|>|<)')
_TIMES = frozenset(("last", "from", "to", "since", "start", "end"))
_CONTINUES = frozenset(("before",))  # a place in the earlier list


@dataclass(frozen=True, slots=True)
class About:
    """The last line that was run, the lines that show its items, and the lines of its buttons."""

    line: str
    items: tuple[str, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))


def loads(text: str) -> About | None:
    """Return what `dumps` wrote, None for anything else: another release may have written it."""
    try:
        found = json.loads(text)
        steps = tuple((str(label), str(line)) for label, line in found["steps"])
        return About(str(found["line"]), tuple(map(str, found["items"])), steps)
    except (KeyError, TypeError, ValueError):
        return None


def about(reply: Reply) -> About | None:
    """Return what a conversation is about after a reply; None if that stays the same."""
    if reply.failed or not 0 < len(reply.line) <= LONGEST_LINE:
        return None
    steps = [(each.label, each.line) for each in reply.follow_ups if len(each.line) <= LONGEST_LINE]
    items = [item for item in reply.items if len(item) <= LONGEST_LINE]
    return About(reply.line, tuple(items[:MOST_ITEMS]), tuple(steps[:MOST_STEPS]))


def may_follow(text: str) -> bool:
    """Return whether a text is short enough to mean something only by what was said before."""
    return 0 < len(text) <= LONGEST and len(text.split()) <= MOST_WORDS


def opens_one(text: str) -> bool:
    """Return whether a text that nobody addressed to the bot may be a follow-up."""
    words = _words(text)
    known = bool(words) and (words[0] in _OPENINGS or _place(words[0], 1) is not None)
    return known and may_follow(text)


def called(about: About) -> str:
    """Return what "it" is after an answer: a trace, silence, incident or alert; "" for none."""
    lines = (about.line, *(line for _, line in about.steps))
    if found := _TRACE.match(about.line):
        return found[1]
    if silences := {found[1] for line in lines if (found := _SILENCE.match(line))}:
        return silences.pop() if len(silences) == 1 else ""
    if incidents := {found[1] for line in lines if (found := _INCIDENT.match(line))}:
        return f"incident {incidents.pop()}" if len(incidents) == 1 else ""
    of_steps = [found[1] for line in lines if (found := _CHANGED_BEFORE.match(line))]
    of_line = [found[1] for found in [_ALERT.match(about.line)] if found]
    have_it = [line.split(maxsplit=1)[1] for label, line in about.steps if label == HAVE_IT]
    return next(iter((*of_steps, *of_line, *have_it)), "")


def with_shown_id(text: str, about: About | None) -> str:
    """Return a text with the whole ID of the trace that was shown for the part that it has."""
    part = find_part(text) if about and may_follow(text) else None
    if about is None or part is None:
        return text
    lines = (about.line, *about.items, *(line for _, line in about.steps))
    ids = {each for line in lines for each in find_trace_ids(line) if part.is_of(each)}
    return replace_part(text, ids.pop()) if len(ids) == 1 else text


def said_whole(text: str, it: str) -> str:
    """Return a text with what "it" is in its place, "" if it does not say "it"."""
    found = _IT.search(text)
    return f"{text[: found.start()]}{it}{text[found.end() :]}" if found else ""


def pointed_at(text: str, about: About) -> str:
    """Return the line of an item or a button that a text points at, "" for none."""
    words = _words(text)
    for label, line in about.steps:
        if words and sorted(words) == sorted(_words(label)):
            return line
    content = [word for word in words if word not in _ASKING]
    places = [place for word in content if (place := _place(word, len(about.items))) is not None]
    rest = {word for word in content if _place(word, len(about.items)) is None}
    items = [about.items[place] for place in places if place < len(about.items)]
    if len(items) != len(places) or not words:
        return ""
    if not rest:
        return items[0] if len(items) == 1 else ""
    if rest <= {"log", "logs"}:
        return _logs(about, items)
    if "compare" in rest and rest <= _USUAL:
        return _comparison(about, items)
    if items:
        return ""
    steps = {label.lower(): line for label, line in about.steps}
    if rest <= _FURTHER:
        return next((steps[s.lower()] for s in _FURTHER_STEPS if s.lower() in steps), "")
    if rest <= _AGAIN:
        return about.line
    meant = [line for label, line in about.steps if rest <= {*_words(label)} - _ASKING]
    return meant[0] if len(meant) == 1 else ""


def addition(text: str) -> tuple[str, str]:
    """Return the words that a text adds to the line before, and the word that says so, or ""."""
    words = text.strip(" ?!.,").split()
    leads = [*takewhile(lambda word: word.lower().strip(",") in _LEADS, words)]
    return " ".join(words[len(leads) :]), leads[0].lower() if leads else ""


def subject(line: str) -> str:
    """Return the service that a strict line names by its key, "" for none."""
    return next(
        (each.partition("=")[2] for each in _conditions(line) if each.startswith("service=")), ""
    )


def merged(line: str, added: str, *, replaces_words: bool) -> str:
    """Return a strict line's conditions with others put in: what is named anew replaces the old.

    `replaces_words` means that bare words, such as a service, name the same thing.
    """
    new = _conditions(added)
    keys = set(map(_identity, new))
    timed = any(key in _TIMES for key, _ in keys)
    worded = any(key == "" for key, _ in keys)
    kept = [
        each
        for each in _conditions(line)
        if not _is_replaced(_identity(each), keys, timed=timed, worded=worded and replaces_words)
        and each not in new
    ]
    return " ".join((*kept, *new))


def _is_replaced(
    key: tuple[str, str], by: Iterable[tuple[str, str]], *, timed: bool, worded: bool
) -> bool:
    name, _ = key
    if name == "":
        return worded
    return key in by or name in _CONTINUES or (timed and name in _TIMES)


def _conditions(line: str) -> list[str]:
    return _TOKEN.findall(line)


def _identity(condition: str) -> tuple[str, str]:
    """Return the key and operator of a condition, "" and "" for a bare word."""
    if condition == "error":
        return "error", "="
    found = _KEY.match(condition)
    return (found[1], found[2]) if found else ("", "")


def _logs(about: About, items: Sequence[str]) -> str:
    """Return the line for the logs of an item, or of the trace that was shown."""
    shown = [*items] or [about.line]
    if not items and len(about.items) == 1:
        shown = [about.items[0]]
    found = _TRACE.fullmatch(shown[0]) if len(shown) == 1 else None
    return f"show logs {found[1]}{found[2] or ''}" if found else ""


def _comparison(about: About, items: Sequence[str]) -> str:
    """Return the line that compares two items, or one trace with its usual timing."""
    found = [match for item in items if (match := _TRACE.fullmatch(item))]
    if len(found) == len(items) == 2:
        return f"compare {found[0][1]} {found[1][1]}{found[0][2] or ''}"
    if len(found) == len(items) == 1:
        return f"compare {found[0][1]}{found[0][2] or ''}"
    return "" if items else dict(about.steps).get(_USUAL_STEP, "")


def _words(text: str) -> list[str]:
    return re.findall(r"#?[\w-]+", text.lower())


def _place(word: str, items: int) -> int | None:
    """Return the place in a list that a word names, from 0; None if it names none."""
    if word in _LAST:
        return max(items - 1, 0)
    if number := _NUMBER.fullmatch(word):
        return int(number[1]) - 1
    return _PLACE.get(word)
