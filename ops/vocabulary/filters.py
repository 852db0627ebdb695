"""The filter language for traces that all doors share: a line of words.

    service=petstore operation="AddPets" http.status_code=500 error min=100ms last=1h limit=20

Words come in any order. `key=value` with a key that is not one of KEYS matches a tag. A value or
key with spaces needs double quotes, with \\" and \\\\ inside; a quoted key is always a tag's. A
bare `error` means error=true: the span failed; `error=false` means that no span of the whole
trace failed. Tags, `service` and `operation` also take != =~ !~, and tags > >= < <=; see
ops.vocabulary.conditions. The older forms `tags=[a,b=c]`, `start=…`, `end=…` mean the same.
`before=TIME/ID` continues a list after the trace with that ID that matched at that time.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from ops import limits
from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.conditions import NEGATIONS, Condition, check_expressions
from ops.vocabulary.tags import ERROR, FALSE, KIND, STATUS, TRUE
from ops.vocabulary.timerange import TimeRange

KEYS = (
    "site", "service", "operation", "min", "max", "trace-min", "trace-max",
    "last", "from", "to", "start", "end", "before", "limit", "tags",
)  # fmt: skip
DEFAULT_LIMIT = 20
LARGEST_LIMIT = 1500
MOST_TAGS = 20
DEFAULT_RANGE = TimeRange.last(timerange.HOUR)

NAMES = ("service", "operation")  # the keys that also take !=, =~ and !~

Tag: TypeAlias = tuple[str, str]  # key and value

QUOTED = r'"(?:[^"\\]|\\.)*"'
_OPERATOR = r"!=|!~|=~|=|>=|<=|>|<"
_BARE = rf'(?:(?!{_OPERATOR})[^\s"])++'
_WORD = re.compile(
    rf"""\s*(?:
        tags=\[(?P<list>(?:{QUOTED}|[^\]"])*)\]
      | (?P<key>{QUOTED}|{_BARE})(?P<operator>{_OPERATOR})(?P<value>{QUOTED}|[^\s"]*)
      | (?P<bare>{QUOTED}|{_BARE})
    )(?=\s|$)""",
    re.VERBOSE | re.DOTALL,
)
_ALL_CLOSED = re.compile(rf'(?:{QUOTED}|[^"]+)*+', re.DOTALL)
_QUOTED_OR_COMMA = re.compile(rf"{QUOTED}|,", re.DOTALL)
_EXACT = re.compile(rf"({QUOTED})\s*(=|$)", re.DOTALL)
_ITEM = re.compile(
    rf"\s*({QUOTED}\s*(?={_OPERATOR}|$)|(?:(?!{_OPERATOR}).)*+)({_OPERATOR})?(.*)", re.DOTALL
)
_MAY_BE_OPERATOR = re.compile("[!<>]")
_ID = re.compile("[0-9a-f]{32}")
# Characters that nothing on the way changes; keyboards and Slack alter others.
_PLAIN = re.compile(r"""(?:[!#-'*-<>-Z^_a-z{|}~()]|(?=[^\W_])[^\x00-\x7f])+""")


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a list of traces: Unix nanoseconds, and the trace listed there.

    Without a trace it is before all traces that match at this time.
    """

    time: int
    trace_id: str = ""

    def __str__(self) -> str:
        time = timerange.format_moment(self.time)
        return f"{time}/{self.trace_id}" if self.trace_id else time


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """A trace search; an empty field means any.

    Durations are nanoseconds, 0 meaning not set: `span_min` and `span_max` limit one span
    (which Jaeger filters), `trace_min` and `trace_max` the whole trace. All tags and conditions
    must match on one span. `before` is where an earlier list of the same query ended; only
    traces after that position are listed. Raises InvalidInput if the fields contradict each
    other.
    """

    site: str = ""
    service: str = ""
    operation: str = ""
    tags: tuple[Tag, ...] = ()
    conditions: tuple[Condition, ...] = ()
    span_min: int = 0
    span_max: int = 0
    trace_min: int = 0
    trace_max: int = 0
    range: TimeRange = field(default=DEFAULT_RANGE)
    limit: int = DEFAULT_LIMIT
    before: Place | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= LARGEST_LIMIT:
            raise InvalidInput(f"limit is {self.limit}; it must be between 1 and {LARGEST_LIMIT}")
        if (number := len(self.tags) + len(self.conditions)) > MOST_TAGS:
            raise InvalidInput(f"{number} tags; the limit is {MOST_TAGS}")
        keys = [key for key, _ in self.tags]
        if "" in (*keys, *(each.key for each in self.conditions)):
            raise InvalidInput("a tag has no key: write key=value")
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise InvalidInput(f'the tag "{twice}" is given twice; a key can have only one value')
        if self.service and self.is_about_services:
            raise InvalidInput('"service" is given twice')
        check_expressions(self.conditions)
        for low, high, names in (
            (self.span_min, self.span_max, ("min", "max")),
            (self.trace_min, self.trace_max, ("trace-min", "trace-max")),
        ):
            if low < 0 or high < 0:
                raise InvalidInput(f"{names[0]} and {names[1]} cannot be negative")
            if high and low > high:
                raise InvalidInput(
                    f"{names[0]} is {timerange.format_exact(low)}, which is more than "
                    f"{names[1]}, {timerange.format_exact(high)}"
                )

    @property
    def is_about_services(self) -> bool:
        """Whether a condition says which services are meant."""
        return any(each.is_about_services for each in self.conditions)

    def __str__(self) -> str:
        return format_query(self)


def parse_query(line: str) -> TraceQuery:
    """Read one line; raises InvalidInput that names the first invalid word."""
    given: dict[str, str] = {}
    found: list[Tag | Condition] = []
    for match in _words(line):
        key, operator, value = match["key"], match["operator"], unquote(match["value"] or "")
        if match["list"] is not None:
            found.extend(_tag_list(match["list"]))
        elif match["bare"] is not None:
            found.append(_bare(match["bare"]))
        elif key not in KEYS:
            found.append(_tag(_tag_key(key), operator, value))
        elif operator != "=":
            found.append(_name(key, operator, value))
        elif key in given:
            raise InvalidInput(f'"{key}" is given twice')
        else:
            given[key] = value
    found.extend(_tag_list(given.get("tags", "")))
    return TraceQuery(
        site=given.get("site", ""),
        service=given.get("service", ""),
        operation=given.get("operation", ""),
        tags=tuple(each for each in found if not isinstance(each, Condition)),
        conditions=tuple(each for each in found if isinstance(each, Condition)),
        span_min=_duration(given, "min"),
        span_max=_duration(given, "max"),
        trace_min=_duration(given, "trace-min"),
        trace_max=_duration(given, "trace-max"),
        range=_range(given),
        limit=parse_limit(given["limit"]) if "limit" in given else DEFAULT_LIMIT,
        before=parse_place(given["before"]) if "before" in given else None,
    )


def parse_tag(text: str) -> Tag | Condition:
    """Read `key=value`, a condition, or a bare key, which means key=true (`error`: error=true).

    Quotes, and spaces around a key or value, are not part of it; see `exact_tag`.
    """
    key, operator, value = _ITEM.fullmatch(text).groups()  # type: ignore[union-attr]
    key, value = unquote(key.strip()), unquote(value.strip())
    return _tag(_with_key(text, key), operator or "=", value if operator else "true")


def exact_tag(text: str) -> Tag:
    """Read `key=value` as programs write it: nothing is trimmed, and the value is taken as is.

    A bare key means key=true. A key that contains an equals sign, or starts with a quote, must
    be in double quotes as in a filter line.
    """
    if quoted := _EXACT.match(text):
        key, equals, value = unquote(quoted[1]), quoted[2], text[quoted.end() :]
    else:
        key, equals, value = text.partition("=")
    return _with_key(text, key), value if equals else "true"


def _with_key(text: str, key: str) -> str:
    if not key:
        raise InvalidInput(f'"{text[:80]}" is not a tag: write key=value, or key for key=true')
    return key


def parse_limit(text: str) -> int:
    """Read a limit; TraceQuery checks its range."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput(f'limit is "{text[:80]}"; it must be between 1 and {LARGEST_LIMIT}')
    return int(text)


def parse_place(text: str) -> Place:
    """Read `TIME` or `TIME/ID`, as `Place` writes it."""
    time, slash, trace_id = text.partition("/")
    moment = timerange.parse_moment(time)
    if moment.relative or (slash and not _ID.fullmatch(trace_id)):
        raise InvalidInput(
            f'"before" is "{text[:80]}"; it must be a time, or a time and a trace ID: '
            "2026-11-24T14:20:51Z/4bf92f3577b34da6a3ce929d0e0e4736"
        )
    return Place(moment.nanoseconds, trace_id)


def format_query(query: TraceQuery) -> str:
    """Write a query as the shortest line that parses to it."""
    words = [
        f"{key}={_value(value)}"
        for key, value in (
            ("site", query.site), ("service", query.service), ("operation", query.operation)
        )
        if value
    ]  # fmt: skip
    words += [format_tag(key, value) for key, value in query.tags]
    words += map(format_condition, query.conditions)
    words += [
        f"{key}={timerange.format_exact(value)}"
        for key, value in (
            ("min", query.span_min), ("max", query.span_max),
            ("trace-min", query.trace_min), ("trace-max", query.trace_max),
        )
        if value
    ]  # fmt: skip
    words += _format_range(query.range)
    if query.before:
        words.append(f"before={query.before}")
    if query.limit != DEFAULT_LIMIT:
        words.append(f"limit={query.limit}")
    return " ".join(words)


def quote(text: str) -> str:
    """Put a string in double quotes if it needs them to be one word."""
    return text if _PLAIN.fullmatch(text) else in_quotes(text)


def in_quotes(text: str) -> str:
    """Put a string in double quotes; `unquote` undoes it."""
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def unquote(word: str) -> str:
    """Undo `quote`. A backslash before anything but a quote or a backslash is kept."""
    if len(word) >= 2 and word[0] == word[-1] == '"':
        return re.sub(r'\\(["\\])', r"\1", word[1:-1])
    return word


def slip_of(word: str, keys: Iterable[str]) -> str:
    """Return the key that the word is probably a typo of, else "".

    A typo is: different case, one letter missing, added or swapped with its neighbour, or one
    wrong letter in a key of five or more letters, so that `env` is not taken for `end`.
    """
    return next((key for key in keys if _one_slip(word.lower(), key)), "")


def _one_slip(word: str, key: str) -> bool:
    if word == key or len(key) < 3:
        return word in (key, key[::-1])
    typed, meant = _without_common_start(word, key)
    typed, meant = _without_common_start(typed[::-1], meant[::-1])
    if len(typed) == len(meant) == 1:
        return len(key) >= 5
    return len(typed) + len(meant) == 1 or (len(typed) == 2 and typed == meant[::-1])


def _without_common_start(one: str, other: str) -> tuple[str, str]:
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    return one, other


def _words(line: str) -> Iterable[re.Match[str]]:
    number = position = 0
    stripped = line.rstrip()
    while position < len(stripped):
        match = _WORD.match(stripped, position)
        if match is None:
            rest = stripped[position:].strip()
            raise InvalidInput(
                f"cannot read the filter from here on: {rest[:80]} (write key=value, and "
                'key="two words" if a value has spaces)'
            )
        number += 1
        limits.check_words(number)
        yield match
        position = match.end()


def _tag(key: str, operator: str, value: str) -> Tag | Condition:
    """Return a tag if a store can test it; `error` is a yes or no there, and a text here."""
    yes_or_no = key == ERROR and value.lower() in (*TRUE, *FALSE)
    if operator == "=" and (yes_or_no or key != ERROR):
        return key, value
    if operator == "!=" and yes_or_no:
        return key, "false" if value.lower() in TRUE else "true"
    # Jaeger ignores the case of these.
    return Condition(key, operator, value.lower() if key in (KIND, STATUS) else value)


def _name(key: str, operator: str, value: str) -> Condition:
    if key not in NAMES:
        raise InvalidInput(
            f'"{key}" cannot be given with {operator}: write {key}=VALUE '
            f'(to search for such a tag: "{key}"{operator}…)'
        )
    if operator not in ("=~", *NEGATIONS):
        raise InvalidInput(f'"{key}" is a name: compare it with = != =~ or !~')
    return Condition(key, operator, value, is_tag=False)


def _tag_list(text: str) -> list[Tag | Condition]:
    if text.startswith("["):
        raise InvalidInput(f'"tags={text[:80]}" is incomplete: write tags=[a,b=c]')
    items = _tag_items(text)
    limits.check_words(len(items))
    return [parse_tag(item) for item in items if item.strip()]


def _tag_items(text: str) -> list[str]:
    """Split at the commas outside of quotes.

    A quote that is never closed is an ordinary character, and so is everything after it. All
    closed quotes are found in one pass: trying each one takes quadratic time.
    """
    closed = match.end() if (match := _ALL_CLOSED.match(text)) else 0
    found = _QUOTED_OR_COMMA.finditer(text, 0, closed)
    commas = [each.start() for each in found if each[0] == ","]
    commas += [at for at in range(closed, len(text)) if text[at] == ","]
    return [text[start + 1 : end] for start, end in pairwise((-1, *commas, len(text)))]


def _bare(word: str) -> Tag:
    if unquote(word) == ERROR:
        return ERROR, "true"
    if word in KEYS:
        raise InvalidInput(f'"{word}" has no value: write {word}=VALUE, with no space around =')
    hint = '; did you mean "error"?' if slip_of(word, ("error",)) else ""
    raise InvalidInput(
        f'"{unquote(word)[:80]}" has no value: write key=value (only "error" needs none)' + hint
    )


def _tag_key(word: str) -> str:
    """Return the key of a tag; a bare key that looks like a typo of one of KEYS is refused."""
    if word.startswith('"'):
        return unquote(word)
    if key := slip_of(word, KEYS):
        raise InvalidInput(
            f'unknown key "{word}"; did you mean "{key}"? (to search for such a tag: "{word}"=…)'
        )
    return word


def _range(given: dict[str, str]) -> TimeRange:
    for name, older in (("from", "start"), ("to", "end")):
        if name in given and older in given:
            raise InvalidInput(f'"{name}" and "{older}" mean the same; give one of them')
    start = given.get("from", given.get("start"))
    end = given.get("to", given.get("end"))
    if "last" in given:
        if start is not None or end is not None:
            raise InvalidInput('use either "last", or "from" and "to"')
        return TimeRange.last(timerange.parse_duration(given["last"]))
    to = timerange.parse_moment(end) if end is not None else timerange.NOW
    if start is not None:
        return TimeRange(timerange.parse_moment(start), to)
    return TimeRange(to.earlier(timerange.HOUR), to)


def _format_range(range: TimeRange) -> list[str]:
    if range == DEFAULT_RANGE:
        return []
    if range.end == timerange.NOW and range.start.relative and range.start.nanoseconds < 0:
        return [f"last={timerange.format_exact(-range.start.nanoseconds)}"]
    return [f"from={range.start}", f"to={range.end}"]


def _duration(given: dict[str, str], key: str) -> int:
    return timerange.parse_duration(given[key]) if key in given else 0


def format_tag(key: str, value: str) -> str:
    """Write a tag as a word of a line."""
    return ERROR if (key, value) == (ERROR, "true") else f"{_format_key(key)}={_value(value)}"


def format_condition(each: Condition) -> str:
    """Write a condition as a word of a line."""
    key = _format_key(each.key) if each.is_tag else each.key
    value = _value(each.value) if each.operator == "=" else quote(each.value)
    return f"{key}{each.operator}{value}"


def _format_key(key: str) -> str:
    ambiguous = slip_of(key, KEYS) or _MAY_BE_OPERATOR.search(key)
    return in_quotes(key) if ambiguous else quote(key)


def _value(text: str) -> str:
    """Write what follows an equals sign, which a tilde would make another operator."""
    return in_quotes(text) if text.startswith("~") else quote(text)
