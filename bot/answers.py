"""Turn the result of each action into a reply: the state first, then what fits a phone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from bot.links import link_account, page
from bot.replies import FollowUp, PageLink, Reply, Row, Sentence, When, shortened
from bot.snapshots import at_that_time
from ops.accounts.code import Code
from ops.alerts.actions import AlertList
from ops.errors import did_you_mean, nearest
from ops.overview.actions import SiteSnapshot
from ops.sampling.actions import InstanceSampling, SamplingChange, ServiceSampling
from ops.sites import sites
from ops.traces.actions import Comparison, Difference, LogLine, TraceList, TraceLogs, UsualTiming
from ops.traces.trace import Trace
from ops.versions.actions import ServiceVersions
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert
from ops.vocabulary.filters import DEFAULT_LIMIT, DEFAULT_RANGE, TraceQuery, format_query, in_quotes
from ops.vocabulary.matchers import STATES, AlertFilter, format_filter
from ops.vocabulary.policies import Policy
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.tags import shown

MOST_ERRORS = 5
MOST_DIFFERENCES = 5
MOST_WARNINGS = 3
MOST_SERVICES = 8
MOST_PLACES = 3
OLD = 10 * timerange.SECOND  # the age from which a cached answer says how old it is
MOST_FIELDS = 12
_WHICH = ("first", "second", "third")
_FROM_A_TO_B = ("Explains", "Change", "Operation", "Own time, A -> B", "Spans, A -> B")
_FROM_USUAL = ("Longer", "Change", "Operation", "Own time, usual -> here", "Spans, usual -> here")
_VALUE = 160
_AGREEING = 5 * timerange.SECOND  # clocks may differ by this much
_SENTENCE = 300


def trace_list(found: TraceList) -> Reply:
    """Return the traces that a search found."""
    plain = replace(found.query, range=DEFAULT_RANGE, limit=DEFAULT_LIMIT, before=None)
    asked = _line(plain) or "anything"
    window = (_when(found.back_to if found.more else found.start), " to ", _when(found.until))
    where = (f"for {shortened(asked, _SENTENCE)}, ", *window)
    links = page("the list", "traces", found.query.site, line=_line(found.query))
    older = f"Older: list traces {_line(found.older)}" if found.older else ""
    if not found.traces:
        further = older or f"Further back: list traces {_wider(found)}"
        line = f"list traces {_line(found.older) if found.older else _wider(found)}"
        back = (FollowUp("Further back", line),)
        notes = (*_unknown_service(found.query), *_by_status(found), further)
        return Reply(Sentence("No traces ", *where), (), notes, links, follow_ups=back)
    traces = count(len(found.traces), "trace")
    failing = sum(1 for trace in found.traces if trace.error_count)
    covered = timerange.format_duration(found.until - found.back_to)
    some = f"Latest {traces} in {covered} (there may be more)" if found.more else traces
    return Reply(
        Sentence(f"{some}, {failing or 'none'} with errors, ", *where),
        rows=tuple(map(_trace_row, found.traces)),
        columns=("When", "Took", "Trace", "Error and ID"),
        notes=(*_by_status(found), *((older,) if older else ())),
        links=links,
        follow_ups=tuple(_next_of_list(found)),
    )


def _by_status(found: TraceList) -> tuple[str, ...]:
    """Say what a search for failed spans misses if Jaeger finds them by their status."""
    if not (found.by_status and ("error", "true") in found.query.tags):
        return ()
    return ("This Jaeger finds failed spans by their status, not by the tag error=true",)


def _next_of_list(found: TraceList) -> Iterator[FollowUp]:
    """Offer the first traces, the logs of the first and older traces: five at most."""
    where = _site_key(found.query.site)
    for which, trace in zip(_WHICH, found.traces, strict=False):
        yield FollowUp(f"Open the {which}", f"show trace {trace.trace_id}{where}")
    yield FollowUp("Logs of the first", f"show logs {found.traces[0].trace_id}{where}")
    if found.older:
        yield FollowUp("Older", f"list traces {_line(found.older)}")


def _unknown_service(query: TraceQuery) -> tuple[str, ...]:
    """Warn of a service that the site file lacks: it may be mistyped, or Jaeger may know it."""
    services = sites().site(query.site).services
    known = {*services, *(service.jaeger_name for service in services.values())}
    named = query.service and query.service not in known
    return (_no_service(query.service, query.site),) if named else ()


def _wider(found: TraceList) -> str:
    """Return the line of the same search over a window six times as long."""
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
    """Say when a trace started if the part that matched came much later."""
    if not trace.start or not trace.matched_late:
        return ()
    before = timerange.format_duration(trace.matched - trace.start)
    since = "" if trace.is_exact else f"; matched at {_clock(trace.matched_from)} UTC or later"
    return (f"started {before} earlier, at {_clock(trace.start)} UTC{since}",)


def one_trace(trace: Trace, then: SiteSnapshot) -> Reply:
    """Return one trace: verdict, deepest errors, where the time went, the site at that time."""
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
            Sentence(
                _when(trace.start) if trace.start else "Start time unknown",
                shortened(facts, _SENTENCE),
            ),
            *_ran(trace),
            *at_that_time(then),
            *_as_of(trace),
            *(shortened(sentence, _SENTENCE) for sentence in trace.warnings[:MOST_WARNINGS]),
            *and_more(len(trace.warnings) - MOST_WARNINGS, "warning"),
            f"Log lines: show logs {trace.trace_id}",
        ),
        links=(
            *page("the trace", "traces-one", trace.site, trace_id=trace.trace_id),
            *_jaeger(trace.jaeger_url),
        ),
        follow_ups=(
            FollowUp("Logs", f"show logs {trace.trace_id}{_site_key(trace.site)}"),
            FollowUp("Compare with usual", f"compare {trace.trace_id}{_site_key(trace.site)}"),
        ),
    )


def _ran(trace: Trace) -> tuple[str, ...]:
    """Say which version and instances of the root's service, or of the first, handled it."""
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
    return (shortened(f"Handled by {said}", _SENTENCE),)


def _as_of(trace: Trace) -> tuple[Sentence, ...]:
    """Say how old a cached answer is."""
    old = timerange.now_ns() - trace.as_of > OLD
    return (Sentence("As of ", _past(trace.as_of)),) if old else ()


def _root(trace: Trace | TraceLogs) -> str:
    root = f"{trace.service} {trace.operation}".strip() or "a trace whose root is missing"
    return shortened(root, _VALUE)


def and_more(left: int, what: str) -> tuple[str, ...]:
    """Return `and 3 more errors` as a note, or no note if none are left."""
    return (f"and {count(left, f'more {what}')}",) if left > 0 else ()


def comparison(found: Comparison) -> Reply:
    """Return how two traces differ: the verdict, the largest differences, errors in only one."""
    site, ids = found.first.site, [found.first.trace_id, found.second.trace_id]
    failed = (("B", found.new_errors), ("A", found.vanished_errors))
    return Reply(
        f"{shortened(found.verdict, _SENTENCE)}{elsewhere(site)}",
        rows=_difference_rows(found.differences),
        columns=_FROM_A_TO_B,
        notes=tuple(
            f"{count(len(errors), 'span')} failed only in {side}, the deepest in "
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


def beside_usual(found: UsualTiming) -> Reply:
    """Return how one trace differs from the usual, and in which operations most."""
    trace = found.trace
    verdict = f"{_root(trace)}: {timerange.format_duration(trace.duration)}"
    if found.found:
        usually = timerange.format_duration(found.duration)
        verdict += f", usually {usually}: {_longer(found.longer)} against {found.measure}"
    else:
        verdict += "; no other trace like it succeeded in the day before"
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
    """Return every log line of a trace, in time order."""
    lines = count(len(logs.lines), "log line") if logs.lines else "No log lines"
    return Reply(
        Sentence(f"{lines} in {_root(logs)}, ", _when(logs.start)),
        rows=tuple(map(_log_row, logs.lines)),
        notes=("Times are in UTC.",) if logs.lines else (),
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
    """Return the firing and pending alerts."""
    firing, pending = found.firing, found.pending
    severities = Counter(shortened(alert.severity, 40) or "without severity" for alert in firing)
    by_severity = ", ".join(f"{number} {severity}" for severity, number in severities.items())
    label = "" if found.alerts else _label_alone(filter)
    perhaps = _perhaps(label, found.site)
    narrowed = format_filter(replace(filter, site=""))
    state = "No alerts" if narrowed and not found.alerts else "Nothing is firing"
    if label:
        state = f'No firing alert has the label "{shortened(label, 80)}"'
    elif firing:
        state = f"{count(len(firing), 'alert')} firing ({by_severity})"
    about = f", {len(pending):,} pending" if pending else ""
    others = tuple(each for each in filter.matchers if each.name != label)
    rest = format_filter(replace(filter, site="", matchers=others))
    asked = f" {'and' if label else 'for'} {shortened(rest, _SENTENCE)}" if rest else ""
    silent = len(found.failures)
    partial = f", but {silent} of {found.sources} sources did not answer" if silent else ""
    return Reply(
        f"{state}{about}{asked}{partial}{elsewhere(found.site)}",
        rows=tuple(map(_alert_row, found.alerts)),
        columns=("State", "Severity", "Alert", "Since", "About"),
        notes=(
            *((_no_service(label, found.site), f"Perhaps you meant: {perhaps}") if label else ()),
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
    """Return the label given without a value, which may be a mistyped service, else ""."""
    alone = (each.name for each in filter.matchers if (each.operator, each.value) == ("!=", ""))
    return next(alone, "")


def _no_service(name: str, site: str) -> str:
    services = sites().site(site).services
    hint = did_you_mean(name, services) or f"; it has {', '.join(services) or 'none'}"
    return shortened(
        f'There is no service "{shortened(name, 80)}" in the site file{hint}', _SENTENCE
    )


def _perhaps(label: str, site: str) -> str:
    """Return the command that a word which is no alert's label probably meant, else ""."""
    if not label:
        return ""
    if label.lower() in STATES:
        return f"alerts state={label.lower()}{_site_key(site)}"
    if service := nearest(label, sites().site(site).services):
        return f"alerts {service}{_site_key(site)}"
    return f"alerts severity={in_quotes(shortened(label, 80))}{_site_key(site)}"


def _next_of_alerts(found: AlertList, narrowed: str) -> Iterator[FollowUp]:
    """Offer the failing traces of the services with alerts; all alerts if these are filtered."""
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
    """Return the running versions: of one service by instance, of several by service."""
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
    """Return the policy last sent to each instance, and the last changes.

    `back` is the policy that undo would restore, None for none. An instance may have restarted
    since it confirmed, so the reply says how long ago that was.
    """
    number = len(found.instances)
    since = (" ", _ago(found.known_at), ", not checked since") if found.known_at else ()
    confirmed = f"confirmed by {found.confirmed} of {count(number, 'instance')}"
    return Reply(
        Sentence(
            f"Sampling of {found.service}: {found.summary}, ",
            *((confirmed, *since) if number else ("the site file names no instances",)),
            elsewhere(found.site),
        ),
        rows=tuple(map(_instance_row, _failed_first(found.instances))),
        columns=("Instance", "Sampling", "Sent", "Reason"),
        notes=tuple(map(_past_change, changes)),
        links=page("sampling", "sampling", found.site),
        follow_ups=undo(found.service, found.site) if back else (),
    )


def link_code(code: Code) -> Reply:
    """Return the code that links a Slack account to a user; only the account's owner sees it."""
    return Reply(
        f"Your code is {code.shown}",
        notes=(
            "Log in to the dashboard, open Account, Slack, and enter the code within ten minutes. "
            "It links this Slack account to the user you are logged in as, and works once.",
            "Do not share it, and do not enter a code that someone else gave you.",
        ),
        links=link_account(code),
        private=True,
    )


def sampling_change(change: SamplingChange) -> Reply:
    """Return what a change did: the old and new policy, and what each instance answered."""
    return Reply(
        f"Sampling of {change.service}: {change.previous} -> {change.policy}, confirmed by "
        f"{change.confirmed} of {count(len(change.instances), 'instance')}"
        f"{elsewhere(change.site)}",
        rows=tuple(
            Row((each.address, "confirmed" if each.confirmed else "NOT CONFIRMED"), _why(each))
            for each in _failed_first(change.instances)
        ),
        columns=("Instance", "State", "Reason"),
        links=page("sampling", "sampling", change.site),
        follow_ups=undo(change.service, change.site) if change.back else (),
    )


def undo(service: str, site: str) -> tuple[FollowUp, ...]:
    """Return the button that asks on a card whether to restore the last policy in force."""
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
        f"({change.door}), confirmed by {change.confirmed} of {len(change.instances)}",
    )


def count(number: int, what: str) -> str:
    """Return `1 trace`, `3 traces`, `1,500 traces`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _clock(nanoseconds: int) -> str:
    """Return `14:20:51` in UTC, with the date in front if it is not today."""
    moment = timerange.to_datetime(nanoseconds)
    today = timerange.to_datetime(timerange.now_ns()).date()
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M:%S}"


def _when(nanoseconds: int) -> When:
    return When(f"{_clock(nanoseconds)} UTC", nanoseconds // timerange.SECOND)


def _past(nanoseconds: int, written: str = "") -> When:
    """Return a past moment, with how long ago it was.

    A moment in the future comes from another clock, or from before ours was set back. It gets
    no age, because Slack would show it as "in 59 minutes".
    """
    moment = _when(nanoseconds)
    if nanoseconds > timerange.now_ns() + _AGREEING:
        return moment
    return When(written or moment, moment.seconds, ago=True)


def at(moment: datetime) -> When:
    """Return `14:20:51 UTC`, with the date in front if it is not today."""
    return _when(int(moment.timestamp()) * timerange.SECOND)


def _ago(moment: datetime) -> When:
    """Return `5 s ago`, `just now`."""
    nanoseconds = int(moment.timestamp() * timerange.SECOND)
    elapsed = timerange.now_ns() - nanoseconds
    return _past(
        nanoseconds, f"{_lasting(elapsed)} ago" if elapsed >= timerange.SECOND else "just now"
    )


def _lasting(nanoseconds: int) -> str:
    """Return a duration in whole seconds."""
    seconds = max(nanoseconds // timerange.SECOND, 0)
    return timerange.format_duration(seconds * timerange.SECOND) if seconds else "0 s"


def _line(query: TraceQuery) -> str:
    """Return the query as a user would type it, without the site if it is the default."""
    return format_query(replace(query, site="" if query.site == sites().default else query.site))


def _site_key(site: str) -> str:
    """Return ` site=NAME` for a command, or "" for the default site."""
    return "" if site in ("", sites().default) else f" site={site}"


def elsewhere(site: str) -> str:
    """Return ` (site NAME)`, or "" for the default site."""
    return "" if site in ("", sites().default) else f" (site {site})"


def _jaeger(url: str) -> tuple[PageLink, ...]:
    return (PageLink("Jaeger", url),) if url else ()
