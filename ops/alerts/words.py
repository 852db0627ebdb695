"""What a word alone in a filter means, from what is known of a site.

It is the first of these that is called so; those of one kind are alternatives:

    a state  >  a service  >  a severity  >  an alert or a rule  >  a label or an annotation
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import re2

from ops.alerts.truth import counted
from ops.errors import InvalidInput, did_you_mean
from ops.sites import Service, Site, sites
from ops.vocabulary.alert_filters import STATES, UNLISTED, AlertFilter, check_listed
from ops.vocabulary.alerts import FIRING, MILD, SEVERITIES, Alert, Rule
from ops.vocabulary.matchers import FORMS_OF_A_MATCHER, Matcher, exists

_TEMPLATE = "{{"  # starts what a rule fills in for each of its alerts


def understood(
    filter: AlertFilter,
    site: Site,
    alerts: Sequence[Alert],
    rules: Iterable[Rule],
    *,
    failed: Sequence[str] = (),
    coming: Sequence[str] = (),
) -> AlertFilter:
    """Return the filter with states and matchers instead of its words.

    Raises InvalidInput for a word that is not known; but while sources are `coming` that may know
    it, it stays. `failed` are those that did not answer.
    """
    if not filter.words:
        return filter
    known = _Known.of(site, alerts, rules)
    kinds: dict[str, list[str]] = {}
    for word in filter.words:
        kinds.setdefault(known.kind(word), []).append(word)
    states, unknown = kinds.get("state", ()), kinds.get("", ())
    if unknown and not coming:
        unlisted = site.unlisted
        listed = [each for each in alerts if each.name not in unlisted]
        firing = sum(each.state == FIRING for each in listed)
        raise _unknown(unknown[0], site, known, failed, firing)
    for state in map(str.lower, states):
        check_listed(state)
    if states and filter.states:
        raise InvalidInput('"state" is given twice')
    return replace(
        filter,
        matchers=(
            *_of_services(kinds.get("service", ()), known.services),
            *_either("severity", kinds.get("severity", ()), known.severities),
            *_either("alertname", kinds.get("alert", ()), known.names),
            *map(exists, kinds.get("label", ())),
            *filter.matchers,
        ),
        states=tuple(map(str.lower, states)) or filter.states,
        words=tuple(unknown),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known by its name in small letters; services also, and labels only, as spelled."""

    services: Mapping[str, Service]
    severities: "_Spelled"
    names: "_Spelled"
    labels: frozenset[str]

    @classmethod
    def of(cls, site: Site, alerts: Sequence[Alert], rules: Iterable[Rule]) -> "_Known":
        alerting = [rule for rule in rules if not rule.recording]
        both: list[Alert | Rule] = [*alerts, *alerting]
        severities = {each.labels.get("severity", "") for each in both}
        annotations = chain.from_iterable(each.annotations for each in alerts)
        return cls(
            {name.lower(): each for name, each in site.services.items()} | dict(site.services),
            _spelled(each for each in severities if each and _TEMPLATE not in each),
            _spelled({each.name for each in both}),
            frozenset(chain(chain.from_iterable(each.labels for each in both), annotations)),
        )

    def kind(self, word: str) -> str:
        """Return what is called so, "" for nothing."""
        small = word.lower()
        if small in (*STATES, UNLISTED):
            return "state"
        if word in self.services or small in self.services:
            return "service"
        if small in (*SEVERITIES, *MILD) or small in self.severities:
            return "severity"
        if small in self.names:
            return "alert"
        return "label" if word in self.labels else ""

    def words(self) -> list[str]:
        """Return everything that a word can mean."""
        services = (service.name for service in self.services.values())
        spelled = chain.from_iterable((*self.severities.values(), *self.names.values()))
        return [*STATES, *services, *SEVERITIES, *spelled, *self.labels]


_Spelled = Mapping[str, Sequence[str]]


def _spelled(names: Iterable[str]) -> _Spelled:
    """Return the spellings of each name, by the name in small letters."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.lower(), []).append(name)
    return found


def _of_services(names: Collection[str], services: Mapping[str, Service]) -> Iterable[Matcher]:
    if len(names) > 1:
        raise InvalidInput(f"{' and '.join(names)} are services; give one of them")
    for service in (services.get(name) or services[name.lower()] for name in names):
        if not service.alerts:
            raise InvalidInput(
                f"the site file has no labels that identify the alerts of {service.name}"
            )
        for label, value in service.alerts.items():
            yield Matcher(label, "=", value)


def _either(label: str, words: Sequence[str], known: _Spelled) -> Iterable[Matcher]:
    """Yield the matcher for a label that is one of the words, in any spelling that is known."""
    spelled = [known.get(word.lower(), [word.lower()]) for word in words]
    if len(spelled) == 1 and len(spelled[0]) == 1:
        yield Matcher(label, "=", spelled[0][0])
    elif spelled:
        either = (
            re2.escape(each[0]) if len(each) == 1 else f"(?i:{re2.escape(each[0])})"
            for each in spelled
        )
        yield Matcher(label, "=~", "|".join(either))


def _unknown(
    word: str, site: Site, known: _Known, failed: Sequence[str], firing: int
) -> InvalidInput:
    """Return the error; it must not read as if none were `firing`."""
    small = word.lower()
    for other in sites().all.values():
        if small in map(str.lower, other.services):
            return InvalidInput(
                f'site "{site.name}" has no service "{word[:80]}"; it is in site={other.name}'
            )
    silent = f" ({', '.join(failed)} did not answer)" if failed else ""
    hint = did_you_mean(word, known.words())
    called = f'no state, service, severity, alert or label is called "{word[:80]}"{silent}'
    return InvalidInput(
        (f"{counted(firing)}, but {called}" if firing else called)
        + (f"{hint} Otherwise write" if hint else "; write")
        + f" {FORMS_OF_A_MATCHER}"
    )
