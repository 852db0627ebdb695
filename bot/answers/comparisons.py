"""Two traces compared, or one trace with its usual timing."""

from collections.abc import Sequence

from bot.answers.phrases import LONGEST_SENTENCE, LONGEST_VALUE, elsewhere, site_key
from bot.answers.traces import open_trace, root_of
from bot.links import jaeger, page
from bot.replies import FollowUp, Reply, Row
from ops.traces.actions import Comparison, Difference, UsualTiming
from ops.vocabulary import timerange
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

MOST_DIFFERENCES = 5
_FROM_A_TO_B = ("Explains", "Change", "Operation", "Own time, A -> B", "Spans, A -> B")
_FROM_USUAL = ("Longer", "Change", "Operation", "Own time, usual -> here", "Spans, usual -> here")


def comparison(found: Comparison) -> Reply:
    """Return how two traces differ: the verdict, the largest differences, errors in only one."""
    site, ids = found.first.site, [found.first.trace_id, found.second.trace_id]
    failed = (("B", found.new_errors), ("A", found.vanished_errors))
    return Reply(
        f"{shortened(found.verdict, LONGEST_SENTENCE)}{elsewhere(site)}",
        rows=_difference_rows(found.differences),
        columns=_FROM_A_TO_B,
        notes=tuple(
            f"{count(len(errors), 'span')} failed only in {side}, the deepest in "
            f"{shortened(errors[0].sentence, LONGEST_VALUE)}"
            for side, errors in failed
            if errors
        ),
        links=(
            *page("the comparison", "traces-compare", site, trace=ids),
            *page("trace A", "traces-one", site, trace_id=ids[0]),
            *page("trace B", "traces-one", site, trace_id=ids[1]),
        ),
        follow_ups=tuple(
            FollowUp(f"Open {side}", f"show trace {trace_id}{site_key(site)}")
            for side, trace_id in zip("AB", ids, strict=True)
        ),
    )


def beside_usual(found: UsualTiming) -> Reply:
    """Return how one trace differs from the usual, and in which operations most."""
    trace = found.trace
    verdict = f"{root_of(trace)}: {timerange.format_duration(trace.duration)}"
    if found.found:
        usually = timerange.format_duration(found.duration)
        verdict += f", usually {usually}: {_longer(found.longer)} compared with {found.measure}"
    else:
        verdict += "; no other trace like it that succeeded was found in the day before"
    return Reply(
        verdict,
        rows=_difference_rows(found.differences),
        columns=_FROM_USUAL,
        links=(
            *page("the differences", "traces-usual", trace.site, trace_id=trace.trace_id),
            *jaeger(trace.jaeger_url),
        ),
        follow_ups=(open_trace(trace),),
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
