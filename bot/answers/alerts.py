"""Firing and pending alerts, in groups of one name."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bot.answers.acknowledgements import have_it
from bot.answers.phrases import LONGEST_SENTENCE, and_more, elsewhere, failing_traces, site_key
from bot.answers.silences import an_hour
from bot.answers.times import lasting, past, when
from bot.links import page
from bot.replies import FollowUp, Reply, Row
from ops.alerts.actions import AlertList
from ops.alerts.notifying import Notified, Routed
from ops.alerts.truth import Reason
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import format_filter
from ops.vocabulary.alerts import Alert
from ops.vocabulary.figures import count
from ops.vocabulary.matchers import Matcher, label_text
from ops.vocabulary.texts import shortened

MOST_DOUBTS = 3
MOST_NAMED = 3  # broken rules, or values of a label
RUNBOOKS = ("runbook_url", "runbook")


def alert_list(found: AlertList) -> Reply:
    """Return the firing and pending alerts, the worst first, those of one name in one row."""
    narrowed = format_filter(replace(found.filter, site=""))
    asked = f" for {shortened(narrowed, LONGEST_SENTENCE)}" if narrowed else ""
    return Reply(
        f"{_head(found, narrowed=bool(narrowed))}{asked}{elsewhere(found.site)}",
        rows=tuple(_row(each, found) for each in _by_name(found.alerts)),
        columns=("State", "Severity", "Alert", "Since", "About"),
        notes=(
            *(f"{failure.source} did not answer: {failure.reason}" for failure in found.failures),
            *unanswered(found.routed),
            *_doubts(found),
            *(() if narrowed else _broken(found)),
        ),
        links=page("the alerts", "alerts", found.site, line=narrowed),
        follow_ups=tuple(_next_of_alerts(found, narrowed)),
        items=tuple(_line_of(each, found.site) for each in _by_name(found.alerts)),
    )


def _head(found: AlertList, *, narrowed: bool) -> str:
    """Return what is firing and pending; what a filter leaves out is never denied."""
    known = " that we know of" if found.doubts else ""
    pending = f"{len(found.pending):,} pending" if found.pending else ""
    if found.firing:
        severities = Counter(
            shortened(alert.severity, 40) or "without severity" for alert in found.firing
        )
        by_severity = ", ".join(f"{number} {severity}" for severity, number in severities.items())
        state = f"{count(len(found.firing), 'alert')} firing{known} ({by_severity})"
        return ", ".join(filter(None, (state, found.held_back_in_words, pending)))
    in_all = f"{count(found.firing_in_all, 'alert')} firing"
    if narrowed and found.pending:
        others = f" ({in_all} besides)" if found.firing_in_all else ""
        return f"{count(len(found.pending), 'alert')} pending{known}{others}"
    if narrowed and found.firing_in_all:
        return f"{in_all}, none{known}"
    if narrowed:
        return f"No alerts{known}"
    return ", ".join(filter(None, (shortened(found.headline(), LONGEST_SENTENCE), pending)))


def _by_name(alerts: Iterable[Alert]) -> list[list[Alert]]:
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.name, []).append(alert)
    return list(found.values())


def _line_of(alerts: Sequence[Alert], site: str) -> str:
    """Return the line that shows a row's alert, or lists its alerts."""
    if len(alerts) == 1:
        return f"show alert {alerts[0].fingerprint}{site_key(site)}"
    return f"alerts {Matcher('alertname', '=', alerts[0].name)}{site_key(site)}"


def _doubts(found: AlertList) -> tuple[str, ...]:
    """Say why more may be firing, in a line each; failed sources and rules have their own."""
    elsewhere_said = (Reason.SILENT, Reason.BROKEN)
    others = [each for each in found.doubts if each.reason not in elsewhere_said]
    return (
        *(
            f"There may be more: {shortened(each.sentence, LONGEST_SENTENCE)}"
            for each in others[:MOST_DOUBTS]
        ),
        *and_more(len(others) - MOST_DOUBTS, "reason"),
    )


def _broken(found: AlertList) -> tuple[str, ...]:
    """Name the rules that cannot be evaluated in one line."""
    rules = found.broken_rules
    if not rules:
        return ()
    if len(rules) == 1:
        line = f"rule {rules[0].name} cannot be evaluated: {rules[0].error}"
    else:
        named = _some([rule.name for rule in rules])
        line = f"{count(len(rules), 'rule')} cannot be evaluated: {named}"
    return (f"There may be more: {shortened(line, LONGEST_SENTENCE)}",)


def _some(texts: Sequence[str]) -> str:
    """Return `one, two, three and 4 more`."""
    named = ", ".join(shortened(text, 80) for text in texts[:MOST_NAMED])
    more = len(texts) - MOST_NAMED
    return f"{named} and {more:,} more" if more > 0 else named


def _next_of_alerts(found: AlertList, narrowed: str) -> Iterator[FollowUp]:
    """Offer to have the most urgent alert, if nobody has it; then what is about the others."""
    if found.firing:
        first = [each for each in found.firing if each.name == found.firing[0].name]
        if offered := have_it(
            first, found.held, found.site, alone=len(_by_name(found.alerts)) == 1
        ):
            yield offered
    labels = [alert.labels.items() for alert in found.alerts]
    site = sites().site(found.site)
    for service in site.services.values() if site.jaeger else ():
        if service.alerts and any(service.alerts.items() <= each for each in labels):
            yield failing_traces(service.name, found.site)
    names = {alert.name for alert in found.firing}
    if found.routed and len(names) == 1:
        yield an_hour([Matcher("alertname", "=", *names)], found.site)
    if narrowed:
        yield FollowUp("All alerts", f"alerts{site_key(found.site)}")
    if found.alerts:
        yield FollowUp("Versions", f"version{site_key(found.site)}")


def _row(alerts: Sequence[Alert], found: AlertList) -> Row:
    first = alerts[0]
    duration = f"for {lasting(timerange.now_ns() - first.since)}"
    return Row(
        (
            _state(alerts),
            first.severity,
            first.name if len(alerts) == 1 else f"{first.name} ({len(alerts):,})",
            past(first.since, duration) if first.since else "",
        ),
        tuple(
            shortened(line, LONGEST_SENTENCE)
            for line in (
                first.summary,
                labels_of(first) if len(alerts) == 1 else _different(alerts),
                f"value {first.value_in_words}" if first.value else "",
                first.disagree,
                found.held.said_of(alerts),
                _notified(alerts, found.routed),
                runbook(first),
            )
            if line
        ),
    )


def _state(alerts: Sequence[Alert]) -> str:
    first = alerts[0]
    if len(alerts) == 1:
        return f"{first.state} ({first.said})" if first.said else first.state
    states = Counter(alert.state for alert in alerts)
    if len(states) == 1:
        return first.state
    return ", ".join(f"{number:,} {state}" for state, number in states.items())


def _notified(alerts: Sequence[Alert], routed: Routed | None) -> str:
    """Say who is notified: of several alerts what is true of all, or how many are held back."""
    if routed is None:
        return ""
    found = [each for each in map(routed.of, alerts) if each]
    said = {each.words for each in found}
    if len(said) == 1:
        return notified(found[0])
    held = sum(each.is_held_back for each in found)
    return f"{held:,} of {len(found):,} are silenced, inhibited or muted" if held else ""


def notified(found: Notified) -> str:
    """Return `silenced until 14:20:00 UTC`, `notifies team-pets`."""
    return f"{found.words} until {when(found.until)}" if found.until else found.words


def unanswered(routed: Routed | None) -> tuple[str, ...]:
    """Name the Alertmanagers that did not answer."""
    failures = routed.failures if routed else ()
    return tuple(
        f"Alertmanager {each.source} did not answer, so who is notified may be incomplete: "
        f"{shortened(each.reason, LONGEST_SENTENCE)}"
        for each in failures
    )


def labels_of(alert: Alert) -> str:
    """Return the labels besides name and severity, as a filter has them."""
    return ", ".join(
        label_text(name, value)
        for name, value in alert.labels.items()
        if name not in ("alertname", "severity")
    )


def _different(alerts: Sequence[Alert]) -> str:
    """Return the labels in which they differ, with some of the values."""
    names = dict.fromkeys(name for alert in alerts for name in alert.labels)
    values = {
        name: list(dict.fromkeys(each.labels.get(name, "") for each in alerts)) for name in names
    }
    return "; ".join(f"{name}: {_some(of)}" for name, of in values.items() if len(of) > 1)


def runbook(alert: Alert) -> str:
    """Return `runbook: https://…`, "" without one that is a web address."""
    for key in RUNBOOKS:
        address = alert.annotations.get(key, "")
        if address.startswith(("https://", "http://")):
            return f"runbook: {address}"
    return ""
