"""What each action's result reads like: first the state, then what a phone can show of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from bot.links import link_account, page
from bot.moments import at_that_time
from bot.replies import FollowUp, Link, Reply, Row, Sentence, When, shortened
from ops import timerange
from ops.alerts.actions import AlertList
from ops.alerts.alert import Alert
from ops.alerts.matching import STATES, AlertFilter, format_filter
from ops.errors import did_you_mean, nearest
from ops.filters import DEFAULT_LIMIT, DEFAULT_RANGE, TraceQuery, format_query, in_quotes
from ops.overview.actions import SiteMoment
from ops.people.code import Code
from ops.sampling.actions import InstanceSampling, SamplingChange, ServiceSampling
from ops.sampling.policy import Policy
from ops.sites import sites
from ops.traces.actions import Comparison, Difference, LogLine, TraceList, TraceLogs, Usual
from ops.traces.summaries import TraceSummary
from ops.traces.tags import shown
from ops.traces.tree import Trace
from ops.versions.actions import ServiceVersions

MOST_ERRORS = 5
MOST_DIFFERENCES = 5
MOST_WARNINGS = 3
MOST_SERVICES = 8
MOST_PLACES = 3
OLD = 10 * timerange.SECOND  # an answer that is younger is as good as new
MOST_FIELDS = 12
_WHICH = ("first", "second", "third")
_FROM_A_TO_B = ("Explains", "Change", "Operation", "Own time, A -> B", "Spans, A -> B")
_FROM_USUAL = ("Longer", "Change", "Operation", "Own time, usual -> here", "Spans, usual -> here")
_VALUE = 160
_AGREEING = 5 * timerange.SECOND  # clocks that differ by no more
_SENTENCE = 300


def trace_list(found: TraceList) -> Reply:
    """The traces that a search found."""
    plain = replace(found.query, range=DEFAULT_RANGE, limit=DEFAULT_LIMIT, before=None)
    asked = _line(plain) or "anything"
    window = (_when(found.back_to if found.more else found.start), " to ", _when(found.until))
    where = (f"for {shortened(asked, _SENTENCE)}, ", *window)
    links = page("the list", "traces", found.query.site, line=_line(found.query))
    older = f"The ones before: list traces {_line(found.older)}" if found.older else ""
    if not found.traces:
        further = older or f"Further back: list traces {_wider(found)}"
        line = f"list traces {_line(found.older) if found.older else _wider(found)}"
        back = (FollowUp("Further back", line),)
        notes = (*_unknown_service(found.query), *_by_status(found), further)
        return Reply(Sentence("No traces ", *where), (), notes, links, follow_ups=back)
    traces = count(len(found.traces), "trace")
    failing = sum(1 for trace in found.traces if trace.error_count)
    covered = timerange.format_duration(found.until - found.back_to)
    some = f"Latest {traces} of {covered}, there may be more" if found.more else traces
    return Reply(
        Sentence(f"{some}, {failing or 'none'} with errors, ", *where),
        rows=tuple(map(_trace_row, found.traces)),
        columns=("When", "Took", "Trace", "Error and id"),
        notes=(*_by_status(found), *((older,) if older else ())),
        links=links,
        follow_ups=tuple(_next_of_list(found)),
    )


def _by_status(found: TraceList) -> tuple[str, ...]:
    """What a search for failed spans leaves out where Jaeger goes by their status."""
    if not (found.by_status and ("error", "true") in found.query.tags):
        return ()
    return ("This Jaeger finds failed spans by their status, not by a tag error=true",)


def _next_of_list(found: TraceList) -> Iterator[FollowUp]:
    """Open the first ones, the first one's logs, what is older: five at most."""
    where = _site_key(found.query.site)
    for which, trace in zip(_WHICH, found.traces, strict=False):
        yield FollowUp(f"Open the {which}", f"show trace {trace.trace_id}{where}")
    yield FollowUp("Logs of the first", f"show logs {found.traces[0].trace_id}{where}")
    if found.older:
        yield FollowUp("Older", f"list traces {_line(found.older)}")


def _unknown_service(query: TraceQuery) -> tuple[str, ...]:
    """A service that Jaeger may know all the same, and that may be mistyped."""
    services = sites().site(query.site).services
    known = {*services, *(service.jaeger_name for service in services.values())}
    named = query.service and query.service not in known
    return (_no_service(query.service, query.site),) if named else ()


def _wider(found: TraceList) -> str:
    """The same search over a window that is six times as long."""
    length = max(6 * (found.end - found.start) // timerange.MINUTE, 1) * timerange.MINUTE
    return _line(replace(found.query, range=timerange.TimeRange.last(length), before=None))


def _trace_row(trace: TraceSummary) -> Row:
    root = f"{trace.service} {trace.operation}".strip() or "(root missing)"
    errors = trace.error or (count(trace.error_count, "error") if trace.error_count else "")
    return Row(
        (
            _past(trace.matched),
            timerange.format_duration(trace.duration),
            shortened(root, 60),
        ),
        (*((shortened(errors, _VALUE),) if errors else ()), *_began(trace), trace.trace_id),
    )


def _began(trace: TraceSummary) -> tuple[str, ...]:
    """When a trace began that matched well after that."""
    if not trace.start or not trace.matched_late:
        return ()
    before = timerange.format_duration(trace.matched - trace.start)
    since = "" if trace.is_exact else f"; it matched at {_clock(trace.matched_from)} UTC or later"
    return (f"began {before} before, {_clock(trace.start)} UTC{since}",)


def one_trace(trace: Trace, then: SiteMoment) -> Reply:
    """One trace: its verdict, its deepest errors, where its time went; what else was true then."""
    root = _root(trace)
    took = timerange.format_duration(trace.duration)
    verdict = f"{root}: {took}, no errors"
    if trace.errors:
        errors = count(trace.error_count, "error")
        deepest = shortened(trace.errors[0].sentence, _VALUE)
        which = ", the deepest" if trace.error_count > 1 else ""
        verdict = f"{root}: {took}, {errors}{which} in {deepest}"
    services = ", ".join(shortened(name, 60) for name in trace.services[:MOST_SERVICES])
    more = f" and {left} more" if (left := len(trace.services) - MOST_SERVICES) > 0 else ""
    facts = (
        f", {count(trace.span_count, 'span')}, "
        f"{count(len(trace.services), 'service')}: {services}{more}"
    )
    return Reply(
        verdict,
        rows=tuple(
            Row(
                (shortened(error.sentence, _SENTENCE),),
                (f"{error.service}: {shortened(' > '.join(error.path), _SENTENCE)}",),
            )
            for error in trace.errors[:MOST_ERRORS]
        ),
        columns=("Error", "Where"),
        notes=(
            *and_more(trace.error_count - MOST_ERRORS, "error"),
            *(shortened(sentence, _SENTENCE) for sentence in trace.timing.sentences),
            Sentence(_when(trace.start) if trace.start else "No time", shortened(facts, _SENTENCE)),
            *_ran(trace),
            *at_that_time(then),
            *_as_of(trace),
            *(shortened(sentence, _SENTENCE) for sentence in trace.warnings[:MOST_WARNINGS]),
            *and_more(len(trace.warnings) - MOST_WARNINGS, "warning"),
            f"Its log lines: show logs {trace.trace_id}",
        ),
        links=(
            *page("the trace", "traces-one", trace.site, trace_id=trace.trace_id),
            *_jaeger(trace.jaeger_url),
        ),
        follow_ups=(
            FollowUp("Logs", f"show logs {trace.trace_id}{_site_key(trace.site)}"),
            FollowUp("What is unusual", f"compare {trace.trace_id}{_site_key(trace.site)}"),
        ),
    )


def _ran(trace: Trace) -> tuple[str, ...]:
    """Where the root's service, else the first, ran: version, instance, host."""
    known = [each.process for each in trace.ran if each.process.version or each.process.instance]
    own = [each for each in known if each.service == trace.service] or known[:1]
    if not own:
        return ()
    versions = dict.fromkeys(each.version for each in own if each.version)
    places = dict.fromkeys(each.instance or each.host for each in own)
    where = ", ".join([name for name in places if name][:MOST_PLACES])
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    said = f"{own[0].service} {', '.join(versions)}".strip() + (
        f" on {where}{more}" if where else ""
    )
    return (shortened(f"It ran {said}", _SENTENCE),)


def _as_of(trace: Trace) -> tuple[Sentence, ...]:
    """Say how old an answer is that was kept."""
    old = timerange.now_ns() - trace.as_of > OLD
    return (Sentence("As of ", _past(trace.as_of)),) if old else ()


def _root(trace: Trace | TraceLogs) -> str:
    root = f"{trace.service} {trace.operation}".strip() or "a trace whose root is missing"
    return shortened(root, _VALUE)


def and_more(left: int, what: str) -> tuple[str, ...]:
    """Return `and 3 more errors` as a note, none when nothing is left."""
    return (f"and {count(left, f'more {what}')}",) if left > 0 else ()


def comparison(found: Comparison) -> Reply:
    """Two traces: the verdict, the differences that explain most, what failed in one only."""
    site, ids = found.first.site, [found.first.trace_id, found.second.trace_id]
    failed = (("B", found.new_errors), ("A", found.vanished_errors))
    return Reply(
        f"{shortened(found.verdict, _SENTENCE)}{elsewhere(site)}",
        rows=_difference_rows(found.differences),
        columns=_FROM_A_TO_B,
        notes=tuple(
            f"{count(len(errors), 'span')} failed in {side} only, the deepest in "
            f"{shortened(errors[0].sentence, _VALUE)}"
            for side, errors in failed
            if errors
        ),
        links=(
            *page("the comparison", "traces-compare", site, trace=ids),
            *page("trace A", "traces-one", site, trace_id=ids[0]),
            *page("trace B", "traces-one", site, trace_id=ids[1]),
        ),
        follow_ups=tuple(
            FollowUp(f"Open {side}", f"show trace {trace_id}{_site_key(site)}")
            for side, trace_id in zip("AB", ids, strict=True)
        ),
    )


def beside_usual(found: Usual) -> Reply:
    """One trace beside what is usual: by how much, and the operations that differ most."""
    trace = found.trace
    verdict = f"{_root(trace)}: {timerange.format_duration(trace.duration)}"
    if found.found:
        usually = timerange.format_duration(found.duration)
        verdict += f", usually {usually}: {_longer(found.longer)} against {found.measure}"
    else:
        verdict += "; no other succeeded in the day before it"
    return Reply(
        verdict,
        rows=_difference_rows(found.differences),
        columns=_FROM_USUAL,
        links=(
            *page("the differences", "traces-usual", trace.site, trace_id=trace.trace_id),
            *_jaeger(trace.jaeger_url),
        ),
        follow_ups=(_open(trace),),
    )


def _difference_rows(differences: Sequence[Difference]) -> tuple[Row, ...]:
    changed = [each for each in differences if each.kind != "same"]
    return tuple(map(_difference_row, changed[:MOST_DIFFERENCES]))


def _difference_row(each: Difference) -> Row:
    name = shortened(f"{each.service} {each.operation}", 60)
    times = " -> ".join(map(timerange.format_duration, each.owns))
    spans = f"{each.counts[0]} -> {each.counts[1]} spans"
    return Row((_longer(each.explains), each.kind, name, times, spans))


def _longer(nanoseconds: int) -> str:
    return f"{'+' if nanoseconds > 0 else ''}{timerange.format_duration(nanoseconds)}"


def trace_logs(logs: TraceLogs) -> Reply:
    """Every log line of a trace, in time order."""
    lines = count(len(logs.lines), "log line") if logs.lines else "No log lines"
    return Reply(
        Sentence(f"{lines} in {_root(logs)}, ", _when(logs.start)),
        rows=tuple(map(_log_row, logs.lines)),
        notes=("The lines' times are UTC.",) if logs.lines else (),
        links=(
            *page("the log lines", "traces-logs", logs.site, trace_id=logs.trace_id),
            *_jaeger(logs.jaeger_url),
        ),
        follow_ups=(_open(logs),),
    )


def _open(trace: Trace | TraceLogs) -> FollowUp:
    return FollowUp("The trace", f"show trace {trace.trace_id}{_site_key(trace.site)}")


def _log_row(line: LogLine) -> Row:
    milliseconds = line.time % timerange.SECOND // timerange.MILLISECOND
    fields = [f"{key}={shown(value)}" for key, value in line.attributes.items()]
    left = len(fields) - MOST_FIELDS
    return Row(
        (f"{_clock(line.time)}.{milliseconds:03d}", f"{line.service} {line.operation}"),
        (
            *([line.name] if line.name else ()),
            *(f"  {shortened(field, _VALUE)}" for field in fields[:MOST_FIELDS]),
            *([f"  and {count(left, 'more field')}"] if left > 0 else ()),
        ),
    )


def alert_list(found: AlertList, filter: AlertFilter) -> Reply:
    """What fires and what is about to."""
    firing, pending = found.firing, found.pending
    severities = Counter(shortened(alert.severity, 40) or "no severity" for alert in firing)
    by_severity = ", ".join(f"{number} {severity}" for severity, number in severities.items())
    label = "" if found.alerts else _label_alone(filter)
    perhaps = _perhaps(label, found.site)
    state = f'No alert with a label "{shortened(label, 80)}" fires' if label else "No alert fires"
    if firing:
        verb = "fires" if len(firing) == 1 else "fire"
        state = f"{count(len(firing), 'alert')} {verb} ({by_severity})"
    about = f", {len(pending):,} pending" if pending else ""
    narrowed = format_filter(replace(filter, site=""))
    others = tuple(each for each in filter.matchers if each.name != label)
    rest = format_filter(replace(filter, site="", matchers=others))
    asked = f" for {shortened(rest, _SENTENCE)}" if rest else ""
    silent = len(found.failures)
    partial = f", but {silent} of {found.sources} sources did not answer" if silent else ""
    return Reply(
        f"{state}{about}{asked}{partial}{elsewhere(found.site)}",
        rows=tuple(map(_alert_row, found.alerts)),
        columns=("State", "Severity", "Alert", "Since", "About"),
        notes=(
            *((_no_service(label, found.site), f"Perhaps you mean: {perhaps}") if label else ()),
            *(f"{failure.source} did not answer: {failure.reason}" for failure in found.failures),
            *(
                f"The rule {rule.name} cannot fire: {shortened(rule.error, _SENTENCE)}"
                for rule in found.broken_rules
            ),
        ),
        links=page("the alerts", "alerts", found.site, line=narrowed),
        follow_ups=(
            *((FollowUp(perhaps, perhaps),) if perhaps else ()),
            *_next_of_alerts(found, narrowed),
        ),
    )


def _label_alone(filter: AlertFilter) -> str:
    """The label that alerts must have, whatever its value; perhaps a service was meant."""
    alone = (each.name for each in filter.matchers if (each.operator, each.value) == ("!=", ""))
    return next(alone, "")


def _no_service(name: str, site: str) -> str:
    services = sites().site(site).services
    hint = did_you_mean(name, services) or f"; there is {', '.join(services) or 'none'}"
    return shortened(
        f'There is no service "{shortened(name, 80)}" in the site file{hint}', _SENTENCE
    )


def _perhaps(label: str, site: str) -> str:
    """What was probably meant by a word that is no label of any alert; "" where none is."""
    if not label:
        return ""
    if label.lower() in STATES:
        return f"alerts state={label.lower()}{_site_key(site)}"
    if service := nearest(label, sites().site(site).services):
        return f"alerts {service}{_site_key(site)}"
    return f"alerts severity={in_quotes(shortened(label, 80))}{_site_key(site)}"


def _next_of_alerts(found: AlertList, narrowed: str) -> Iterator[FollowUp]:
    """What fails in the services whose alerts these are; all alerts, where these are some."""
    labels = [alert.labels.items() for alert in found.alerts]
    site = sites().site(found.site)
    for service in site.services.values() if site.jaeger else ():
        if service.alerts and any(service.alerts.items() <= each for each in labels):
            yield _failing(service.name, found.site)
    if narrowed:
        yield FollowUp("All alerts", f"alerts{_site_key(found.site)}")
    if found.alerts:
        yield FollowUp("Versions", f"version{_site_key(found.site)}")


def _failing(service: str, site: str) -> FollowUp:
    line = f"list traces {service} error{_site_key(site)}"
    return FollowUp(f"Failing traces of {service}", line)


def _alert_row(alert: Alert) -> Row:
    labels = ", ".join(
        f"{name}={value}"
        for name, value in alert.labels.items()
        if name not in ("alertname", "severity")
    )
    lasting = f"for {_lasting(timerange.now_ns() - alert.active_at)}"
    since = _past(alert.active_at, lasting) if alert.active_at else ""
    return Row(
        (alert.state, alert.severity, alert.name, since),
        tuple(shortened(line, _SENTENCE) for line in (alert.summary, labels) if line),
    )


def version_list(found: Sequence[ServiceVersions]) -> Reply:
    """Which version runs where: one service in a sentence, several in a table."""
    site = found[0].site if found else ""
    if len(found) == 1:
        only = found[0]
        summary = f"{only.service}: {shortened(only.problem or only.summary, _SENTENCE)}"
    else:
        mixed = [versions.service for versions in found if len(versions.counts) > 1]
        unknown = [versions.service for versions in found if versions.problem]
        parts = [f"several versions of {', '.join(mixed)}"] if mixed else []
        parts += [f"unknown for {', '.join(unknown)}"] if unknown else []
        summary = f"{count(len(found), 'service')}, {'; '.join(parts) or 'one version each'}"
    return Reply(
        summary + elsewhere(site),
        rows=tuple(row for versions in found for row in _version_rows(versions, len(found) > 1)),
        columns=("Instance" if len(found) == 1 else "Service", "Version", "Instances"),
        notes=tuple(warning for versions in found for warning in versions.warnings),
        links=page("the versions", "versions", site),
        follow_ups=tuple(_failing(each.service, site) for each in found if len(each.counts) > 1),
    )


def _version_rows(versions: ServiceVersions, several: bool) -> list[Row]:
    instances = [(each.instance, each.version or "unknown") for each in versions.instances]
    if not several:
        return [Row(cells) for cells in instances]
    apart = tuple(map("  ".join, instances)) if len(versions.counts) > 1 else ()
    if versions.problem:
        return [Row((versions.service, "unknown"), (shortened(versions.problem, _SENTENCE),))]
    return [Row((versions.service, versions.summary), apart)]


def service_sampling(
    found: ServiceSampling, changes: Sequence[SamplingChange], back: Policy | None
) -> Reply:
    """What a service's instances were last told, and who changed it last; `back` can be undone to.

    An instance may have restarted since it confirmed: its answer is said with its age.
    """
    number = len(found.instances)
    since = (" ", _ago(found.known_at), ", not known since") if found.known_at else ()
    confirmed = f"confirmed by {found.confirmed} of {count(number, 'instance')}"
    return Reply(
        Sentence(
            f"Sampling of {found.service}: {found.summary}, ",
            *((confirmed, *since) if number else ("the site file names no instances",)),
            elsewhere(found.site),
        ),
        rows=tuple(map(_instance_row, _failed_first(found.instances))),
        columns=("Instance", "Sampling", "Told", "Why"),
        notes=tuple(map(_past_change, changes)),
        links=page("sampling", "sampling", found.site),
        follow_ups=undo(found.service, found.site) if back else (),
    )


def link_code(code: Code) -> Reply:
    """The code that makes a Slack account somebody's here, for its owner alone."""
    return Reply(
        f"Your code is {code.shown}",
        notes=(
            "Sign in to the dashboard, open Account, Slack, and enter it within ten minutes. "
            "It links this Slack account to the account you are signed in with, once.",
            "Give it to nobody, and enter no code that somebody else gave you.",
        ),
        links=link_account(code),
        private=True,
    )


def sampling_change(change: SamplingChange) -> Reply:
    """What a change did: old, new, and what each instance said."""
    return Reply(
        f"Sampling of {change.service}: {change.previous} -> {change.policy}, confirmed by "
        f"{change.confirmed} of {count(len(change.instances), 'instance')}"
        f"{elsewhere(change.site)}",
        rows=tuple(
            Row((each.address, "confirmed" if each.confirmed else "NOT CONFIRMED"), _why(each))
            for each in _failed_first(change.instances)
        ),
        columns=("Instance", "State", "Why"),
        links=page("sampling", "sampling", change.site),
        follow_ups=undo(change.service, change.site) if change.back else (),
    )


def undo(service: str, site: str) -> tuple[FollowUp, ...]:
    """Return the button that asks on a card whether to go back to what was in force before."""
    return (FollowUp("Undo", f"undo sampling {service}{_site_key(site)}"),)


def _failed_first(instances: Sequence[InstanceSampling]) -> list[InstanceSampling]:
    return sorted(instances, key=lambda instance: instance.confirmed)


def _instance_row(instance: InstanceSampling) -> Row:
    if instance.policy is None or instance.told_at is None:
        return Row((instance.address, "no change sent yet"))
    state = str(instance.policy) if instance.confirmed else f"{instance.policy} NOT CONFIRMED"
    return Row((instance.address, state, _ago(instance.told_at)), _why(instance))


def _why(instance: InstanceSampling) -> tuple[str, ...]:
    return (shortened(instance.reason, _SENTENCE),) if instance.reason else ()


def _past_change(change: SamplingChange) -> str:
    return Sentence(
        _ago(change.at),
        f": {change.previous} -> {change.policy} by {change.actor} "
        f"({change.door}), {change.confirmed} of {len(change.instances)} confirmed",
    )


def count(number: int, what: str) -> str:
    """Return `1 trace`, `3 traces`, `1,500 traces`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _clock(nanoseconds: int) -> str:
    """`14:20:51`, with the date before it when that is not today's, in UTC."""
    moment = timerange.to_datetime(nanoseconds)
    today = timerange.to_datetime(timerange.now_ns()).date()
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M:%S}"


def _when(nanoseconds: int) -> When:
    return When(f"{_clock(nanoseconds)} UTC", nanoseconds // timerange.SECOND)


def _past(nanoseconds: int, written: str = "") -> When:
    """A moment that is past, with how long ago it was.

    One that seems to be to come was written by another clock, or before ours was put back:
    Slack would say "in 59 minutes" of it.
    """
    moment = _when(nanoseconds)
    if nanoseconds > timerange.now_ns() + _AGREEING:
        return moment
    return When(written or moment, moment.seconds, ago=True)


def at(moment: datetime) -> When:
    """Return `14:20:51 UTC`, with the date before it when that is not today's."""
    return _when(int(moment.timestamp()) * timerange.SECOND)


def _ago(moment: datetime) -> When:
    """Return `5 s ago`, `just now`."""
    nanoseconds = int(moment.timestamp() * timerange.SECOND)
    elapsed = timerange.now_ns() - nanoseconds
    return _past(
        nanoseconds, f"{_lasting(elapsed)} ago" if elapsed >= timerange.SECOND else "just now"
    )


def _lasting(nanoseconds: int) -> str:
    """A duration in whole seconds."""
    seconds = max(nanoseconds // timerange.SECOND, 0)
    return timerange.format_duration(seconds * timerange.SECOND) if seconds else "0 s"


def _line(query: TraceQuery) -> str:
    """The query as somebody would type it: the default site needs no name."""
    return format_query(replace(query, site="" if query.site == sites().default else query.site))


def _site_key(site: str) -> str:
    """What names the site in a command, where it is not the one that everybody means."""
    return "" if site in ("", sites().default) else f" site={site}"


def elsewhere(site: str) -> str:
    """Name the site where it is not the one that everybody means."""
    return "" if site in ("", sites().default) else f" (site {site})"


def _jaeger(url: str) -> tuple[Link, ...]:
    return (Link("Jaeger", url),) if url else ()
