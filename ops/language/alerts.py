"""Read what a person typed about alerts as a line that `ops.vocabulary.alert_filters` reads.

    any critical alerts for petstroe in the last hour?
    critical petstore last=1h

Words come in any order, with other tools' keys, politeness and slips. A word that has no meaning
is left out, and the reading says so; if it may matter, the text is refused.
"""

import re
from dataclasses import replace

from ops import limits
from ops.errors import InvalidInput, did_you_mean
from ops.language import amounts
from ops.language.alert_words import (
    FILLER,
    FIRING_STATES,
    FIRING_WORDS,
    NEVER_LEFT_OUT,
    OLDER,
    RESERVED,
    UNLISTED_WORDS,
    YOUNGER,
    UnknownWord,
    as_value,
    as_word,
    kind_of,
    meaning_of,
)
from ops.language.durations import read_duration
from ops.language.keys import alert_key
from ops.language.lines import Word, compared
from ops.language.names import Kind, Likeness, Name, Names, SiteNames
from ops.language.reading import Reading
from ops.language.strict import is_strict_alerts
from ops.language.times import Clock
from ops.language.unread import NotUnderstood, Unread, one_of
from ops.vocabulary.alert_filters import STATES, parse_filter
from ops.vocabulary.alerts import FIRING, MILD, PENDING, SEVERITIES
from ops.vocabulary.matchers import FORMS_OF_A_MATCHER, KEYS, OPERATORS, quoted, written
from ops.vocabulary.timerange import format_exact

_KINDS = (Kind.SERVICE, Kind.SEVERITY, Kind.ALERT)


def read_alerts(text: str, names: Names, clock: Clock) -> Reading:
    """Read a text as a filter for alerts; raises InvalidInput with the accepted form.

    `parse_filter` accepts the line of the reading, and `alerts.list_alerts` its words as far as
    the names are known.
    """
    limits.check_text("the line", text)
    if is_strict_alerts(text, names):
        return Reading(text.strip(), exact=True)
    reader = _Reader(text, names, clock)
    line = reader.line()
    parse_filter(line)
    return Reading(line, reader.left_out, reader.said)


class _Reader:
    """One text, and what has been read of it."""

    def __init__(self, text: str, names: Names, clock: Clock) -> None:
        self._names = names
        self._unread = Unread(text)
        self._words: dict[str, None] = {}
        self._kinds: set[Kind] = set()
        self._given: dict[str, str] = {}
        self._matchers: dict[str, None] = {}
        self._age()
        self.said = self._unread.time(clock, self._time)
        for place in self._unread:
            word = self._unread.words[place]
            if word.flag and not word.operator:
                self._option(place)
            elif word.operator:
                self._pair(place, word)
        self._site()
        for kind in _KINDS:
            self._named(kind)
        for place in self._unread:
            self._state(place)
        self._labels()
        self.left_out = self._rest()

    @property
    def _where(self) -> SiteNames:
        return self._names.site(self._given.get("site=", ""))

    def line(self) -> str:
        pairs = (f"{key}{as_value(value)}" for key, value in self._given.items())
        return " ".join((*self._words, *self._matchers, *pairs))

    def _set(self, key: str, value: str) -> None:
        if self._given.get(key, value) != value:
            raise InvalidInput(f'"{key}" is given twice: {self._given[key]} and {value}')
        self._given[key] = value

    def _word(self, name: str, kind: Kind, label: str, *, negated: bool = False) -> None:
        """Add a name as a word, or as a matcher where the word would mean something else."""
        if negated or (kind_of(name, self._where) is not kind and kind is not Kind.SERVICE):
            self._match(label, "!=" if negated else "=", name)
        else:
            self._words[as_word(name)] = None
            self._kinds.add(kind)

    def _match(self, label: str, operator: str, value: str) -> None:
        self._matchers[f"{written(label)}{operator}{quoted(value)}"] = None

    def _time(self, key: str, value: str) -> None:
        if key == "to":
            raise InvalidInput(
                "alerts are listed as they are now: to filter them by when they started, write "
                "last=1h or since=TIME"
            )
        self._set("since=" if key == "from" else f"{key}=", value)

    def _age(self) -> None:
        """Read `for more than 10 minutes`, `older than 1h`, `newer than 5m`."""
        small = [self._unread.bare(place) for place in range(len(self._unread.words))]
        for place in self._unread:
            read = read_duration(small, place) if small[place] else None
            leads = amounts.leading(self._unread, place, OLDER | YOUNGER) if read else []
            words = {small[at] for at in leads}
            alone = (
                words <= {"for"}
                and self._unread.before(leads[-1] if leads else 0) not in FIRING_WORDS
            )
            if read and words & (OLDER | YOUNGER) and not alone:
                self._set("age<" if words & YOUNGER else "age>", format_exact(read[0]))
                self._unread.take(*leads, *range(place, read[1]))

    def _option(self, place: int) -> None:
        """Read `--severity critical`."""
        word = self._unread.words[place]
        self._unread.take(place)
        key = alert_key(word.text)
        if key in ("last", "since") and f"{key}=" in self._given:
            return
        if key and place + 1 in self._unread and not self._unread.words[place + 1].operator:
            value = self._unread.words[place + 1]
            self._pair(place + 1, replace(value, key=word.text, operator="="))
            return
        shown = self._unread.raw(place)[:80]
        raise InvalidInput(f'"{shown}" is not an option here: write {FORMS_OF_A_MATCHER}')

    def _pair(self, place: int, word: Word) -> None:
        """Read `label=value`, `key: value`, `age > 10m`."""
        operator, value = compared(word)
        if word.operator == ":" and not word.quoted and "*" in value:
            operator, value = "=~", ".*".join(map(re.escape, value.split("*")))
        self._unread.take(place)
        as_typed = word.key_quoted or "alerts" in self._where.missing
        meaning = "" if as_typed else meaning_of(word.key, self._where.labels)
        small = word.key.casefold()
        if not word.key_quoted and (small in KEYS or small == "age"):
            meaning = {"states": "state"}.get(small, small)
        if meaning == "age":
            duration = amounts.compared_duration(self._unread, value, place)
            self._set("age<" if operator[0] == "<" else "age>", duration)
        elif meaning == "state" and operator in ("=", "!="):
            self._states(value, negated=operator == "!=")
        elif meaning == "site" and operator == "=":
            self._set_site(word.key, value)
        elif meaning in ("last", "since") and operator == "=":
            self._set(f"{meaning}=", value)
        elif meaning == "service" and operator == "=":
            self._service(value)
        elif operator not in OPERATORS or not word.key:
            raise InvalidInput(
                f"only age takes {operator}: write age{operator}10m, or {FORMS_OF_A_MATCHER}"
            )
        else:
            label = {"alert": "alertname", "severity": "severity"}.get(meaning, word.key)
            self._match(label, operator, value)

    def _set_site(self, key: str, value: str) -> None:
        called = self._names.site_called(value)
        if called or key.casefold() == "site":
            self._set("site=", called or value)
        else:
            self._match(key, "=", value)

    def _states(self, text: str, *, negated: bool = False) -> None:
        for state in filter(None, text.casefold().split(",")):
            meant = FIRING if state in FIRING_STATES else state
            if negated and meant in STATES:
                meant = PENDING if meant == FIRING else FIRING
            if meant not in STATES:
                listed = "not listed" if state in UNLISTED_WORDS else "not a state"
                raise InvalidInput(f'"{state[:80]}" is {listed}; accepted: {" or ".join(STATES)}')
            self._words[meant] = None
            self._kinds.add(Kind.STATE)

    def _service(self, text: str) -> None:
        found = self._names.recognise(text, Kind.SERVICE, site=self._where.site)
        known = [each for each in found if each.name in self._where.services]
        if not known:
            raise InvalidInput(
                f'"{text[:80]}" is not a service in the site file'
                + (did_you_mean(text, self._where.services) or f"; write {FORMS_OF_A_MATCHER}")
            )
        self._word(known[0].name, Kind.SERVICE, "")

    def _site(self) -> None:
        for place in self._unread:
            word = self._unread.bare(place)
            named = bool(word) and self._names.site_called(word)
            if named and (self._unread.is_place(place) or not self._names.recognise(word, *_KINDS)):
                self._unread.take(place)
                self._set("site=", named)

    def _named(self, kind: Kind) -> None:
        site = self._given.get("site=", "")
        for found in self._unread.named(self._names, kind, site, RESERVED):
            names = [each for each in found.names if kind is not Kind.SERVICE or self._has(each)]
            if not names:
                continue
            name = one_of(found, names)
            self._unread.take(*found.places)
            negated = self._unread.negated(found.places[0])
            if negated and kind is Kind.SERVICE:
                raise InvalidInput(
                    f'"not {found.text[:80]}" cannot be read here: write LABEL!="VALUE"'
                )
            if name.site != self._where.site:
                self._set("site=", name.site)
            label = "alertname" if kind is Kind.ALERT else "severity"
            self._word(name.name, kind, label, negated=negated)

    def _has(self, service: Name) -> bool:
        """Return whether a service is in the site file: the alerts of others are not known."""
        return service.name in self._names.site(service.site).services

    def _state(self, place: int) -> None:
        word = self._unread.bare(place)
        if (
            word in (*SEVERITIES, *MILD, *(f"{each}s" for each in SEVERITIES))
            and word not in FILLER
        ):
            self._unread.take(place)
            self._word(word.removesuffix("s"), Kind.SEVERITY, "severity")
        elif word in FIRING_WORDS or word == PENDING:
            self._unread.take(place)
            meant = PENDING if word == PENDING else FIRING
            self._states(meant, negated=self._unread.negated(place))
        elif word in UNLISTED_WORDS:
            self._states(word)

    def _labels(self) -> None:
        """Read `team store`, a label and its value; `store`, a value; and `team`, a label."""
        site = self._where.site
        for found in self._unread.named(self._names, Kind.VALUE, site, RESERVED):
            if found.names[0].likeness > Likeness.LETTERS:
                continue
            place = found.places[0]
            of = [each for each in found.names if each.of == self._unread.before(place)]
            name = one_of(found, of)
            self._unread.take(*found.places, *(range(place - 1, place) if of else ()))
            self._match(name.of, "!=" if self._unread.negated(place) else "=", name.name)
        for found in self._unread.named(self._names, Kind.LABEL, site, RESERVED):
            if found.names[0].likeness is Likeness.EXACT:
                self._unread.take(*found.places)
                self._word(found.names[0].name, Kind.LABEL, found.names[0].name)

    def _rest(self) -> tuple[str, ...]:
        if "alerts" in self._where.missing:  # what nothing here knows, the alerts may
            for place in self._unread:
                word = self._unread.words[place]
                if not (word.is_filler or word.operator or word.small in FILLER):
                    self._unread.take(place)
                    self._words[as_word(word.text)] = None
        if len(self._kinds) == 1 and not self._matchers:  # words of one kind are alternatives
            self._unread.take(
                *(place for place in self._unread if self._unread.bare(place) == "or")
            )
        try:
            read = self._words or self._matchers or {*self._given} - {"site=", "last=", "since="}
            return self._unread.leave_out(FILLER, NEVER_LEFT_OUT, nothing_read=not read)
        except NotUnderstood as error:
            raise UnknownWord(self._problem(error.text), error.text, self._where.site) from None

    def _problem(self, text: str) -> str:
        shown = text[:80]
        if text == '"':
            return "a quote is not closed"
        if text.casefold() in NEVER_LEFT_OUT:
            return f'"{shown}" cannot be read here: write {FORMS_OF_A_MATCHER}'
        where = self._where
        known = (*STATES, *where.services, *SEVERITIES, *where.severities, *where.alerts)
        hint = did_you_mean(text, (*known, *where.labels))
        return (
            f'no state, service, severity, alert or label is called "{shown}"'
            + (f"{hint} Otherwise write" if hint else "; write")
            + f" {FORMS_OF_A_MATCHER}"
        )
