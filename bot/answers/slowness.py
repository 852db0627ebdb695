"""How long a service's operations take, compared with the hour before."""

from collections.abc import Iterator

from bot.answers.diagnosis import doubted, sample, slow_traces
from bot.answers.phrases import LONGEST_SENTENCE, diagnose, elsewhere, site_key
from bot.links import page
from bot.replies import FollowUp, Reply, Row
from ops.overview import findings
from ops.overview.actions import Diagnosis
from ops.overview.findings import Weight
from ops.overview.lately import Lately, OperationLately
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

MOST_OPERATIONS = 8


def slowness(found: Diagnosis) -> Reply:
    """Return the operations that take longer than before, then those with the longest traces."""
    lately = found.traces
    shown = _slowest_first(lately)[:MOST_OPERATIONS] if lately else []
    return Reply(
        f"{shortened(_verdict(found), LONGEST_SENTENCE)}{elsewhere(found.site)}",
        rows=tuple(
            Row(
                (findings.name_of(each), sample(each.now), sample(each.before)),
                (f"slowest: {each.slowest}",),
            )
            for each in shown
        ),
        columns=("Operation", "Now", "The hour before", "Details"),
        notes=doubted(found.doubts),
        links=page("the service", "overview-service", found.site, service=found.service),
        follow_ups=tuple(_next(found, shown)),
    )


def _verdict(found: Diagnosis) -> str:
    slow = [each.words for each in found.findings if each.weight is Weight.SLOW]
    lately = found.traces
    if slow:
        more = len(lately.slower) - 1 if lately else 0
        also = f", and {count(more, 'more operation')} longer than before" if more > 0 else ""
        return f"{found.service}: {slow[0]}{also}"
    if lately is None or not lately.now.traces:
        why = found.doubts[0] if found.doubts else "there are no traces of the last 15 minutes"
        return f"Not sure whether {found.service} is slow: {why}"
    took = sample(lately.now)
    if not lately.before.traces:
        return f"{found.service}: nothing to compare with in the hour before; {took}"
    return f"{found.service}: no operation takes much longer than in the hour before; {took}"


def _slowest_first(lately: Lately) -> list[OperationLately]:
    return [
        *lately.slower,
        *sorted(
            (each for each in lately.operations if not each.is_slower),
            key=lambda each: -each.now.p95,
        ),
    ]


def _next(found: Diagnosis, shown: list[OperationLately]) -> Iterator[FollowUp]:
    where = site_key(found.site)
    if shown:
        slowest = shown[0].slowest
        yield FollowUp("Open the slowest", f"show trace {slowest}{where}")
        yield FollowUp("Compare with usual", f"compare {slowest}{where}")
        yield FollowUp("Slow traces", slow_traces(found, shown[0]))
    yield diagnose(found.service, found.site)
