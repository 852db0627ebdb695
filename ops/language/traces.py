"""Read what a person typed about traces as a line that `ops.vocabulary.filters` reads.

    show me the errors for petstroe in the last hour, please
    service=petstore error last=1h

Words come in any order, with other tools' keys, politeness and slips. A word that has no meaning
is left out, and the reading says so; if it may matter, the text is refused.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from ops import limits
from ops.errors import InvalidInput, did_you_mean
from ops.language import amounts, said_tags
from ops.language.keys import is_of_another_tool, trace_key, without_scope
from ops.language.lines import NEGATIONS, Word, compared
from ops.language.names import Kind, Likeness, Names
from ops.language.reading import Reading
from ops.language.strict import strict_traces
from ops.language.times import Clock
from ops.language.trace_ids import find_trace_id, shortened_id
from ops.language.trace_words import (
    FAILED,
    FILLER,
    HTTP_STATUS,
    INSTANCE,
    RESERVED,
    SUCCEEDED,
    TIMED,
    as_value,
)
from ops.language.unread import NotUnderstood, Unread, one_of
from ops.vocabulary.filters import parse_query
from ops.vocabulary.quoting import in_quotes, quote
from ops.vocabulary.slips import slip_of
from ops.vocabulary.tag_words import KEYS

_NAMED = (Kind.SERVICE, Kind.OPERATION, Kind.INSTANCE, Kind.VERSION)
_FIRST = ("site", "service", "operation")
_DURATIONS = ("min", "max", "trace-min", "trace-max")
_LAST = (*_DURATIONS, "last", "from", "to", "before", "limit")
_OPTIONS = {"s": "service", "o": "operation", "e": "error"}
_PLAIN_KEY = re.compile(r"[\w./@-]+")
_TRACE_ID = re.compile("[0-9a-f]{16}|[0-9a-f]{32}", re.IGNORECASE)
_TRUE = ("true", "1", "yes", "any")
_FALSE = ("false", "0", "no", "none")
_OPPOSITE = {"=": "!=", "!=": "="}
_NEVER_LEFT_OUT = NEGATIONS | {"or"}
MOST_COMPARED = 1_000  # operations among which the one that was meant is suggested


def read_traces(text: str, names: Names, clock: Clock) -> Reading:
    """Read a text as a filter for traces; raises InvalidInput with the accepted form.

    `parse_query` accepts the line of the reading.
    """
    limits.check_text("the line", text)
    known = {name for site in names.sites for name in (*site.services, *site.others)}
    line, query = strict_traces(text, known, [site.site for site in names.sites])
    if query and (
        query.service in known or not names.recognise(query.service, Kind.SERVICE, site=query.site)
    ):
        return Reading(line, exact=True)
    reader = _Reader(text, names, clock)
    line = reader.line()
    parse_query(line)
    return Reading(line, reader.left_out, reader.said)


class _Reader:
    """One text, and what has been read of it."""

    def __init__(self, text: str, names: Names, clock: Clock) -> None:
        self._names = names
        self._unread = Unread(text)
        self._given: dict[str, str] = {}
        self._conditions: dict[str, None] = {}
        for operator, status in amounts.statuses(self._unread):
            self._tag(HTTP_STATUS, operator, status)
        for key, value in said_tags.ids(self._unread):
            self._tag(key, "=", value)
        self.said = self._unread.time(clock, self._set)
        for place in self._unread:
            self._option(place)
        for place in self._unread:
            self._key_alone(place)
            if place in self._unread and self._unread.words[place].operator:
                self._pair(place, self._unread.words[place])
        for key, value in said_tags.numbers(self._unread, self._is_name):
            self._tag(key, "=", value)
        self._site()
        self._instance()
        self._service()
        self._operation()
        for key, duration in amounts.durations(self._unread, {*self._given}).items():
            self._set(key, duration)
        if number := amounts.limit(self._unread):
            self._set("limit", number)
        for place in self._unread:
            self._outcome(place)
        self.left_out = self._rest()

    def line(self) -> str:
        def pairs(keys: Iterable[str]) -> Iterable[str]:
            return (f"{key}={quote(self._given[key])}" for key in keys if key in self._given)

        return " ".join((*pairs(_FIRST), *self._conditions, *pairs(_LAST)))

    def _set(self, key: str, value: str) -> None:
        if self._given.get(key, value) != value:
            raise InvalidInput(f'"{key}" is given twice: {self._given[key]} and {value}')
        self._given[key] = value

    def _tag(self, key: str, operator: str, value: str) -> None:
        plain = _PLAIN_KEY.fullmatch(key) and not slip_of(key, KEYS)
        written = key if plain and not is_of_another_tool(key, value) else in_quotes(key)
        self._conditions[f"{written}{operator}{as_value(value)}"] = None

    def _option(self, place: int) -> None:
        """Read `--error`, `-n 5`, `--service petstore`."""
        word = self._unread.words[place]
        if not word.flag or word.operator:
            return
        self._unread.take(place)
        key = _OPTIONS.get(word.text) or trace_key(word.text)
        if key == "error":
            self._error("=", "true")
        elif key in ("last", "from", "to") and key in self._given:
            return
        elif key and place + 1 in self._unread and not self._unread.words[place + 1].operator:
            self._pair(place + 1, replace(self._unread.words[place + 1], key=key, operator="="))
        else:
            shown = self._unread.raw(place)[:80]
            raise InvalidInput(f'"{shown}" is not an option here: write KEY=VALUE, or error')

    def _key_alone(self, place: int) -> None:
        """Read `operation "GET /pets"`, `maxDuration 2s` and `limit 5`."""
        key = trace_key(self._unread.bare(place))
        if not key or place + 1 not in self._unread or self._unread.words[place + 1].operator:
            return
        value = self._unread.words[place + 1]
        named = key in ("service", "operation") and value.quoted
        if named or (key in (*_DURATIONS, "limit") and value.text[:1].isdecimal()):
            self._unread.take(place)
            self._pair(place + 1, replace(value, key=key, operator="="))

    def _pair(self, place: int, word: Word) -> None:
        """Read `key=value`, `key: value`, `key > value`."""
        operator, value = compared(word)
        if not word.key and not value[:1].isdecimal():
            shown = self._unread.raw(place)[:80]
            raise InvalidInput(f'"{shown}" cannot be read: write KEY=VALUE, or min=100ms')
        key = "" if word.key_quoted else self._key(word, operator)
        self._unread.take(place)
        match key:
            case "min" | "max" | "trace-min" | "trace-max" | "duration" | "trace-duration":
                self._duration(place, key, operator, value)
            case "error" if word.operator == ":" and value.casefold() not in (*_TRUE, *_FALSE):
                self._conditions[said_tags.saying(value)] = None
            case "error":
                self._error(operator, value)
            case "status":
                self._status(without_scope(word.key), operator, value)
            case "trace ID" if find_trace_id(value):
                raise InvalidInput(f'write "show trace {value[:80]}" to see that trace')
            case "tags":
                self._conditions[f"tags={value}"] = None
            case "site":
                self._set_site(word.key, operator, value)
            case _:
                self._plain_pair(word, key, operator, value)

    def _plain_pair(self, word: Word, key: str, operator: str, value: str) -> None:
        if key in ("service", "operation") and operator != "=":
            self._conditions[f"{key}{operator}{as_value(self._meant(key, value))}"] = None
        elif key not in (*_FIRST, *_LAST):
            self._tag(word.key if word.key_quoted else without_scope(word.key), operator, value)
        elif operator != "=":
            raise InvalidInput(f'"{key}" takes only =: write {key}=VALUE')
        else:
            self._set(key, amounts.checked_limit(value) if key == "limit" else value)

    def _key(self, word: Word, operator: str) -> str:
        """Return what a key means, "" for a tag; `traces > 1s` is about the trace's duration."""
        if operator in (">", ">=", "<", "<=") and word.key.casefold() in TIMED:
            return "duration" if word.key.casefold() in ("span", "spans") else "trace-duration"
        return trace_key(word.key) or slip_of(word.key.casefold(), KEYS)

    def _duration(self, place: int, key: str, operator: str, value: str) -> None:
        duration = amounts.compared_duration(self._unread, value, place)
        if "duration" in key:
            if operator not in (">", ">=", "<", "<="):
                raise InvalidInput(f"write min={value} or max={value} for the {key}")
            key = key.replace("duration", "min" if operator[0] == ">" else "max")
        self._set(key, duration)

    def _error(self, operator: str, value: str) -> None:
        small = value.casefold()
        if small not in (*_TRUE, *_FALSE) or operator not in _OPPOSITE:
            self._tag("error", operator, value)
            return
        failed = (small in _TRUE) == (operator == "=")
        self._conditions["error" if failed else "error=false"] = None

    def _status(self, key: str, operator: str, value: str) -> None:
        small = value.casefold()
        if small in ("error", "failed", "2") and operator in _OPPOSITE:
            self._error(operator, "true")
        elif small in ("ok", "unset", "success", "1", "0") and operator in _OPPOSITE:
            self._error(operator, "false")
        elif small.isdecimal():
            self._tag(HTTP_STATUS, operator, small)
        elif of_class := amounts.CLASS.fullmatch(small):
            for comparison, status in amounts.statuses_of(of_class):
                self._tag(HTTP_STATUS, comparison, status)
        else:
            self._tag(key, operator, value)

    def _set_site(self, key: str, operator: str, value: str) -> None:
        """Set the site; an environment that is no site of ours is a tag."""
        called = self._names.site_called(value)
        if key.casefold() == "site" and operator != "=":
            raise InvalidInput("site takes only =: write site=NAME")
        if operator != "=" or not (called or key.casefold() == "site"):
            self._tag(without_scope(key), operator, value)
        else:
            self._set("site", called or value)

    def _site(self) -> None:
        for place in self._unread:
            word = self._unread.bare(place)
            named = bool(word) and self._names.site_called(word)
            if named and (
                self._unread.is_place(place) or not self._names.recognise(word, Kind.SERVICE)
            ):
                self._unread.take(place)
                self._set("site", named)

    def _is_name(self, word: str) -> bool:
        found = self._names.recognise(word, *_NAMED, least=Likeness.LETTERS)
        return bool(found or self._names.site_called(word))

    def _instance(self) -> None:
        """Read `petstore-2` as a service's instance, where it is no slip of a service's name."""
        site = self._given.get("site", "")
        for place in self._unread:
            word = self._unread.bare(place)
            found = self._names.recognise(
                word, Kind.SERVICE, Kind.INSTANCE, site=site, least=Likeness.LETTERS
            )
            if found and found[0].kind is Kind.INSTANCE:
                self._unread.take(place)
                operator = "!=" if self._unread.negated(place) else "="
                self._tag(INSTANCE, operator, found[0].name)
                self._given.setdefault("service", found[0].of)

    def _service(self) -> None:
        site = self._given.get("site", "")
        if typed := self._given.get("service", ""):
            self._given["service"] = self._meant("service", typed)
        for found in self._unread.named(self._names, Kind.SERVICE, site, RESERVED):
            name = one_of(found)
            self._unread.take(*found.places)
            if self._unread.negated(found.places[0]):
                self._conditions[f"service!={as_value(name.name)}"] = None
                continue
            if self._given.get("service", name.name) != name.name:
                both = f"{self._given['service']} and {name.name}"
                raise InvalidInput(f"{both} are services; give one of them")
            self._given["service"] = name.name
            if name.site != self._names.site(site).site:
                self._set("site", name.site)

    def _operation(self) -> None:
        site, service = self._given.get("site", ""), self._given.get("service", "")
        if typed := self._given.get("operation", ""):
            self._given["operation"] = self._meant("operation", typed)
        for found in self._unread.named(self._names, Kind.OPERATION, site, RESERVED, of=service):
            names = found.names
            if not service and (default := self._names.site(site).default_service):
                names = [each for each in names if each.of == default] or names
            name = one_of(found, names)
            self._unread.take(*found.places)
            if self._unread.negated(found.places[0]):
                self._conditions[f"operation!={as_value(name.name)}"] = None
                continue
            self._set("operation", name.name)
            if not service and name.of != self._names.site(site).default_service:
                self._set("service", name.of)

    def _meant(self, key: str, typed: str) -> str:
        """Return the name that the value of a key means, or the value if it is no name."""
        site, service = self._given.get("site", ""), self._given.get("service", "")
        kind, of = (Kind.SERVICE, "") if key == "service" else (Kind.OPERATION, service)
        found = self._names.recognise(typed, kind, site=site, of=of)
        surely = [each.name for each in found if each.likeness is not Likeness.PLURAL]
        return surely[0] if len({*surely}) == 1 else typed

    def _outcome(self, place: int) -> None:
        word = self._unread.bare(place)
        if word in FAILED or word in SUCCEEDED:
            self._unread.take(place)
            failed = (word in FAILED) != self._unread.negated(place)
            said = said_tags.messages(self._unread, place) if failed and word in FAILED else ()
            conditions = [*map(said_tags.saying, said)] or ["error" if failed else "error=false"]
            self._conditions.update(dict.fromkeys(conditions))

    def _rest(self) -> tuple[str, ...]:
        read = self._conditions or self._given.keys() - {"last", "from", "to", "limit"}
        try:
            return self._unread.leave_out(FILLER, _NEVER_LEFT_OUT, nothing_read=not read)
        except NotUnderstood as error:
            raise InvalidInput(self._problem(error.text)) from None

    def _problem(self, text: str) -> str:
        shown = text[:80]
        if text.casefold() == "or":
            return 'conditions cannot be joined by "or": all of them must match'
        if text.casefold() in NEGATIONS:
            return f'"{shown}" cannot be read here: write error=false, or KEY!=VALUE for a tag'
        if text == '"':
            return "a quote is not closed"
        if _TRACE_ID.fullmatch(text):
            return f'"{shown}" is a trace ID: write "show trace {shown}" to see that trace'
        if shortened_id(text):
            return f'"{shown}" may be part of a trace ID: write "show trace {shown}"'
        if text.isdecimal():
            return f'"{shown}" may mean several things: write limit={shown}, or KEY={shown}'
        where = self._names.site(self._given.get("site", ""))
        operations = [name for names in where.operations.values() for name in names]
        known = [
            name
            for name in (*where.services, *where.others, *operations[:MOST_COMPARED])
            if name[:1].casefold() == text[:1].casefold()
        ]
        written = quote(shown)
        return f'"{shown}" is not a service or an operation that is known' + (
            did_you_mean(text, known)
            or f"; write service={written}, operation={written} or KEY={written}"
        )
