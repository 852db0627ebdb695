"""A service's sampling, and what a change of it did."""

from collections.abc import Sequence
from datetime import datetime

from bot.answers.phrases import LONGEST_SENTENCE, elsewhere, new_traces_page, site_key
from bot.answers.times import ago, at, when
from bot.links import page
from bot.replies import Ends, FollowUp, PageLink, Reply, Row, Sentence, Timed
from ops.sampling.actions import InstanceSampling, SamplingChange, ServiceSampling
from ops.sampling.ending import warn_at
from ops.sampling.proof import Way
from ops.sampling.revisions import FILE
from ops.vocabulary import timerange
from ops.vocabulary.figures import count
from ops.vocabulary.policies import Policy
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import TimeRange

MOST_WAYS_BACK = 5


def service_sampling(
    found: ServiceSampling, changes: Sequence[SamplingChange], back: Policy | None
) -> Reply:
    """Return what is in force and until when, each instance's policy, and the last changes.

    `back` is the policy that undo would restore, None for none.
    """
    number = len(found.instances)
    since: tuple[str, ...] = ()
    if found.known_at and found.in_force is None:  # else it is sent again and again
        since = (" ", ago(found.known_at), ", not checked since")
    state = " is unknown" if found.policies.is_unknown else f": {found.policies}"
    sampled = f"Sampling of {found.service}{state}, {found.confirmed_by}"
    nothing = f"{found.service} has no instances to sample: the site file names none"
    if found.in_force:
        nothing = (
            f"Sampling of {found.service}: {found.in_force.policy}, no instance asks for it yet"
        )
    return Reply(
        Sentence(sampled if number else nothing, *since, elsewhere(found.site)),
        rows=tuple(map(_instance_row, _failed_first(found.instances))),
        columns=("Instance", "Sampling", "Sent", "Reason"),
        notes=(*_in_force(found), *map(_past_change, changes)),
        links=page("sampling", "sampling", found.site),
        follow_ups=_ways_back(found, back),
    )


def sampling_history(
    now: ServiceSampling,
    changes: Sequence[SamplingChange],
    range: TimeRange | None = None,
    *,
    more: bool = False,
) -> Reply:
    """Return the last changes of a service, with a button back to each of their policies.

    With a range, they are those in it. There may be `more`.
    """
    newest: dict[Policy, int] = {}
    for each in changes:
        newest.setdefault(each.policy, each.revision)
    current = now.in_force.policy if now.in_force else None
    last = "Last " if more else ""
    changed = f"{last}{count(len(changes), 'change')} of sampling of {now.service}"
    nobody = f"Nobody {'changed' if range else 'has changed'} the sampling of {now.service}"
    start, end = map(when, range.start_end()) if range else ("", "")
    return Reply(
        Sentence(
            changed if changes else nobody,
            elsewhere(now.site),
            *((" from ", start, " to ", end) if range else ()),
            ", newest first" if changes else "",
        ),
        rows=tuple(map(_history_row, changes)),
        columns=("Revision", "Change", "When", "Why"),
        notes=_in_force(now),
        links=page("sampling", "sampling", now.site),
        follow_ups=tuple(
            FollowUp(
                f"Back to {policy}",
                f"revert sampling {now.service} to {revision}{site_key(now.site)}",
            )
            for policy, revision in [*newest.items()][:MOST_WAYS_BACK]
            if policy != current
        ),
    )


def sampling_change(change: SamplingChange) -> Reply:
    """Return what a change did: the old and new policy, and what each instance answered."""
    return Reply(
        Sentence(
            f"Sampling of {change.service}: {change.previous} -> {change.policy}, "
            f"{_confirmed(change)}{elsewhere(change.site)}",
            *_end(change.until, change.then, ", "),
        ),
        rows=tuple(
            Row((each.address, "confirmed" if each.confirmed else "NOT CONFIRMED"), _why(each))
            for each in _failed_first(change.instances)
        ),
        columns=("Instance", "State", "Reason"),
        notes=(f"Reason: {change.reason}",) if change.reason else (),
        links=(*page("sampling", "sampling", change.site), *_arriving(change)),
        timed=_timed(change),
        follow_ups=(
            _revert(change.service, change.site, change.then)
            if change.until and change.then
            else undo(change.service, change.site)
            if change.undo
            else ()
        ),
    )


def _arriving(change: SamplingChange) -> tuple[PageLink, ...]:
    """Return the page on which its traces arrive, if every trace is kept for a while."""
    if not change.until or not change.policy.keeps_everything:
        return ()
    since = timerange.from_datetime(change.at.replace(microsecond=0))
    return new_traces_page(change.service, change.site, since)


def _timed(change: SamplingChange) -> Timed | None:
    if change.until is None or not change.revision:
        return None
    since, until = map(timerange.from_datetime, (change.at, change.until))
    return Timed(Ends.SAMPLING, change.revision, timerange.to_datetime(warn_at(since, until)))


def _in_force(found: ServiceSampling) -> tuple[Sentence | str, ...]:
    now, change = found.in_force, found.change
    if now is None:
        return ()
    set_by = (f", set by {who(change)} ", ago(change.at), because(change)) if change else ()
    until = timerange.to_datetime(now.until) if now.until else None
    overdue = "; the return is overdue" if found.is_overdue else ""
    return (Sentence(f"In force: {now.policy}{overdue}", *_end(until, now.then, " "), *set_by),)


def _end(until: datetime | None, then: Policy | None, before: str) -> tuple[str, ...]:
    """Return `until 18:00:00 UTC, then 10%`, nothing for a permanent change."""
    return (f"{before}until ", at(until), f", then {then}") if until and then else ()


def who(change: SamplingChange) -> str:
    """Return `olga from slack`."""
    return "the site file" if change.door == FILE else f"{change.actor} from {change.door}"


def because(change: SamplingChange) -> str:
    """Return `: SlowSearch since 1.3.0`, or "" without a reason."""
    return f": {change.reason}" if change.reason else ""


def _ways_back(found: ServiceSampling, back: Policy | None) -> tuple[FollowUp, ...]:
    now = found.in_force
    if not (now and now.until and now.then):
        return undo(found.service, found.site) if back else ()
    more = longer(found.service, found.site, now.revision)
    return more, *_revert(found.service, found.site, now.then)


def longer(service: str, site: str, revision: int) -> FollowUp:
    """Return the button that lets a timed change last longer."""
    line = f"extend sampling {service} revision={revision}{site_key(site)}"
    return FollowUp("15 minutes more", line)


def _revert(service: str, site: str, then: Policy) -> tuple[FollowUp, ...]:
    line = f"revert sampling {service}{site_key(site)}"
    return (FollowUp(f"Return to {then} now", line),)


def undo(service: str, site: str) -> tuple[FollowUp, ...]:
    """Return the button that asks on a card whether to restore the last policy in force."""
    return (FollowUp("Undo", f"undo sampling {service}{site_key(site)}"),)


def _failed_first(instances: Sequence[InstanceSampling]) -> list[InstanceSampling]:
    return sorted(instances, key=lambda instance: instance.is_reached)


def _instance_row(instance: InstanceSampling) -> Row:
    if instance.policy is None or instance.told_at is None:
        return Row((instance.address, "no change sent yet"), _why(instance))
    state = str(instance.policy) if instance.is_reached else f"{instance.policy} NOT CONFIRMED"
    return Row((instance.address, state, ago(instance.told_at)), _why(instance))


def _why(instance: InstanceSampling) -> tuple[str, ...]:
    if instance.way is not Way.PUSH:
        way = instance.way.words + (", unauthenticated" if instance.unauthenticated else "")
        answer = f": {instance.answer}" if instance.policy else ""
        return (shortened(way + answer, LONGEST_SENTENCE),)
    return (shortened(instance.reason, LONGEST_SENTENCE),) if instance.reason else ()


def _confirmed(change: SamplingChange) -> str:
    if not change.instances:
        return "which its instances get when they ask"
    confirmed = f"confirmed by {change.confirmed} of {count(change.total, 'instance')}"
    return f"{confirmed} at once; the others follow when they ask" if change.asking else confirmed


def _by(change: SamplingChange) -> str:
    """Return `by olga (slack), confirmed by 2 of 3`; nobody confirms before it is sent."""
    actor = "the site file" if change.door == FILE else f"{change.actor} ({change.door})"
    if not change.instances:
        return f"by {actor}"
    at_once = " at once" if change.asking else ""
    return f"by {actor}, confirmed by {change.confirmed} of {change.total}{at_once}"


def _past_change(change: SamplingChange) -> str:
    return Sentence(
        ago(change.at),
        f": {change.previous} -> {change.policy} {_by(change)}",
        because(change),
    )


def _history_row(change: SamplingChange) -> Row:
    until = Sentence(*_end(change.until, change.then, "")) if change.until else ""
    return Row(
        (
            str(change.revision),
            f"{change.previous} -> {change.policy}",
            ago(change.at),
            shortened(change.reason, LONGEST_SENTENCE),
        ),
        (
            *((until,) if until else ()),
            _by(change),
        ),
    )
