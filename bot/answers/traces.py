"""Lists of traces, one trace and its log lines."""

from collections.abc import Iterator
from dataclasses import replace

from bot.answers.phrases import LONGEST_SENTENCE, LONGEST_VALUE, and_more, no_service, site_key
from bot.answers.snapshots import at_that_time
from bot.answers.times import clock, past, when
from bot.links import jaeger, page
from bot.replies import FollowUp, Reply, Row, Sentence
from ops.overview.actions import SiteSnapshot, Taken
from ops.sites import sites
from ops.traces.actions import LogLine, TraceList, TraceLogs, Unmatched
from ops.traces.trace import Trace
from ops.vocabulary import timerange
from ops.vocabulary.figures import count
from ops.vocabulary.filters import DEFAULT_LIMIT, DEFAULT_RANGE, TraceQuery, format_query
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.tags import shown
from ops.vocabulary.texts import shortened

LONGEST_LABEL = 40
MOST_ERRORS = 5
MOST_WARNINGS = 3
MOST_SERVICES = 8
MOST_PLACES = 3
MOST_FIELDS = 12
OLD = 10 * timerange.SECOND  # the age from which a cached answer says how old it is
_WHICH = ("first", "second", "third")


def trace_list(found: TraceList, sampling: str = "", unmatched: Unmatched | None = None) -> Reply:
    """Return the traces that a search found.

    If there are none, say first what is `unmatched`, and last what `sampling` has to do with it.
    """
    plain = replace(found.query, range=DEFAULT_RANGE, limit=DEFAULT_LIMIT, before=None)
    asked = _line(plain) or "anything"
    window = (when(found.back_to if found.more else found.start), " to ", when(found.until))
    where = (f"for {shortened(asked, LONGEST_SENTENCE)}, ", *window)
    links = page("the list", "traces", found.query.site, line=_line(found.query))
    older = f"Older: list traces {_line(found.older)}" if found.older else ""
    if not found.traces:
        further = older or f"Further back: list traces {_wider(found)}"
        line = f"list traces {_line(found.older) if found.older else _wider(found)}"
        why_not = (f"{unmatched.sentence} ",) if unmatched else ()
        follow_ups = (*_instead(unmatched), FollowUp("Further back", line))
        notes = (*_unknown_service(found.query), *_by_status(found), further)
        looked = (f" ({count(found.fetched, 'trace')} looked at)",) if found.fetched else ()
        why = (*looked, f"; {sampling}") if sampling else looked
        nothing = Sentence(*why_not, "No traces ", *where, *why)
        return Reply(nothing, (), notes, links, follow_ups=follow_ups)
    traces = count(len(found.traces), "trace")
    failing = sum(1 for trace in found.traces if trace.error_count)
    covered = timerange.format_duration(found.until - found.back_to)
    some = f"Latest {traces} in {covered} (there may be more)" if found.more else traces
    return Reply(
        Sentence(f"{some}, {failing or 'none'} failed, ", *where),
        rows=tuple(map(_trace_row, found.traces)),
        columns=("When", "Took", "Trace", "Error and ID"),
        notes=(*_looked_at(found), *_by_status(found), *((older,) if older else ())),
        links=links,
        follow_ups=tuple(_next_of_list(found)),
        items=tuple(
            f"show trace {each.trace_id}{site_key(found.query.site)}" for each in found.traces
        ),
    )


def _instead(unmatched: Unmatched | None) -> tuple[FollowUp, ...]:
    """Offer the search for what was probably meant."""
    if unmatched is None or unmatched.instead is None:
        return ()
    label = f"Search {shortened(unmatched.meant, LONGEST_LABEL)}"
    return (FollowUp(label, f"list traces {_line(unmatched.instead)}"),)


def _looked_at(found: TraceList) -> tuple[str, ...]:
    """Say how many traces were read if not all of them match."""
    if found.fetched <= len(found.traces):
        return ()
    return (f"{len(found.traces):,} of the {count(found.fetched, 'trace')} looked at match",)


def _by_status(found: TraceList) -> tuple[str, ...]:
    """Say what a search for failed spans misses if Jaeger finds them by their status."""
    if not (found.by_status and ("error", "true") in found.query.tags):
        return ()
    return ("This Jaeger finds failed spans by their status, not by the tag error=true",)


def _next_of_list(found: TraceList) -> Iterator[FollowUp]:
    """Offer the first traces, the logs of the first and older traces: five at most."""
    where = site_key(found.query.site)
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
    return (no_service(query.service, query.site),) if named else ()


def _wider(found: TraceList) -> str:
    """Return the line of the same search over a window six times as long."""
    length = max(6 * (found.end - found.start) // timerange.MINUTE, 1) * timerange.MINUTE
    return _line(replace(found.query, range=timerange.TimeRange.last(length), before=None))


def _trace_row(trace: TraceSummary) -> Row:
    root = f"{trace.service} {trace.operation}".strip() or "(root missing)"
    errors = trace.error or (count(trace.error_count, "error") if trace.error_count else "")
    return Row(
        (
            past(trace.matched),
            timerange.format_duration(trace.duration),
            shortened(root, 60),
        ),
        (*((shortened(errors, LONGEST_VALUE),) if errors else ()), *_began(trace), trace.trace_id),
    )


def _began(trace: TraceSummary) -> tuple[str, ...]:
    """Say when a trace started if the part that matched came much later."""
    if not trace.start or not trace.matched_late:
        return ()
    before = timerange.format_duration(trace.matched - trace.start)
    since = "" if trace.is_exact else f"; matched at {clock(trace.matched_from)} UTC or later"
    return (f"started {before} earlier, at {clock(trace.start)} UTC{since}",)


def _line(query: TraceQuery) -> str:
    """Return the query as a user would type it, without the site if it is the default."""
    return format_query(replace(query, site="" if query.site == sites().default else query.site))


def one_trace(trace: Trace, then: SiteSnapshot, taken: Taken | None = None) -> Reply:
    """Return one trace: verdict, deepest errors, where the time went, the site at that time."""
    root = root_of(trace)
    took = timerange.format_duration(trace.duration)
    arrived = " in the spans that arrived" if trace.missing_parents else ""
    verdict = f"{root}: {took}, no errors{arrived}"
    if trace.errors:
        errors = count(trace.error_count, "error")
        deepest = shortened(trace.errors[0].sentence, LONGEST_VALUE)
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
                (shortened(error.sentence, LONGEST_SENTENCE),),
                (f"{error.service}: {shortened(' > '.join(error.path), LONGEST_SENTENCE)}",),
            )
            for error in trace.errors[:MOST_ERRORS]
        ),
        columns=("Error", "Where"),
        notes=(
            *and_more(trace.error_count - MOST_ERRORS, "error"),
            *(shortened(sentence, LONGEST_SENTENCE) for sentence in trace.timing.sentences),
            Sentence(
                when(trace.start) if trace.start else "Start time unknown",
                shortened(facts, LONGEST_SENTENCE),
            ),
            *_ran(trace),
            *((shortened(f"Sampling: {taken.sentence}", LONGEST_SENTENCE),) if taken else ()),
            *at_that_time(then),
            *_as_of(trace),
            *(shortened(sentence, LONGEST_SENTENCE) for sentence in trace.warnings[:MOST_WARNINGS]),
            *and_more(len(trace.warnings) - MOST_WARNINGS, "warning"),
            f"Log lines: show logs {trace.trace_id}",
        ),
        links=(
            *page("the trace", "traces-one", trace.site, trace_id=trace.trace_id),
            *jaeger(trace.jaeger_url),
        ),
        follow_ups=(
            FollowUp("Logs", f"show logs {trace.trace_id}{site_key(trace.site)}"),
            FollowUp("Compare with usual", f"compare {trace.trace_id}{site_key(trace.site)}"),
            FollowUp(
                "Open incident", f"incident start trace={trace.trace_id}{site_key(trace.site)}"
            ),
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
    return (shortened(f"Handled by {said}", LONGEST_SENTENCE),)


def _as_of(trace: Trace) -> tuple[Sentence, ...]:
    """Say how old a cached answer is."""
    old = timerange.now_ns() - trace.as_of > OLD
    return (Sentence("As of ", past(trace.as_of)),) if old else ()


def trace_logs(logs: TraceLogs) -> Reply:
    """Return every log line of a trace, in time order."""
    lines = count(len(logs.lines), "log line") if logs.lines else "No log lines"
    return Reply(
        Sentence(f"{lines} in {root_of(logs)}, ", when(logs.start)),
        rows=tuple(map(_log_row, logs.lines)),
        notes=("Times are in UTC.",) if logs.lines else (),
        links=(
            *page("the log lines", "traces-logs", logs.site, trace_id=logs.trace_id),
            *jaeger(logs.jaeger_url),
        ),
        follow_ups=(open_trace(logs),),
    )


def _log_row(line: LogLine) -> Row:
    milliseconds = line.time % timerange.SECOND // timerange.MILLISECOND
    fields = [f"{key}={shown(value)}" for key, value in line.attributes.items()]
    left = len(fields) - MOST_FIELDS
    return Row(
        (f"{clock(line.time)}.{milliseconds:03d}", f"{line.service} {line.operation}"),
        (
            *([line.name] if line.name else ()),
            *(f"  {shortened(field, LONGEST_VALUE)}" for field in fields[:MOST_FIELDS]),
            *([f"  and {count(left, 'more field')}"] if left > 0 else ()),
        ),
    )


def open_trace(trace: Trace | TraceLogs) -> FollowUp:
    """Return the button that shows the trace."""
    return FollowUp("The trace", f"show trace {trace.trace_id}{site_key(trace.site)}")


def root_of(trace: Trace | TraceLogs) -> str:
    """Return the service and operation that a trace started with."""
    root = f"{trace.service} {trace.operation}".strip() or "a trace whose root is missing"
    return shortened(root, LONGEST_VALUE)
