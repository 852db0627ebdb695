"""One alert: as it is or as it was last, its rule, its times, and its past."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from urllib.parse import urlencode

from ops.alerts import acknowledgements, history
from ops.alerts.answers import Answers
from ops.alerts.arranging import Pairs
from ops.alerts.history import Past, Strip
from ops.alerts.models import AlertPeriod
from ops.alerts.notifying import Notified, Routed
from ops.alerts.reporting import reported
from ops.backends.prometheus import Rules
from ops.sites import Site
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import Acknowledgement, Holding
from ops.vocabulary.alerts import FIRING, Alert, Rule
from ops.watch.picture import young_ns

AHEAD = 5 * timerange.SECOND  # clocks this close count as equal
GRAPH_HOURS = 6


class State(StrEnum):
    """What an alert is now."""

    FIRING = "firing"
    PENDING = "pending"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Graph:
    """A page of a source that draws the rule's expression."""

    source: str
    url: str


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """Everything about one alert; times are Unix nanoseconds, 0 if unknown.

    `alert` is as it is or, if `state` is resolved or unknown, as it was last; then `at` is when
    that was, and `silent` names the sources that would know more. `pending_since` and
    `firing_since` are of the newest episode; `ahead` means that these lie in the future, so that
    clocks differ. `rules` are its rule in each source, if the source says. `routed` is what the
    Alertmanagers say, None if there are none, and `notified` what they say of this alert while it
    fires. `had` is who had it, alone or with all of its name, the newest first.
    """

    site: str
    state: State
    alert: Alert
    at: int
    pending_since: int
    firing_since: int
    ahead: bool
    rules: tuple[Rule, ...]
    graphs: tuple[Graph, ...]
    silent: tuple[str, ...]
    past: Past
    strip: Strip
    routed: Routed | None = None
    notified: Notified | None = None
    had: tuple[Acknowledgement, ...] = ()

    @property
    def held(self) -> Acknowledgement | None:
        """Who has it now, None if nobody does or it has resolved."""
        return None if self.state is State.RESOLVED else Holding.of_all(self.had).of(self.alert)

    @property
    def headline(self) -> str:
        """The state in a few words: `QueueDeep is firing: depth 412 over 100`."""
        name, summary = self.alert.name, self.alert.summary
        if self.state is State.UNKNOWN:
            return f"{name}: status unknown"
        if self.state is State.RESOLVED:
            return f"{name} has resolved"
        return f"{name} is {self.state}{f': {summary}' if summary else ''}"


def read(
    site: Site, fingerprint: str, length: int, answers: Answers[Rules] | None, now: int
) -> ShownAlert | None:
    """Return what the sources and our history say of an alert, None if neither knows it.

    `answers` is None if no source answers. The strip covers the time of `length` up to now. Call
    it in ops.database.in_database.
    """
    found = reported(site, answers, now, fingerprint=fingerprint) if answers else []
    current = found[0] if found else None
    last = history.latest(site.name, fingerprint)
    alert = current or (history.as_it_was(last) if last else None)
    if alert is None:
        return None
    sources = _reporting(site, alert)
    past = history.past(site.name, fingerprint, sources, now)
    strip = history.strip(site.name, fingerprint, sources, history.window(now, length), now)
    state, silent = _state(site, alert, current, answers)
    pending, firing = _since(alert, past, strip)
    rules = tuple(_rules(alert, answers.answers if answers else {}))
    return ShownAlert(
        site=site.name,
        state=state,
        alert=alert,
        at=_at(state, last, answers),
        pending_since=pending,
        firing_since=firing,
        ahead=max(pending, firing) > now + AHEAD,
        rules=rules,
        graphs=tuple(_graphs(site, rules)),
        silent=silent,
        past=past,
        strip=strip,
        had=acknowledgements.of_alert(site.name, alert.name, fingerprint, now),
    )


def _reporting(site: Site, alert: Alert) -> tuple[str, ...]:
    """Return the sources that report an alert: its own, and their copies."""
    pairs = Pairs.of(site, (source.name for source in site.prometheus))
    return tuple(sorted(chain.from_iterable(map(pairs.copies, alert.sources))))


def _state(
    site: Site, alert: Alert, current: Alert | None, answers: Answers[Rules] | None
) -> tuple[State, tuple[str, ...]]:
    """Return the state, and the sources that keep it from being known."""
    reporting = _reporting(site, alert)
    if answers is None:
        return State.UNKNOWN, reporting
    failed = {*(each.source for each in answers.failures), *answers.coming}
    if current and not failed >= {*current.sources}:
        return State(current.state), ()
    silent = tuple(name for name in reporting if name in failed)
    if current or (silent and len(silent) == len(reporting)):
        return State.UNKNOWN, silent
    return State.RESOLVED, ()


def _at(state: State, last: AlertPeriod | None, answers: Answers[Rules] | None) -> int:
    """Return when it ended, or until when its state was known."""
    if state is State.UNKNOWN and answers:
        return max((each.answered for each in answers.failures), default=0)
    return (last.end or 0) if last and state is State.RESOLVED else 0


def _since(alert: Alert, past: Past, strip: Strip) -> tuple[int, int]:
    """Return since when it is pending and firing: as we saw it, else as the source's times say.

    We did not see what started in a hole, or before we watched; and if the source's time is the
    same within our polls, it is the more exact one.
    """
    newest = past.episodes[0] if past.episodes else None
    seen = newest.fired if newest and alert.state == FIRING else 0
    if newest and newest.end is not None and alert.fired_at >= newest.end:
        seen = 0  # it fires again, which is not written yet
    hidden = any(hole.start <= seen <= hole.end for hole in strip.holes)
    agrees = abs(seen - alert.fired_at) <= young_ns()
    firing = alert.fired_at if alert.fired_at and (hidden or agrees or not seen) else seen
    pending = alert.active_at or (newest.start if newest else 0)
    if newest and pending > firing > 0:
        pending = newest.start  # the source began anew, as after a restart, and it fired before
    return pending, firing


def _rules(alert: Alert, answers: Mapping[str, Rules]) -> Iterator[Rule]:
    """Yield the alert's rule in each source that could report it."""
    for answer in answers.values():
        named: Sequence[Rule] = [
            rule
            for rule in answer.rules or ()
            if not rule.recording and (rule.name, rule.group) == (alert.name, alert.group)
        ]
        yield from [rule for rule in named if rule.may_have_made(alert)][:1] or named[:1]


def _graphs(site: Site, rules: Sequence[Rule]) -> Iterator[Graph]:
    addresses = {source.name: source.ui or source.url for source in site.prometheus}
    for rule in rules:
        if rule.query:
            asked = {"g0.expr": rule.query, "g0.tab": 0, "g0.range_input": f"{GRAPH_HOURS}h"}
            yield Graph(rule.source, f"{addresses[rule.source]}/graph?{urlencode(asked)}")


def with_told(shown: ShownAlert, told: Sequence[history.Stretch]) -> ShownAlert:
    """Return it with what Prometheus remembers of the strip's holes."""
    return replace(shown, strip=replace(shown.strip, told=tuple(told)))
