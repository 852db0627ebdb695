"""What changed before an alert: what happened, then how its traces differ from the hour before."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bot.answers.changes import ONE, doubts_of, row_of
from bot.answers.phrases import (
    LONGEST_SENTENCE,
    LONGEST_VALUE,
    and_more,
    diagnose,
    elsewhere,
    site_key,
)
from bot.answers.times import lasting, past, when
from bot.links import page
from bot.replies import FollowUp, Reply, Row, Sentence
from ops.overview.actions import ChangeKind, Happened, Surroundings, TracesOfAlert
from ops.traces.actions import FailureGroup, Statement, StatementKind, WindowComparison
from ops.vocabulary.figures import count, listed
from ops.vocabulary.filters import format_query
from ops.vocabulary.texts import shortened

MOST_FAILURES = 3
_ONE = {**ONE, ChangeKind.ALERTS: "other alert"}


def causes(around: Surroundings, compared: Sequence[TracesOfAlert]) -> Reply:
    """Return what changed before an alert, the facts first, then the traces of its services."""
    site = around.changes.site
    found = [each.comparison for each in compared if each.comparison]
    return Reply(
        Sentence(*_verdict(around, found)),
        rows=tuple(_rows(around, found)),
        columns=("When", "What"),
        notes=tuple(_notes(around, compared)),
        links=page("the alert", "alerts-one", site, fingerprint=around.fingerprint),
        follow_ups=tuple(_next(around, compared)),
    )


def _verdict(around: Surroundings, found: Sequence[WindowComparison]) -> Iterator[str]:
    """Yield `QueueDeep started 5 min ago: 1 rollout before; petstore 1.3.0 fails 12% of …`."""
    yield f"{shortened(around.name, 80)}{elsewhere(around.changes.site)} started "
    yield past(around.start)
    numbers = Counter(each.kind for each in around.found)
    said = [count(number, _ONE[kind]) for kind, number in numbers.items()]
    known = " that we know of" if around.is_unsure and around.nothing else ""
    before = ", ".join(said) or f"{around.nothing[:1].lower()}{around.nothing[1:]}{known}"
    parts = (f"{before} in the 15 minutes before" if before else "", *_first(found))
    yield f": {'; '.join(filter(None, parts))}" if any(parts) else ""


def _first(found: Sequence[WindowComparison]) -> list[str]:
    statements = [each for one in found for each in one.statements]
    return [shortened(each.words, LONGEST_SENTENCE) for each in statements[:1]]


def _rows(around: Surroundings, found: Sequence[WindowComparison]) -> Iterator[Row]:
    for line in around.lines:
        if line.ran and line.service not in around.rolled:
            ran = shortened(f"{line.service} ran {line.ran}", LONGEST_SENTENCE)
            yield Row(("before", ran))
    for change in around.found:
        yield _happened(change, around.start)
    for each in found:
        yield from _differences(each)


def _differences(found: WindowComparison) -> Iterator[Row]:
    for each in found.statements:
        yield Row(("traces", shortened(each.words, LONGEST_SENTENCE)), tuple(_example(each)))
    for group in found.other_failures[:MOST_FAILURES]:
        yield _failure(group, found)


def _happened(change: Happened, start: int) -> Row:
    row = row_of(change)
    side = "before" if change.at <= start else "after"
    return Row((f"{lasting(abs(start - change.at))} {side}", *row.cells[1:]), row.below)


def _example(statement: Statement) -> Iterator[str]:
    if statement.example:
        what = "slowest" if statement.kind is StatementKind.SLOWER else "example"
        yield f"{what}: {statement.example}"


def _failure(group: FailureGroup, found: WindowComparison) -> Row:
    version = f" ({shortened(group.version, 40)})" if group.version else ""
    before = f", {group.before:,} {found.then}" if found.before.every.traces else ""
    words = f"{shortened(group.sentence, LONGEST_VALUE)}{version}"
    return Row(
        ("failing", f"{words}: {count(group.traces, 'trace')}{before}"),
        (f"example: {group.example}",),
    )


def _notes(around: Surroundings, compared: Iterable[TracesOfAlert]) -> Iterator[str]:
    for unlike in compared:
        if found := unlike.comparison:
            yield from and_more(found.left_out, "difference")
            yield from _looked_at(found)
            if found.unchanged:
                same = ", ".join(found.unchanged)
                yield shortened(f"Unchanged in these traces: {same}", LONGEST_SENTENCE)
        if unlike.problem:
            yield shortened(unlike.problem, LONGEST_SENTENCE)
    if around.left_out:
        yield shortened(
            f"Not compared, because there are too many services: {listed(around.left_out)}",
            LONGEST_SENTENCE,
        )
    for line in around.lines:
        if line.sampling:
            kept = "and only traces that were kept are counted"
            yield f"Sampling of {line.service} was {line.sampling.policy}, {kept}"
    if not around.lines:
        yield (
            "No service of the site file has this alert's labels, so its traces and versions are "
            "unknown"
        )
    yield from doubts_of(around.changes)


def _looked_at(found: WindowComparison) -> Iterator[str]:
    now, before = found.now, found.before
    there = (
        f"{before.every.failed:,} of {before.every.traces:,} in {found.then}{_more(before.cut)}"
        if before.every.traces
        else f"no traces in {found.then} to compare with"
    )
    if not now.every.traces:
        none = f"No traces of {found.service} from "
        earlier = f"{before.every.traces:,} in {found.then}{_more(before.cut)}"
        yield Sentence(none, when(now.start), " to ", when(now.end), f"; {earlier}")
        return
    if before.every.traces and not found.statements:
        yield f"No difference from {found.then} beyond chance"
    traces = count(now.every.traces, "trace")
    yield Sentence(
        f"{now.every.failed:,} of {traces} of {found.service} failed from ",
        when(now.since),
        " to ",
        when(now.end),
        f"{_more(now.cut)}, {there}",
    )


def _more(cut: bool) -> str:
    return " (there are more)" if cut else ""


def _next(around: Surroundings, compared: Sequence[TracesOfAlert]) -> Iterator[FollowUp]:
    """Offer the traces of the first statement, an example, a diagnosis, and the alert."""
    site = around.changes.site
    where = site_key(site)
    found = [each.comparison for each in compared if each.comparison]
    failing = [each for each in found if each.now.every.failed]
    if first := next((each for one in found for each in one.statements), None):
        yield FollowUp("Show these traces", f"list traces {format_query(first.query)}")
        if first.example:
            yield FollowUp("Open an example", f"show trace {first.example}{where}")
    elif failing:
        yield FollowUp("Failing traces", f"list traces {format_query(failing[0].failing)}")
    if around.lines:
        yield diagnose(around.lines[0].service, site)
    yield FollowUp("The alert", f"alert {around.fingerprint}{where}")
