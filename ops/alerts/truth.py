"""How far the alerts of a site can be trusted: what is not known, and why.

"Nothing is firing" is true only if every source has answered in full, each of its rules has been
evaluated recently and without an error, and its watchdogs are firing. Anything else is a doubt:

    source      silent · still loading · an answer that is partial or cannot be read
    its rules   none at all · broken · never evaluated · not evaluated recently
    its alerts  a watchdog that is not firing

A door that says "Nothing is firing", or "none", adds "that we know of" if there are doubts.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain

from ops.alerts.arranging import Pairs
from ops.backends.prometheus import Rules
from ops.sites import PrometheusSource, Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, BrokenRule, Rule

LATE = 3  # of a rule's intervals after its last evaluation


class Reason(StrEnum):
    """Why it is not known whether something is firing. The list is closed."""

    SILENT = "silent"
    LOADING = "loading"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"
    NO_RULES = "no_rules"
    BROKEN = "broken"
    NEVER_EVALUATED = "never_evaluated"
    LATE = "late"
    WATCHDOG = "watchdog"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason.

    `words` name the source and go on from "that we know of: ". `detail` is the source's own error,
    "" for none.
    """

    reason: Reason
    source: str
    words: str
    detail: str = ""

    @property
    def sentence(self) -> str:
        """Everything about it, without the full stop."""
        return f"{self.words}: {self.detail}" if self.detail else self.words


def doubts(
    site: Site,
    answers: Mapping[str, Rules],
    silent: Mapping[str, int],
    coming: Collection[str],
    now: int,
) -> tuple[Doubt, ...]:
    """Return every reason for doubt, the most serious first.

    `answers` are by source; `silent` are the sources that do not answer, with the time of their
    last answer (Unix nanoseconds, 0 if unknown); `coming` those that have not answered yet.
    `now` (Unix nanoseconds) stands in for a source that sends no time.
    """
    pairs = Pairs.of(site, answers.keys() - silent.keys() - {*coming})
    found = [
        Doubt(Reason.SILENT, name, _silent(name, now, at) + _of_pair(pairs, name))
        for name, at in silent.items()
    ]
    found += [Doubt(Reason.LOADING, name, f"{name} has not answered yet") for name in coming]
    for source in site.prometheus:
        if source.name in answers and source.name not in silent:
            found += _of_answer(site, source, answers[source.name], now)
    return (*found, *_watchdogs_nowhere(site, answers))


def _silent(source: str, now: int, at: int) -> str:
    if not at or now <= at:
        return f"{source} did not answer"
    return f"{source} has not answered for {_coarse(now - at)}"


def _coarse(age: int) -> str:
    """Return an age in words that do not change each second: every open page shows them."""
    step = 10 * timerange.SECOND if age < timerange.MINUTE else timerange.MINUTE
    return timerange.format_duration(age // step * step) if age >= step else "a few seconds"


def _of_pair(pairs: Pairs, source: str) -> str:
    """Say which of a silent source's pair answer, "" for none."""
    others = sorted(pairs.copies(source))
    if not others:
        return ""
    answer = "answers" if len(others) == 1 else "answer"
    return f" (of pair {pairs.pair[source]} only {' and '.join(others)} {answer})"


def _of_answer(site: Site, source: PrometheusSource, answer: Rules, now: int) -> Iterator[Doubt]:
    name = source.name
    for warning in answer.warnings:
        yield partial_answer(name, warning)
    if answer.more:
        yield Doubt(Reason.PARTIAL, name, f"{name} has more rules than it sends in one answer")
    for each in answer.unreadable:
        what = f"{each.count} {'alert' if each.rule else 'rule'}{'' if each.count == 1 else 's'}"
        where = f"rule {each.rule} in group {each.group}" if each.rule else f"group {each.group}"
        words = f"{what} of {where} of {name} cannot be read"
        yield Doubt(Reason.UNREADABLE, name, words)
    if not source.rules:
        return
    if not any(not rule.recording for rule in answer.rules or ()):
        none = "has no alerting rules" if answer.rules is not None else "does not show its rules"
        yield Doubt(Reason.NO_RULES, name, f"{name} {none}")
        return
    yield from _of_rules(name, answer.rules or (), answer.rules_at or now)
    yield from _watchdogs_silent(site, name, answer)


def partial_answer(source: str, warning: str) -> Doubt:
    """Return the doubt that a source itself has, in its own words."""
    return Doubt(Reason.PARTIAL, source, f"{source} sent a partial answer", warning)


def _of_rules(source: str, rules: Sequence[Rule], at: int) -> Iterator[Doubt]:
    """Judge each rule once; rules of one kind of doubt are one doubt if there are many."""
    by_reason: dict[Reason, list[Rule]] = {}
    for rule in rules:
        if reason := _doubted(rule, at):
            by_reason.setdefault(reason, []).append(rule)
    for reason in (Reason.BROKEN, Reason.NEVER_EVALUATED, Reason.LATE):
        if meant := by_reason.get(reason):
            first, more = meant[0], len(meant) - 1
            which = f"rule {first.name}" + (f" and {more:,} more" if more else "")
            words = _SAID[reason][1 if more else 0]
            yield Doubt(reason, source, f"{which} of {source} {words}", first.error)


_SAID = {
    Reason.BROKEN: ("cannot be evaluated", "cannot be evaluated"),
    Reason.NEVER_EVALUATED: ("has never been evaluated", "have never been evaluated"),
    Reason.LATE: ("has not been evaluated recently", "have not been evaluated recently"),
}


def is_broken(rule: Rule) -> bool:
    """Return whether a rule could not be evaluated the last time."""
    return rule.health == "err" or bool(rule.error)


def broken_rules(answers: Iterable[Rules]) -> tuple[BrokenRule, ...]:
    """Return each broken rule once, with its sources."""
    found: dict[tuple[str, str], BrokenRule] = {}
    for rule in chain.from_iterable(answer.rules or () for answer in answers):
        if not is_broken(rule):
            continue
        key = (rule.name, rule.group)
        error = rule.error or "the source gives no reason"
        one = found.get(key, BrokenRule(rule.name, rule.group, (), error))
        found[key] = replace(one, sources=tuple(dict.fromkeys((*one.sources, rule.source))))
    return tuple(found[key] for key in sorted(found))


def sure_rules(answer: Rules, now: int) -> Iterator[Rule]:
    """Yield the alerting rules of which a source knows every alert at present."""
    if answer.warnings or answer.more or answer.unreadable:
        return
    for rule in answer.rules or ():
        if not (rule.recording or _doubted(rule, answer.rules_at or now)):
            yield rule


def _doubted(rule: Rule, at: int) -> Reason | None:
    if is_broken(rule):
        return Reason.BROKEN
    if rule.evaluated_at == 0 or rule.health == "unknown":
        return Reason.NEVER_EVALUATED
    if rule.evaluated_at and rule.interval and at - rule.evaluated_at > LATE * rule.interval:
        return Reason.LATE
    return None


def _watchdogs_silent(site: Site, source: str, answer: Rules) -> Iterator[Doubt]:
    firing = {alert.name for alert in answer.alerts if alert.state == FIRING}
    has = {rule.name for rule in answer.rules or () if not rule.recording}
    for name in site.watchdogs:
        if name in has and name not in firing:
            yield Doubt(Reason.WATCHDOG, source, f"{name} of {source} is not firing")


def _watchdogs_nowhere(site: Site, answers: Mapping[str, Rules]) -> Iterator[Doubt]:
    """Yield a doubt if the site file names a watchdog that no source has a rule for."""
    if not site.names_watchdogs or len(answers) < len(site.prometheus):
        return
    has = {rule.name for answer in answers.values() for rule in answer.rules or ()}
    for name in site.watchdogs:
        if name not in has:
            yield Doubt(Reason.WATCHDOG, "", f"no source has a rule for the watchdog {name}")


def counted(firing: int) -> str:
    """Return a number of alerts in words: `1 alert firing`."""
    return f"{firing:,} {'alert' if firing == 1 else 'alerts'} firing"


def headline(firing: int, doubts: Sequence[Doubt], *, nothing: str = "Nothing is firing") -> str:
    """Return the state in a few words: `3 alerts firing`, or what is not known.

    `nothing` is what to say if there are none: of a filtered list, "No matching alert is firing".
    """
    if firing:
        return f"{counted(firing)} that we know of" if doubts else counted(firing)
    if not doubts:
        return nothing
    more = f", and {count:,} more" if (count := len(doubts) - 1) else ""
    return f"{nothing} that we know of: {doubts[0].words}{more}"
