"""An incident's story, from what is known of its time: one line a thing that happened; pure."""

from collections.abc import Iterable, Iterator, Sequence

from ops.alerts.during import AlertsDuring, GroupDuring
from ops.incidents.facts import Entry, EntryKind, Incident, OriginKind
from ops.incidents.lines import Line, LineKind, Part, Target, TargetKind, person, words
from ops.incidents.services import RolloutStep, SampledFor, ServiceDuring, Step
from ops.requests.actions import RequestedChange, State
from ops.sampling.revisions import FILE
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import OVER, RESOLVED, Acknowledgement
from ops.vocabulary.notifications import Silence
from ops.vocabulary.policies import Policy
from ops.vocabulary.spreads import Spread
from ops.vocabulary.timerange import format_duration

SOON = 15 * timerange.MINUTE  # after a rollout, what begins is said to follow it
LONGEST_SUMMARY = 200  # characters
PROMETHEUS = "Prometheus"
BY_ITSELF = "by itself"
_DECIDED = {
    State.APPLYING: " approved",
    State.APPLIED: " approved",
    State.FAILED: " approved, but nothing was changed",
    State.UNKNOWN: " approved, but whether it was changed is unknown",
    State.REFUSED: " refused",
    State.CANCELLED: " withdrew it",
}
_DOORS = {"slack": "Slack", "grpc": "gRPC", "console": "terminal"}


def lines(
    incident: Incident,
    alerts: AlertsDuring | None,
    services: Sequence[ServiceDuring],
    held: Iterable[Acknowledgement],
    silences: Iterable[Silence] = (),
) -> tuple[Line, ...]:
    """Return everything that happened, the oldest first."""
    steps = [step for each in services for step in each.steps]
    found = [
        *_opened(incident),
        *(line for each in (alerts.groups if alerts else ()) for line in _of_alerts(each, steps)),
        *map(_of_rollout, steps),
        *(line for each in services for line in _of_sampling(each)),
        *(_of_request(asked) for each in services for asked in each.requests),
        *(line for each in held for line in _of_holding(each)),
        *map(_of_silence, silences),
        *map(_of_entry, incident.entries),
    ]
    return tuple(sorted(found, key=lambda each: each.at))


def people(lines: Iterable[Line]) -> tuple[str, ...]:
    """Return the names of those who did something, in the order in which they first did."""
    named = (part.text for line in lines for part in line.parts if part.strong)
    return tuple(dict.fromkeys(named))


def door(name: str) -> str:
    """Return a door's name for readers."""
    return _DOORS.get(name, name)


def _opened(incident: Incident) -> Iterator[Line]:
    origin = incident.origin
    of = {
        OriginKind.ALERT: (words(" from "), Part("an alert", Target(TargetKind.ALERT, origin.key))),
        OriginKind.GROUP: (words(f" from {origin.key}"),),
        OriginKind.TRACE: (words(" from "), Part("a trace", Target(TargetKind.TRACE, origin.key))),
        OriginKind.NOTHING: (),
    }[origin.kind]
    parts = (person(incident.opener), words(" opened the incident"), *of)
    yield Line(incident.opened_at, LineKind.OPENED, parts, door(incident.door))


def _of_alerts(group: GroupDuring, steps: Sequence[RolloutStep]) -> Iterator[Line]:
    if not group.fired:
        return
    link = Part(group.name, Target(TargetKind.ALERT, group.fingerprint))
    several = f" ({group.alerts:,} alerts)" if group.alerts > 1 else ""
    summary = group.summary[:LONGEST_SUMMARY]
    said = f": {summary}" if summary else ""
    after = "".join(f" · {each}" for each in _after(group.fired, steps))
    parts = (link, words(f" started firing{several}{said}{after}"))
    yield Line(group.fired, LineKind.FIRING, parts, PROMETHEUS, group.severity)
    if group.ended:
        times = len(group.firing)
        lasted = f" after {format_duration(group.ended - group.fired)}"
        if times > 1:
            lasted += f", having fired {times} times for {format_duration(group.fired_for)} in all"
        yield Line(group.ended, LineKind.RESOLVED, (link, words(f" resolved{lasted}")), PROMETHEUS)


def _after(at: int, steps: Iterable[RolloutStep]) -> Iterator[str]:
    """Yield `1 min after petstore 1.3.0 started`, for the newest rollout shortly before."""
    before = [each for each in steps if each.step is Step.STARTED and 0 <= at - each.at <= SOON]
    if before:
        last = max(before, key=lambda each: each.at)
        since = at - last.at
        when = format_duration(since) if since >= timerange.MINUTE else "right"
        yield f"{when} after {last.service} {last.version} started"


def _of_rollout(step: RolloutStep) -> Line:
    link = Part(step.service, Target(TargetKind.VERSIONS))
    instances = f"{step.running} of {step.total} instances"
    said = {
        Step.STARTED: f" started rolling {step.before or '?'} → {step.version} ({instances})",
        Step.GOING_BACK: f" started going back {step.before} → {step.version} ({instances})",
        Step.FINISHED: f" runs {step.version} everywhere ({instances})",
        Step.WENT_BACK: f" went back to {step.version} ({instances})",
    }[step.step]
    is_back = step.step in (Step.GOING_BACK, Step.WENT_BACK)
    kind = LineKind.BACK if is_back else LineKind.ROLLOUT
    return Line(step.at, kind, (link, words(said)), PROMETHEUS)


def _of_sampling(during: ServiceDuring) -> Iterator[Line]:
    link = Part(during.service, Target(TargetKind.SAMPLING, during.service))
    for each in during.sampled:
        if each.change is None:
            continue
        if each.returned:
            # What had ended before this time is left out.
            if each.start == timerange.from_datetime(each.change.until or each.change.at):
                parts = (words("sampling of "), link, words(f" returned to {each.policy}"))
                yield Line(each.start, LineKind.SAMPLING, parts, BY_ITSELF)
        elif each.start == timerange.from_datetime(each.change.at):
            yield _of_change(each, link)


def _of_change(each: SampledFor, link: Part) -> Line:
    change = each.change
    assert change is not None  # noqa: S101 - the caller has looked
    who = (words("the site file"),) if change.door == FILE else (person(change.actor),)
    verb = _verb(change.previous, change.policy)
    lasts = change.until - change.at if change.until else None
    term = (
        f" for {format_duration(round(lasts.total_seconds()) * timerange.SECOND)}" if lasts else ""
    )
    # Those that ask for it have it a little later.
    at_once = f"{change.confirmed} of {change.total} confirmed{' at once' if change.asking else ''}"
    confirmed = f" · {at_once}" if change.instances else ""
    parts = (
        *who,
        words(f" {verb} sampling of "),
        link,
        words(f" from {change.previous} to {change.policy}{term}{confirmed}"),
        *((words(": "), Part(change.reason, quoted=True)) if change.reason else ()),
    )
    return Line(
        each.start, LineKind.SAMPLING, parts, "" if change.door == FILE else door(change.door)
    )


def _of_request(asked: RequestedChange) -> Line:
    at = timerange.from_datetime(asked.asked_at)
    verb = {"raised": "raise", "lowered": "lower"}.get(
        _verb(asked.previous, asked.policy), "change"
    )
    until = asked.term.until(at)
    term = f" for {format_duration(until - at)}" if until else ""
    parts = (
        person(asked.asker),
        words(f" asked to {verb} sampling of "),
        Part(asked.service, Target(TargetKind.SAMPLING, asked.service)),
        words(f" from {asked.previous} to {asked.policy}{term}; "),
        *_decided(asked),
    )
    return Line(at, LineKind.REQUEST, parts, door(asked.door))


def _decided(asked: RequestedChange) -> Iterator[Part]:
    if asked.state is State.OPEN:
        yield words("it waits for approval")
    elif asked.state is State.EXPIRED:
        yield words("nobody decided in time")
    elif not asked.decided_by:
        yield words("it was withdrawn, because they no longer have an account")
    else:
        yield person(asked.decided_by)
        yield words(_DECIDED[asked.state])
        if asked.why_not:
            yield from (words(": "), Part(asked.why_not, quoted=True))


def _verb(before: Spread, after: Policy) -> str:
    old = before.policy.share if before.policy else None
    if old is None or after.share is None or old == after.share:
        return "changed"
    return "raised" if after.share > old else "lowered"


def _of_holding(held: Acknowledgement) -> Iterator[Line]:
    note = (words(": "), Part(held.note, quoted=True)) if held.note else ()
    given = (words(", handed over by "), person(held.given_by)) if held.given_by else ()
    parts = (person(held.person), words(f" has {held.what}"), *given, *note)
    yield Line(held.since, LineKind.HELD, parts)
    if held.ended and held.end not in (RESOLVED, OVER):
        parts = (person(held.person), words(f" no longer has {held.what}: {held.why}"))
        yield Line(held.ended, LineKind.HELD, parts)


def _of_silence(silence: Silence) -> Line:
    lasts = format_duration(silence.ends_at - silence.starts_at)
    matchers = ", ".join(map(str, silence.matchers))[:LONGEST_SUMMARY]
    comment = silence.comment[:LONGEST_SUMMARY]
    why = (words(": "), Part(comment, quoted=True)) if comment else ()
    # The name is what the one who made it gave: an account of ours, or any text.
    by = silence.created_by[:LONGEST_SUMMARY] or "somebody unnamed"
    parts = (words(f"{by} silenced {matchers} for {lasts}"), *why)
    return Line(silence.starts_at, LineKind.SILENCE, parts, "Alertmanager")


def _of_entry(entry: Entry) -> Line:
    who = person(entry.author)
    if entry.kind is EntryKind.NOTE:
        parts: tuple[Part, ...] = (who, words(": "), Part(entry.text, quoted=True))
    elif entry.kind is EntryKind.PINNED:
        trace = Part(f"trace {entry.text[:8]}", Target(TargetKind.TRACE, entry.text))
        parts = (who, words(" pinned "), trace)
    else:
        parts = (who, words(f" {entry.kind} the incident"))
    return Line(entry.at, LineKind(entry.kind), parts, door(entry.door))
