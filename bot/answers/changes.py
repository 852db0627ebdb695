"""What changed on a site or in a service, newest first."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bot.answers.phrases import LONGEST_SENTENCE, and_more, elsewhere, site_key
from bot.answers.sampling import because, who
from bot.answers.times import ago, at, lasting, when
from bot.links import page
from bot.replies import FollowUp, Reply, Row, Sentence
from ops.alerts.changes import AlertChange, Kind
from ops.overview.actions import EVERY_KIND, ChangeKind, Changes, Happened, VersionChange
from ops.sampling.actions import SamplingChange
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import GIVEN_BACK, Acknowledgement
from ops.vocabulary.figures import count
from ops.vocabulary.notifications import Silence
from ops.vocabulary.texts import shortened

MOST_ROWS = 40
_LONGEST_NAME = 80
_NOW = 5 * timerange.SECOND  # a time that ends this recently ends now
_SHORT = (
    timerange.MINUTE
)  # what happened in less time, as while a watcher restarts, is seen after it
ONE = {
    ChangeKind.ROLLOUTS: "rollout",
    ChangeKind.SAMPLING: "sampling change",
    ChangeKind.ALERTS: "alert change",
    ChangeKind.SILENCES: "silence change",
    ChangeKind.ACKNOWLEDGEMENTS: "acknowledgement change",
    ChangeKind.INCIDENTS: "incident change",
}


def changes_reply(found: Changes) -> Reply:
    """Return the changes: how many of each kind, the newest ones, and how far back is known."""
    doubts, shown = [*doubts_of(found)], _shown(found.found)
    return Reply(
        Sentence(*_verdict(found, doubts)),
        rows=tuple(map(row_of, shown)),
        columns=("When", "What", "Details"),
        notes=(*_left_out(found, len(shown)), *doubts),
        links=page("the time line", "timeline", found.site, fields=dict(_window(found))),
        follow_ups=tuple(_next(found)),
    )


def _window(found: Changes) -> Iterator[tuple[str, str]]:
    """Yield the fields of the time line that shows the same time."""
    length = max((found.end - found.start) // timerange.SECOND, 60) * timerange.SECOND
    yield "last", timerange.format_exact(length)
    if timerange.now_ns() - found.end >= _NOW:
        yield "at", timerange.format_moment((found.start + found.end) // 2)
    if found.service:
        yield "service", found.service


def _verdict(found: Changes, doubts: list[str]) -> Iterator[str]:
    """Yield `2 rollouts and 1 alert change in petstore in the last 24 h`."""
    where = f" in {found.service}" if found.service else f" on {found.site}"
    numbers = Counter(each.kind for each in found.found)
    said = [count(numbers[kind], ONE[kind]) for kind in found.kinds if numbers[kind]]
    every = {*found.kinds} == {*EVERY_KIND}
    nothing = f"No {'change' if every else ' or '.join(ONE[kind] for kind in found.kinds)}"
    known = " that we know of" if doubts else ""
    more = "At least " if found.more else ""
    yield f"{more}{_and(said)}" if said else nothing if found.kinds else "Changes are unknown"
    yield f"{where}{known}{elsewhere(found.site) if found.service else ''}"
    if timerange.now_ns() - found.end < _NOW:
        yield f" in the last {lasting(found.end - found.start)}"
    else:
        yield from (" from ", when(found.start), " to ", when(found.end))
    if not said and doubts:
        yield f": {doubts[0][0].lower()}{doubts[0][1:]}"


def _and(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def row_of(change: Happened) -> Row:
    """Return a change in a row."""
    if change.version:
        what, details = _of_version(change.version)
    elif change.sampling:
        what, details = _of_sampling(change.sampling)
    elif change.silence:
        what, details = _of_silence(change.silence, ended=change.ended)
    elif change.acknowledgement:
        what, details = _of_holding(change.acknowledgement, ended=change.ended)
    elif change.incident:
        done = "closed" if change.ended else "opened"
        title = shortened(change.incident.title, LONGEST_SENTENCE)
        what, details = f"{change.person} {done} incident {change.incident.number}", (title,)
    elif change.alert:
        what, details = _of_alert(change.alert)
    return Row((ago(timerange.to_datetime(change.at)), what), details)


def _of_version(change: VersionChange) -> tuple[str, tuple[str, ...]]:
    started = f"{change.service} started to run {_named(change.versions)}"
    return started, (f"before that only {_named(change.before)}",)


def _named(versions: tuple[str, ...]) -> str:
    return shortened(", ".join(versions), _LONGEST_NAME)


def _of_sampling(change: SamplingChange) -> tuple[str, tuple[str, ...]]:
    end = Sentence("until ", at(change.until), f", then {change.then}") if change.until else ""
    by = shortened(f"by {who(change)}{because(change)}", LONGEST_SENTENCE)
    what = f"sampling of {change.service}: {change.previous} -> {change.policy}"
    return what, (*([end] if end else []), by)


def _of_silence(silence: Silence, *, ended: bool) -> tuple[str, tuple[str | Sentence, ...]]:
    matchers = shortened(", ".join(map(str, silence.matchers)), LONGEST_SENTENCE)
    if ended:
        return f"silence ended: {matchers}", ()
    by = f"by {silence.created_by or 'somebody unnamed'}"
    because = f": {silence.comment}" if silence.comment else ""
    said = shortened(f"{by}{because}", LONGEST_SENTENCE)
    return f"silenced: {matchers}", (Sentence("until ", when(silence.ends_at)), said)


def _of_holding(held: Acknowledgement, *, ended: bool) -> tuple[str, tuple[str, ...]]:
    person, what = shortened(held.person, _LONGEST_NAME), shortened(held.what, _LONGEST_NAME)
    if held.end == GIVEN_BACK and ended:
        return f"{person} gave back {what}", ()
    if ended:
        return f"{person} no longer has {what}: {held.why}", ()
    given = f" from {shortened(held.given_by, _LONGEST_NAME)}" if held.given_by else ""
    note = (shortened(held.note, LONGEST_SENTENCE),) if held.note else ()
    return f"{person} has {what}{given}", note


def _of_alert(change: AlertChange) -> tuple[str, tuple[str, ...]]:
    what = change.kind.said_of(shortened(change.name, _LONGEST_NAME))
    severity = f" ({shortened(change.severity, 40)})" if change.kind is Kind.FIRING else ""
    things = "alerts" if change.kind in (Kind.FIRING, Kind.RESOLVED) else "times"
    several = f", {change.count:,} {things}" if change.count > 1 else ""
    details = (shortened(change.detail, LONGEST_SENTENCE),) if change.detail else ()
    return f"{what}{severity if change.severity else ''}{several}", details


def _shown(changes: Sequence[Happened]) -> list[Happened]:
    """Return the newest; of too many, alerts are left out before rollouts and sampling."""
    others = [each for each in changes if not each.alert][:MOST_ROWS]
    alerts = [each for each in changes if each.alert][: MOST_ROWS - len(others)]
    return sorted((*others, *alerts), key=lambda each: -each.at)


def _left_out(found: Changes, shown: int) -> tuple[str, ...]:
    older = ("Older changes are left out; ask for a shorter time",) if found.more else ()
    return (*and_more(len(found.found) - shown, "change"), *older)


def doubts_of(found: Changes) -> Iterator[str]:
    """Say why there may have been more changes, or how far back is known."""
    memory = found.memory
    if found.hidden:
        yield f"You are not allowed to see {_and([*found.hidden])}"
    if found.depends_on_memory and not memory.since:
        unknown = "rollouts and alerts are not remembered"
        yield f"Site {found.site} has not been watched yet, so {unknown}"
    elif found.depends_on_memory and memory.since > found.start:
        yield Sentence("Rollouts and alerts are remembered since ", when(memory.since))
    later = [end - start for start, end in memory.holes if start >= memory.since]
    if found.depends_on_memory and memory.since and sum(later) >= _SHORT:
        yield f"Not watched for {lasting(sum(later))} of that time"
    yield from (shortened(each, LONGEST_SENTENCE) for each in found.problems)


def _next(found: Changes) -> Iterator[FollowUp]:
    of = f"{f' {found.service}' if found.service else ''}{site_key(found.site)}"
    kinds = {each.kind for each in found.found}
    if ChangeKind.ROLLOUTS in kinds:
        yield FollowUp("Versions", f"version{of}")
    if ChangeKind.ALERTS in kinds:
        yield FollowUp("Alerts", f"alerts{of}")
    if ChangeKind.SILENCES in kinds:
        yield FollowUp("Silences", f"silences{site_key(found.site)}")
    if ChangeKind.SAMPLING in kinds:
        yield FollowUp("Sampling history", f"sampling history{of}")
    if {*found.kinds} != {*EVERY_KIND} and not found.hidden:
        yield FollowUp("All changes", f"changes{of}")
