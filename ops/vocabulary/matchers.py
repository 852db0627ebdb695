"""Alert filters: matchers as in Alertmanager, states, and a start time.

    state=firing severity=~"page|critical" team!=store runbook since=now-1h site=production

Words come in any order. A bare word matches alerts that have a label of that name. A label whose
name is one of KEYS must be in double quotes: `"site"=eu`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from ops import limits
from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert
from ops.vocabulary.filters import QUOTED, in_quotes, slip_of, unquote

KEYS = ("state", "states", "since", "site")
STATES = ("firing", "pending")
UNLISTED = "inactive"  # the state of a rule without active alerts; no alert has it
OPERATORS = ("=", "!=", "=~", "!~")
FORMS_OF_A_MATCHER = 'label="value" (with =, !=, =~ or !~), or a label alone if it must exist'

_PLAIN_NAME = re.compile(r'[^\s"=!~]+')
_NAME = rf"(?P<name>{QUOTED}|{_PLAIN_NAME.pattern})"
_OPERATOR = r"(?P<operator>=~|!~|!=|=)"
_WORD = re.compile(rf'\s*{_NAME}(?:{_OPERATOR}(?P<value>{QUOTED}|[^\s"]*))?(?=\s|$)', re.DOTALL)
_LABEL = re.compile(rf"{_NAME}(?:\s*{_OPERATOR}\s*(?P<value>.*))?", re.DOTALL)
_QUIET = re2.Options()
_QUIET.log_errors = False
_QUIET.max_mem = 1024 * 1024  # bytes per pattern; 64 of them are cached


@dataclass(frozen=True, slots=True)
class Matcher:
    """`name operator value`; the operator is "=", "!=", "=~" or "!~" (anchored RE2).

    A missing label counts as "". A bare key is `name != ""`. Raises InvalidInput if the operator
    or the regular expression is invalid.
    """

    name: str
    operator: str
    value: str

    def __post_init__(self) -> None:
        if not self.name or self.operator not in OPERATORS:
            raise InvalidInput(
                f'"{self.name}{self.operator}{self.value}" is not a matcher: '
                f"write {FORMS_OF_A_MATCHER}"
            )
        if self.operator in ("=~", "!~"):
            _compiled(self.value)

    def matches(self, alert: Alert) -> bool:
        """Return whether the alert's label meets the condition."""
        found = alert.labels.get(self.name, "")
        if self.operator in ("=", "!="):
            return (found == self.value) is (self.operator == "=")
        return bool(_compiled(self.value).fullmatch(found)) is (self.operator == "=~")

    def __str__(self) -> str:
        plain = _PLAIN_NAME.fullmatch(self.name) and not slip_of(self.name, KEYS)
        name = self.name if plain else in_quotes(self.name)
        if (self.operator, self.value) == ("!=", ""):
            return name
        return f"{name}{self.operator}{in_quotes(self.value)}"


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """A filter: all matchers must hold; no states means all; `since` is Unix ns, 0 means any.

    The state "inactive" is accepted because programs ask for it; no listed alert has it.
    """

    matchers: tuple[Matcher, ...] = ()
    states: tuple[str, ...] = ()
    since: int = 0
    site: str = ""

    def __post_init__(self) -> None:
        for state in self.states:
            if state not in (*STATES, UNLISTED):
                raise InvalidInput(
                    f'"{state[:80]}" is not a state; accepted: {", ".join(STATES)} or {UNLISTED}'
                )

    def selects(self, alert: Alert) -> bool:
        """Return whether the filter selects the alert.

        An alert without a start time always passes `since`: it may be new.
        """
        return (
            (not self.states or alert.state in self.states)
            and (alert.active_at >= self.since or alert.active_at == 0)
            and all(matcher.matches(alert) for matcher in self.matchers)
        )

    def __str__(self) -> str:
        return format_filter(self)


def parse_filter(line: str) -> AlertFilter:
    """Read `state=firing severity=~"page|critical" team!=store since=now-1h site=…`.

    A relative `since` counts from now. Raises InvalidInput with the accepted form.
    """
    given: dict[str, str] = {}
    matchers = []
    for word in _words(line):
        name = word["name"]
        if name in KEYS:
            _take(given, name, word["operator"], unquote(word["value"] or ""))
        elif key := "" if name.startswith('"') else slip_of(name, KEYS):
            raise InvalidInput(
                f'unknown key "{name}"; did you mean "{key}"? (for a label of that name: "{name}")'
            )
        else:
            matchers.append(_matcher(word))
    states = [state.strip() for state in given.get("state", "").lower().split(",")]
    for state in filter(None, states):
        _check_listed(state)
    since = timerange.parse_moment(given["since"]) if "since" in given else None
    return AlertFilter(
        matchers=tuple(matchers),
        states=tuple(dict.fromkeys(state for state in states if state)),
        since=since.at(timerange.now_ns()) if since else 0,
        site=given.get("site", ""),
    )


def parse_matcher(text: str) -> Matcher:
    """Read one matcher, `severity=~page|critical`, or a bare label name, which must exist.

    The value extends to the end of the string, with or without quotes.
    """
    word = _LABEL.fullmatch(text.strip())
    if word is None:
        raise InvalidInput(f'"{text[:80]}" is not a matcher: write {FORMS_OF_A_MATCHER}')
    return _matcher(word)


def format_filter(filter: AlertFilter) -> str:
    """Write a filter as a line that parses back to it."""
    words = [f"state={','.join(filter.states)}"] if filter.states else []
    words += [str(matcher) for matcher in filter.matchers]
    if filter.since:
        words.append(f"since={timerange.format_moment(filter.since)}")
    if filter.site:
        words.append(f"site={in_quotes(filter.site)}")
    return " ".join(words)


def _words(line: str) -> Iterator[re.Match[str]]:
    stripped = line.rstrip()
    number = position = 0
    while position < len(stripped):
        word = _WORD.match(stripped, position)
        if word is None:
            rest = stripped[position:].strip()
            raise InvalidInput(
                f"cannot read the filter from here on: {rest[:80]} (write label=value, "
                'label!=value, label=~"regular expression", label!~… or a label alone)'
            )
        number += 1
        limits.check_words(number)
        yield word
        position = word.end()


def _take(given: dict[str, str], name: str, operator: str | None, value: str) -> None:
    key = "state" if name == "states" else name
    if operator != "=":
        raise InvalidInput(f'write "{name}=…" (for a label of that name, put "{name}" in quotes)')
    if key in given:
        raise InvalidInput(f'"{key}" is given twice')
    given[key] = value


def _check_listed(state: str) -> None:
    """Refuse a state that no listed alert has: a user who writes it means something else."""
    if state == UNLISTED:
        raise InvalidInput(f"inactive alerts are not listed; use state={' or state='.join(STATES)}")
    if state not in STATES:
        raise InvalidInput(f'"{state[:80]}" is not a state; accepted: {" or ".join(STATES)}')


def _matcher(word: re.Match[str]) -> Matcher:
    name = unquote(word["name"])
    if word["operator"] is None:
        return Matcher(name, "!=", "")
    return Matcher(name, word["operator"], unquote(word["value"]))


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    """Compile with RE2, as Prometheus and Alertmanager do: matching takes linear time.

    Compiling a pattern of a few thousand characters can still take half a second, so doors read
    filters in a thread.
    """
    try:
        return re2.compile(pattern, _QUIET)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0]
        if isinstance(reason, bytes):
            reason = reason.decode(errors="replace")
        raise InvalidInput(
            f'"{pattern[:80]}" is not a regular expression (RE2): {reason}'
        ) from None
