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

from ops import limits
from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.conditions import NEGATIONS, Condition, check_expressions
from ops.vocabulary.quoting import QUOTED, unquote
from ops.vocabulary.slips import slip_of
from ops.vocabulary.tag_words import (
    KEYS,
    OPERATOR,
    Tag,
    format_condition,
    format_tag,
    format_value,
    key_of,
    tag_of,
    tags_of,
)
from ops.vocabulary.tags import ERROR
from ops.vocabulary.timerange import TimeRange

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 1500
MOST_TAGS = 20
DEFAULT_RANGE = TimeRange.last(timerange.HOUR)

NAMES = ("service", "operation")  # the keys that also take !=, =~ and !~

_BARE = rf'(?:(?!{OPERATOR})[^\s"])++'
_WORD = re.compile(
    rf"""\s*(?:
        tags=\[(?P<list>(?:{QUOTED}|[^\]"])*)\]
      | (?P<key>{QUOTED}|{_BARE})(?P<operator>{OPERATOR})(?P<value>{QUOTED}|[^\s"]*)
      | (?P<bare>{QUOTED}|{_BARE})
    )(?=\s|$)""",
    re.VERBOSE | re.DOTALL,
)
_ID = re.compile("[0-9a-f]{32}")


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
            found.extend(tags_of(match["list"]))
        elif match["bare"] is not None:
            found.append(_bare(match["bare"]))
        elif key not in KEYS:
            found.append(tag_of(key_of(key), operator, value))
        elif operator != "=":
            found.append(_name(key, operator, value))
        elif key in given:
            raise InvalidInput(f'"{key}" is given twice')
        else:
            given[key] = value
    found.extend(tags_of(given.get("tags", "")))
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
        f"{key}={format_value(value)}"
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


def _name(key: str, operator: str, value: str) -> Condition:
    if key not in NAMES:
        raise InvalidInput(
            f'"{key}" cannot be given with {operator}: write {key}=VALUE '
            f'(to search for such a tag: "{key}"{operator}…)'
        )
    if operator not in ("=~", *NEGATIONS):
        raise InvalidInput(f'"{key}" is a name: compare it with = != =~ or !~')
    return Condition(key, operator, value, is_tag=False)


def _bare(word: str) -> Tag:
    if unquote(word) == ERROR:
        return ERROR, "true"
    if word in KEYS:
        raise InvalidInput(f'"{word}" has no value: write {word}=VALUE, with no space around =')
    hint = '; did you mean "error"?' if slip_of(word, ("error",)) else ""
    raise InvalidInput(
        f'"{unquote(word)[:80]}" has no value: write key=value (only "error" needs none)' + hint
    )


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
