r"""The filter language for alerts: a line of matchers, words and keys, in any order.

    critical state=firing severity=~"page|critical", team!="store" last=1h age>10m site=production

`state` (or `states`), `since`, `last`, `age` and `site` are keys; a label of such a name must be
in double quotes: `"site"=eu`. A matcher is as in Alertmanager, with or without spaces around its
operator; but outside of quotes and braces, a blank ends a value. `{…}` is read exactly as
Alertmanager does. A word alone is a state, service, severity, alert or label: which one is known
to those who know the alerts, see ops.alerts.words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ops import limits
from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, PENDING, Alert
from ops.vocabulary.matchers import (
    FORMS_OF_A_MATCHER,
    KEYS,
    SLIPPED,
    SPACE,
    UNQUOTED,
    Matcher,
    parse_matcher,
    parse_matchers,
    parse_name,
    quoted,
    written,
)
from ops.vocabulary.quoting import QUOTED
from ops.vocabulary.slips import slip_of

STATES = (FIRING, PENDING)
UNLISTED = "inactive"  # the state of a rule without active alerts; no alert has it

_NAME = rf"(?P<name>{QUOTED}|{UNQUOTED})"
_OPERATOR = rf"(?P<operator>=~|!=|!~|[=<>])(?P<gap>[{SPACE}]*+)"
_VALUE = rf'(?P<value>{QUOTED}|(?:\\[\\"]|[^{SPACE},"])*+)'
_END = rf"(?=[{SPACE},]|\Z)"
_WORD = re.compile(rf"{_NAME}(?:[{SPACE}]*+{_OPERATOR}{_VALUE})?{_END}", re.DOTALL)
_STATES = re.compile(
    rf"(?P<name>states?)(?P<operator>=)(?P<value>\w+(?:,\w+{_END})+)", re.ASCII
)  # with commas, which end other values
_BETWEEN = re.compile(rf"[{SPACE}]*+(?:,[{SPACE}]*+)?")
_BRACES = re.compile(r'\\.|"(?:[^"\\]|\\.)*+(?:"|\Z)|[{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """A filter: everything in it must hold; no states means all.

    `since` is Unix ns, 0 means any. `last`, `older` and `younger` are nanoseconds since the alert
    became active, at most, more than and less than; 0 means any. `words` have no meaning yet, and
    an alert that must meet them is not selected. The state "inactive" is accepted because programs
    ask for it; no listed alert has it.
    """

    matchers: tuple[Matcher, ...] = ()
    states: tuple[str, ...] = ()
    since: int = 0
    site: str = ""
    last: int = 0
    older: int = 0
    younger: int = 0
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for state in self.states:
            if state not in (*STATES, UNLISTED):
                raise InvalidInput(
                    f'"{state[:80]}" is not a state; accepted: {", ".join(STATES)} or {UNLISTED}'
                )

    def selects(self, alert: Alert, now: int) -> bool:
        """Return whether the filter selects the alert; `now` is Unix nanoseconds.

        An alert without a start time passes all conditions on time: it may be new or old.
        """
        return (
            not self.words
            and (not self.states or alert.state in self.states)
            and (alert.active_at == 0 or self._in_time(alert.active_at, now))
            and all(matcher.matches(alert) for matcher in self.matchers)
        )

    def _in_time(self, active_at: int, now: int) -> bool:
        age = now - active_at
        return (
            active_at >= self.since
            and (not self.last or age <= self.last)
            and (not self.older or age > self.older)
            and (not self.younger or age < self.younger)
        )

    def __str__(self) -> str:
        return format_filter(self)


def parse_filter(line: str) -> AlertFilter:
    """Read a line; a relative `since` counts from now. Raises InvalidInput with the form."""
    given: dict[str, str] = {}
    matchers: list[Matcher] = []
    words = []
    for found in _parts(line):
        if isinstance(found, tuple):
            matchers += found
            continue
        name, operator = found["name"], found["operator"]
        if name in KEYS:
            _take(given, name, operator, found["value"])
        elif operator is None:
            words.append(parse_name(name))
        else:
            matchers.append(_matcher(found))
    states = [state.strip() for state in given.get("state", "").lower().split(",")]
    for state in filter(None, states):
        check_listed(state)
    since = timerange.parse_moment(given["since"]) if "since" in given else None
    durations = {
        name: timerange.parse_duration(given[key])
        for name, key in (("last", "last"), ("older", "age>"), ("younger", "age<"))
        if key in given
    }
    return AlertFilter(
        matchers=tuple(matchers),
        states=tuple(dict.fromkeys(filter(None, states))),
        since=since.at(timerange.now_ns()) if since else 0,
        site=given.get("site", ""),
        words=tuple(dict.fromkeys(words)),
        **durations,
    )


def format_filter(filter: AlertFilter) -> str:
    """Write a filter as a line that parses back to it.

    The matchers are at its end, as a list that Alertmanager reads as the same.
    """
    parts = [f"state={','.join(filter.states)}"] if filter.states else []
    if filter.since:
        parts.append(f"since={timerange.format_moment(filter.since)}")
    parts += [
        f"{key}{timerange.format_exact(duration)}"
        for key, duration in (
            ("last=", filter.last),
            ("age>", filter.older),
            ("age<", filter.younger),
        )
        if duration
    ]
    if filter.site:
        parts.append(f"site={quoted(filter.site)}")
    parts += [quoted(word) if word in KEYS else written(word) for word in filter.words]
    if filter.matchers:
        parts.append(", ".join(map(str, filter.matchers)))
    return " ".join(parts)


def check_listed(state: str) -> None:
    """Refuse a state that no listed alert has: a user who writes it means something else."""
    if state == UNLISTED:
        raise InvalidInput(f"inactive alerts are not listed; use state={' or state='.join(STATES)}")
    if state not in STATES:
        raise InvalidInput(f'"{state[:80]}" is not a state; accepted: {" or ".join(STATES)}')


def _parts(line: str) -> Iterator[re.Match[str] | tuple[Matcher, ...]]:
    """Yield each word, key or matcher of a line, and the matchers of each part in braces."""
    stripped = line.strip(SPACE)
    number = position = 0
    while position < len(stripped):
        if stripped[position] == "{":
            end = _end_of_braces(stripped, position)
            matchers = parse_matchers(stripped[position:end], reserved=KEYS)
            number += len(matchers)
            limits.check_words(number)
            yield matchers
        else:
            word = _STATES.match(stripped, position) or _WORD.match(stripped, position)
            if word is None:
                raise InvalidInput(
                    f"cannot read the filter from here on: {stripped[position:][:80]} (write "
                    f"{FORMS_OF_A_MATCHER}, or a word alone)"
                )
            number += 1
            limits.check_words(number)
            yield word
            end = word.end()
        between = _BETWEEN.match(stripped, end)
        position = between.end() if between else end


def _end_of_braces(line: str, start: int) -> int:
    """Return where the braces that open at `start` are closed and a word could end."""
    depth = 0
    for found in _BRACES.finditer(line, start):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0 and line[found.end() : found.end() + 1] in ("", ",", *SPACE):
            return found.end()
    return len(line)


def _matcher(word: re.Match[str]) -> Matcher:
    name, operator, value = word["name"], word["operator"], word["value"]
    if operator in ("<", ">"):
        raise InvalidInput(
            f"only age takes {operator}: write age{operator}10m, or {FORMS_OF_A_MATCHER}"
        )
    if key := "" if name.startswith('"') else slip_of(name, SLIPPED):
        raise InvalidInput(
            f'unknown key "{name}"; did you mean "{key}"? (for a label of that name: "{name}")'
        )
    if word["gap"] and not value.startswith('"') and not {*"=!~<>"}.isdisjoint(value):
        raise InvalidInput(
            f'"{name}{operator} {value[:80]}" may mean two things: put the value in quotes, or '
            f'write {name}{operator}"" if it is empty'
        )
    return parse_matcher(f"{name}{operator}{value}")


def _take(given: dict[str, str], name: str, operator: str | None, value: str | None) -> None:
    key = "state" if name == "states" else name
    label = f'(for a label of that name, put "{name}" in quotes)'
    if name == "age":
        if operator not in ("<", ">"):
            raise InvalidInput(f"write age>10m or age<10m {label}")
        key = f"age{operator}"
    elif operator != "=":
        raise InvalidInput(f'write "{name}=…" {label}')
    if key in given:
        raise InvalidInput(f'"{key}" is given twice')
    # A key's value is read as the value of a label is.
    given[key] = parse_matcher(f"{name}={value}").value
