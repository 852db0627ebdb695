"""Find a trace's ID in whatever somebody pastes: a header, a link, a line of a log.

An ID alone has 16 or 32 hex digits, in any case, with the dashes of a UUID or after `0x`. In a
header, after a label such as `trace_id=` or in a link, its leading zeros may be left out.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from ops import limits
from ops.language.lines import some

_HEX = "[0-9a-f]"
_START = r"(?<![0-9a-z_%])(?:0x)?"
_END = r"(?![0-9a-z_])"
_MOST_UNQUOTED = 3  # times that a link is percent-encoded within another
_LABEL = r"(?:x-b3-)?trace(?:[-_. ]?(?:id|parent))?|trace\.trace_id|query|b3"
_BETWEEN = r"""["'\\]*+\s*+[:=]?\s*+["'`<(\[\\]*+"""  # a label and its value
# In this order: what says itself that it is a trace's ID comes before what merely looks like one.
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_START}[0-9a-f]{{2}}-({_HEX}{{32}})-{_HEX}{{16}}-{_HEX}{{2}}{_END}",  # traceparent
        rf"uber-trace-id{_BETWEEN}({_HEX}{{1,32}}):{_HEX}{{1,16}}:{_HEX}{{1,16}}:",
        rf"{_START}({_HEX}{{8,32}}):{_HEX}{{1,16}}:{_HEX}{{1,16}}:{_HEX}{{1,2}}{_END}",
        rf"{_START}1-({_HEX}{{8}}-{_HEX}{{24}}){_END}",  # AWS X-Ray
        rf"/traces?/(?:0x)?(?=[a-f]*[0-9])({_HEX}{{1,32}}){_END}(?!-)",  # a link
        rf"{_START}({_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}){_END}",  # UUID
        rf"{_START}((?:{_HEX}{{16}}){{1,2}})-{_HEX}{{16}}(?:-[01d](?:-{_HEX}{{16}})?)?{_END}",  # b3
        rf"(?<![a-z])(?:{_LABEL}){_BETWEEN}(?:0x)?({_HEX}{{16,32}}){_END}",
        rf"{_START}({_HEX}{{32}}){_END}",
        rf"{_START}(?=[0-9]*[a-f])({_HEX}{{16}}){_END}",  # without a letter it may be a time
    )
)
_ALONE = re.compile(rf"""[\s"'`<(\[{{]*(?:0x)?({_HEX}{{16,32}})[\s"'`>)\]}}.,;:!?]*""")
_SHORT = re.compile(
    rf"""[\s"'`<(\[{{]*(?:0x)?(?=[0-9]*[a-f])(?=[a-f]*[0-9])({_HEX}{{7,15}})[\s"'`>)\]}}.,;:!?…]*"""
)
_PART = re.compile(  # a start of eight digits, or dots where the others are left out
    rf"(?<![\w.-])(?:0x)?(?:({_HEX}{{3,31}})(?:\.{{2,3}}|\*)({_HEX}{{2,31}})?"
    rf"|(?=[0-9]*[a-f])(?=[a-f]*[0-9])({_HEX}{{8,15}}))(?![\w-])"
)
_LINK = ("://", "/trace/", "/traces/")
_WORD = re.compile(r"[^\W_]+(?:[-_.][^\W_]+)*")
# Words that may be beside a pasted ID.
_BESIDE = some(
    """
    show open find look at the this trace traces traceid trace-id trace_id x-b3-traceid id ids b3
    traceparent uber-trace-id x-amzn-trace-id root parent sampled 0 1 compare and with vs logs log
    of for please
    """
)
_OF_A_SPAN = re.compile(rf"(?:span|parent|uifind)[-_. ]?(?:id)?{_BETWEEN}(?:0x)?\Z")
_BEFORE = 40  # characters looked at before an ID


def find_trace_id(text: str) -> str:
    """Return the trace ID in a text, 32 lower-case hex digits, or "".

    Of several, the one that its form or label says is a trace's.
    """
    return next(iter(_places(text)), "")


def find_trace_ids(text: str, most: int = 2) -> tuple[str, ...]:
    """Return the trace IDs in a text, each once, in the order in which they are written."""
    places = _places(text)
    return tuple(sorted(places, key=places.__getitem__)[:most])


def pasted_ids(text: str) -> tuple[str, ...]:
    """Return the trace IDs of a text that is nothing but IDs, headers with them or links to them.

    `order.id=17b4f65b0d9f038e` and a line of a log are more than that.
    """
    line = _plain(text)
    found = find_trace_ids(line)
    if not found or _ALONE.fullmatch(line):
        return found
    line = " ".join(word for word in line.split() if not any(each in word for each in _LINK))
    for form in _FORMS:
        line = form.sub(" ", line)
    return found if _BESIDE.issuperset(_WORD.findall(line)) else ()


def shortened_id(text: str) -> str:
    """Return the hex digits if a text may be a part of a trace ID and no more, else ""."""
    found = _SHORT.fullmatch(_plain(text))
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Part:
    """The first and the last digits of a trace ID; `end` is "" if only the first are known."""

    start: str
    end: str = ""

    def __str__(self) -> str:
        return f"{self.start}…{self.end}"

    @property
    def digits(self) -> int:
        """How many digits are known."""
        return len(self.start + self.end)

    def is_of(self, trace_id: str) -> bool:
        """Return whether a trace ID in full has these digits; zeros before it do not count."""
        starts = trace_id.startswith(self.start) or trace_id.lstrip("0").startswith(self.start)
        return starts and trace_id.endswith(self.end)


def find_part(text: str) -> Part | None:
    """Return the part of a trace ID in a text, None if it holds more than that, or no part."""
    line = _plain(text)
    found = [*_PART.finditer(line)]
    others = _PART.sub(" ", line)
    if len(found) != 1 or _places(text) or not _BESIDE.issuperset(_WORD.findall(others)):
        return None
    return Part(found[0][1] or found[0][3], found[0][2] or "")


def replace_part(text: str, trace_id: str) -> str:
    """Return a text with the whole ID for the part of it that `find_part` found."""
    return _PART.sub(trace_id, _plain(text), count=1)


def _places(text: str) -> dict[str, int]:
    """Return where each trace ID is written, those with the clearest form first."""
    line = _plain(text)
    if alone := _ALONE.fullmatch(line):
        return dict.fromkeys(_full(alone[1]), 0)
    found: dict[str, int] = {}
    taken: list[tuple[int, int]] = []
    for form in _FORMS:
        for match in form.finditer(line):
            start, end = match.span()
            if any(start < other and at < end for at, other in taken):
                continue
            taken.append((start, end))
            if not _OF_A_SPAN.search(line, max(start - _BEFORE, 0), match.start(1)):
                for digits in _full(match[1]):
                    found.setdefault(digits, match.start(1))
    return found


def _plain(text: str) -> str:
    """Undo what links, keyboards and other programs make of a text; its start is enough."""
    line = text[: limits.LONGEST_TEXT]
    for _ in range(_MOST_UNQUOTED):
        if "%" not in line:
            break
        line = unquote(line)
    return unicodedata.normalize("NFKC", line).lower()[: limits.LONGEST_TEXT]


def _full(written: str) -> tuple[str, ...]:
    """Return an ID in full, as the only item, or nothing if it is all zeros."""
    digits = written.replace("-", "")
    return (digits.zfill(32),) if digits.strip("0") else ()
