"""One alert, with its rule and its past."""

from collections.abc import Iterator

from bot.answers.acknowledgements import held
from bot.answers.alerts import labels_of, notified, runbook, unanswered
from bot.answers.phrases import (
    LONGEST_SENTENCE,
    diagnose,
    elsewhere,
    failing_traces,
    site_key,
    what_changed_before,
)
from bot.answers.raising import raise_sampling
from bot.answers.silences import an_hour
from bot.answers.times import past, when
from bot.links import page
from bot.replies import FollowUp, Reply, Sentence
from ops.alerts.one import ShownAlert, State
from ops.silences.rules import matchers_of
from ops.sites import Service, sites
from ops.vocabulary.figures import count
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import format_duration

LONGEST_SILENCE = 700  # characters of a line, so that the other buttons fit as well


def one_alert(shown: ShownAlert) -> Reply:
    """Return one alert: since when, its value, its rule, and how often it fired."""
    alert = shown.alert
    notes = (
        *_held(shown),
        *_times(shown),
        *_notification(shown),
        *_facts(shown),
        *_rule(shown),
        _history(shown),
    )
    return Reply(
        f"{shortened(shown.headline, LONGEST_SENTENCE)}{elsewhere(shown.site)}",
        notes=notes,
        links=page("the alert", "alerts-one", shown.site, fingerprint=alert.fingerprint),
        follow_ups=(
            *_have_it(shown),
            *_silence(shown),
            FollowUp("What changed", what_changed_before(alert.name, shown.site)),
            *_traces(shown),
            *_raise_sampling(shown),
            *(diagnose(each.name, shown.site) for each in _services(shown)),
            FollowUp(
                "Open incident", f"incident start alert={alert.fingerprint}{site_key(shown.site)}"
            ),
            FollowUp(
                "Alerts of this name",
                f"alerts {Matcher('alertname', '=', alert.name)}{site_key(shown.site)}",
            ),
        ),
    )


def _held(shown: ShownAlert) -> tuple[str, ...]:
    return held(shown.held) if shown.held else ()


def _have_it(shown: ShownAlert) -> Iterator[FollowUp]:
    if shown.state is not State.RESOLVED and not shown.held:
        line = f"ack {shown.alert.fingerprint}{site_key(shown.site)}"
        yield FollowUp("I have it", line, "primary")


def _silence(shown: ShownAlert) -> Iterator[FollowUp]:
    if shown.notified and not shown.notified.silences:
        offered = an_hour(matchers_of(shown.alert), shown.site)
        if len(offered.line) <= LONGEST_SILENCE:
            yield offered


def _times(shown: ShownAlert) -> Iterator[str]:
    if shown.state is State.UNKNOWN:
        yield f"{', '.join(shown.silent)} did not answer; it was {shown.alert.state} before that"
    if shown.state is State.RESOLVED and shown.at:
        yield Sentence("resolved ", past(shown.at))
    if shown.firing_since:
        yield Sentence("firing since ", past(shown.firing_since))
    if shown.pending_since and shown.pending_since != shown.firing_since:
        yield Sentence("pending since ", past(shown.pending_since))
    if shown.ahead:
        yield "clocks differ: that is in the future"


def _notification(shown: ShownAlert) -> Iterator[str]:
    if shown.notified:
        yield shortened(notified(shown.notified), LONGEST_SENTENCE)
        for silence in shown.notified.silences:
            by = f"silence by {silence.created_by or 'somebody unnamed'}"
            yield shortened(f"{by}: {silence.comment}" if silence.comment else by, LONGEST_SENTENCE)
        yield from unanswered(shown.routed)


def _facts(shown: ShownAlert) -> Iterator[str]:
    alert = shown.alert
    value = f"value {alert.value_in_words}" if alert.value else ""
    severity = f"severity {alert.severity}" if alert.severity else ""
    for line in (severity, value, labels_of(alert), alert.said, alert.disagree, runbook(alert)):
        if line:
            yield shortened(line, LONGEST_SENTENCE)


def _rule(shown: ShownAlert) -> Iterator[str]:
    for rule in shown.rules[:1]:
        lasts = f", for {format_duration(rule.pending_for)}" if rule.pending_for else ""
        yield shortened(f"rule: {rule.query}{lasts}", LONGEST_SENTENCE)
    for rule in shown.rules:
        if rule.error:
            error = f"{rule.source} cannot evaluate its rule: {rule.error}"
            yield shortened(error, LONGEST_SENTENCE)


def _history(shown: ShownAlert) -> str:
    found = shown.past
    if not found.fired:
        return "OpsPortal has not seen it firing before"
    more = " or more" if found.cut else ""
    lengths = (
        f"{format_duration(found.firing)} in all, {format_duration(found.median)} in the median"
    )
    return Sentence(f"fired {count(found.fired, 'time')}{more}, {lengths}, last ", when(found.last))


def _raise_sampling(shown: ShownAlert) -> Iterator[FollowUp]:
    """Offer to keep every trace for a while, if the alert is about a service and is not over."""
    names = [each.name for each in _services(shown)]
    if names and shown.state in (State.FIRING, State.PENDING):
        yield raise_sampling(shown.alert.fingerprint, " and ".join(names), shown.site)


def _services(shown: ShownAlert) -> list[Service]:
    return sites().site(shown.site).services_of(shown.alert.labels)


def _traces(shown: ShownAlert) -> Iterator[FollowUp]:
    """Offer the failing traces of the services that the alert is about."""
    for service in _services(shown):
        if sites().site(shown.site).jaeger:
            yield failing_traces(service.name, shown.site)
