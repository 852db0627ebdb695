"""What is wrong with a service or a site: the verdict, what it rests on, and the next steps."""

from collections.abc import Iterator, Sequence

from bot.answers.changes import row_of
from bot.answers.phrases import (
    LONGEST_SENTENCE,
    LONGEST_VALUE,
    and_more,
    diagnose,
    elsewhere,
    site_key,
)
from bot.answers.raising import raise_sampling
from bot.answers.times import at, past, when
from bot.links import page
from bot.replies import FollowUp, Reply, Row, Sentence
from ops.overview import findings
from ops.overview.actions import Diagnosis, ServiceTrouble, SiteDiagnosis
from ops.overview.lately import LATELY, Lately, OperationLately, Sample
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import NOBODY, Holding
from ops.vocabulary.alerts import Alert
from ops.vocabulary.figures import share
from ops.vocabulary.quoting import quote
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import format_duration, format_exact

MOST_ALERTS = 5
MOST_OPERATIONS = 3
MOST_CHANGES = 5
MOST_DOUBTS = 5
MOST_TROUBLES = 20


def diagnosis(found: Diagnosis) -> Reply:
    """Return what is wrong with a service, and what was looked at."""
    return Reply(
        f"{shortened(found.headline, LONGEST_SENTENCE)}{elsewhere(found.site)}",
        rows=tuple(_rows(found)),
        columns=("What", "Now", "Before", "Details"),
        notes=(*doubted(found.doubts), *found.unset),
        links=page("the service", "overview-service", found.site, service=found.service),
        follow_ups=tuple(_next(found)),
    )


def _rows(found: Diagnosis) -> Iterator[Row]:
    yield from _alerts(found.alerts or (), found.held)
    if found.traces and (found.traces.now.traces or found.traces.before.traces):
        yield from _traces(found.traces)
    if requests := _requests(found):
        yield requests
    if found.versions and not found.versions.problem:
        news = found.rollout or found.versions.news
        below = (shortened(news, LONGEST_SENTENCE),) if news else ()
        yield Row(("version", shortened(found.versions.summary, LONGEST_SENTENCE), ""), below)
    yield from _sampling(found)
    # Alerts have rows of their own.
    for change in [each for each in found.changes if not each.alert][:MOST_CHANGES]:
        row = row_of(change)
        yield Row(("changed", *row.cells), row.below)


def _alerts(alerts: Sequence[Alert], held: Holding = NOBODY) -> Iterator[Row]:
    """Yield a row for the alerts of one name and state, with the first of them."""
    found: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        found.setdefault((alert.name, alert.state), []).append(alert)
    for first, *others in [*found.values()][:MOST_ALERTS]:
        severity = f" ({shortened(first.severity, 40)})" if first.severity else ""
        several = f", {1 + len(others):,} alerts" if others else ""
        since = Sentence("since ", past(first.since)) if first.since else ""
        below = tuple(filter(None, (first.summary, held.said_of([first, *others]))))
        what = f"{shortened(first.name, 80)} {first.state}{severity}{several}"
        yield Row(
            ("alert", what, since), tuple(shortened(each, LONGEST_SENTENCE) for each in below)
        )
    if more := and_more(len(found) - MOST_ALERTS, "alert"):
        yield Row(("alert", *more, ""))


def _traces(lately: Lately) -> Iterator[Row]:
    looked = (
        Sentence("the newest ones, since ", when(lately.start))
        if lately.more
        else f"all of the last {format_duration(LATELY)}"
    )
    yield Row(("traces", findings.failed(lately.now), findings.before(lately.before)), (looked,))
    shown = dict.fromkeys((*lately.failing[:MOST_OPERATIONS], *lately.slower[:MOST_OPERATIONS]))
    for each in shown:
        yield Row(
            (findings.name_of(each), sample(each.now), sample(each.before)), tuple(_cause(each))
        )


def sample(sample: Sample) -> str:
    """Return `12 of 40 failed, median 80 ms, p95 120 ms`."""
    if not sample.traces:
        return "no traces"
    times = f"median {format_duration(sample.median)}, p95 {format_duration(sample.p95)}"
    return f"{sample.failed:,} of {sample.traces:,} failed, {times}"


def _cause(of: OperationLately) -> Iterator[str]:
    if of.error:
        yield shortened(of.error, LONGEST_VALUE)
    if of.failing:
        yield f"failed: {of.failing}"
    if of.is_slower:
        yield f"slowest: {of.slowest}"


def _requests(found: Diagnosis) -> Row | None:
    of = found.figures
    said = [
        *([f"{of.requests:.3g}/s"] if of.requests is not None else []),
        *([f"{share(of.failing)} failing"] if of.failing is not None else []),
        *([f"p95 {format_duration(of.p95)}"] if of.p95 is not None else []),
    ]
    usual = findings.earlier_p95(of)
    earlier = f"p95 {format_duration(usual)} earlier in the hour" if usual else ""
    return Row(("requests", ", ".join(said), earlier)) if said else None


def _sampling(found: Diagnosis) -> Iterator[Row]:
    """Say which share of the traces is kept: the numbers above are of these."""
    now = found.sampling.in_force if found.sampling else None
    if found.policy is None:
        return
    until = (
        (Sentence("until ", at(timerange.to_datetime(now.until)), f", then {now.then}"),)
        if now and now.until
        else ()
    )
    yield Row(("sampling", f"{found.policy} of new traces", ""), until)


def doubted(doubts: Sequence[str]) -> tuple[str, ...]:
    """Return why something else may be wrong, as notes."""
    return (
        *(f"Not sure: {shortened(each, LONGEST_SENTENCE)}" for each in doubts[:MOST_DOUBTS]),
        *and_more(len(doubts) - MOST_DOUBTS, "reason"),
    )


def _next(found: Diagnosis) -> Iterator[FollowUp]:
    """Offer the alerts, a failing and a slow trace, more traces, and what changed."""
    of = f"{found.service}{site_key(found.site)}"
    if found.alerts:
        yield FollowUp("Alerts", f"alerts {of}")
    lately = found.traces
    if lately and lately.failing:
        where = site_key(found.site)
        yield FollowUp("Open a failing trace", f"show trace {lately.failing[0].failing}{where}")
        yield FollowUp("Failing traces", f"list traces {found.service} error last=15m{where}")
    if lately and lately.slower:
        yield FollowUp("Slow traces", slow_traces(found, lately.slower[0]))
    yield FollowUp("What changed", f"changes {of}")
    if _is_worth_more_traces(found):
        yield raise_sampling(found.service, found.service, found.site)


def slow_traces(found: Diagnosis, slow: OperationLately) -> str:
    """Return the line that lists an operation's slower traces."""
    operation = f" operation={quote(slow.operation)}" if slow.service == found.service else ""
    least = f"trace-min={format_exact(slow.now.median)}"
    where = site_key(found.site)
    return f"list traces {found.service}{operation} {least} last=15m{where}"


def _is_worth_more_traces(found: Diagnosis) -> bool:
    share = found.policy.share if found.policy else None
    return share is not None and share < 1 and bool(found.findings or not _are_traces(found))


def _are_traces(found: Diagnosis) -> bool:
    return bool(found.traces and found.traces.now.traces)


def site_diagnosis(found: SiteDiagnosis) -> Reply:
    """Return which services of a site have problems, the worst first."""
    troubles = found.troubles[:MOST_TROUBLES]
    return Reply(
        f"{shortened(found.headline, LONGEST_SENTENCE)}{elsewhere(found.site)}",
        rows=(*map(_trouble, troubles), *_alerts(found.others)),
        columns=("Service", "Problem", "Also"),
        notes=(
            *and_more(len(found.troubles) - MOST_TROUBLES, "service with problems"),
            *found.rollouts,
            *doubted(found.doubts),
            *_other_sites(found.site),
        ),
        links=page("the overview", "overview", found.site),
        follow_ups=(
            *(diagnose(each.service, found.site) for each in troubles[:MOST_OPERATIONS]),
            FollowUp("Alerts", f"alerts{site_key(found.site)}"),
            FollowUp("What changed", f"changes{site_key(found.site)}"),
        ),
    )


def _other_sites(site: str) -> tuple[str, ...]:
    """Say that this is not about the other sites."""
    others = [name for name in sites().all if name != site]
    if not others:
        return ()
    named = shortened(", ".join(others), LONGEST_VALUE)
    return (f"Not checked: {named}; ask with site=NAME",)


def _trouble(of: ServiceTrouble) -> Row:
    first, *others = of.findings
    also = "; ".join(each.words for each in others)
    return Row((of.service, first.words, shortened(also, LONGEST_SENTENCE)))
