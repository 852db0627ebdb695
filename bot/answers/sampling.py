"""A service's sampling, and what a change of it did."""

from collections.abc import Sequence

from bot.answers.phrases import LONGEST_SENTENCE, count, elsewhere, site_key
from bot.answers.times import ago
from bot.links import page
from bot.replies import FollowUp, Reply, Row, Sentence, shortened
from ops.sampling.actions import InstanceSampling, SamplingChange, ServiceSampling
from ops.sampling.proof import Way
from ops.vocabulary.policies import Policy


def service_sampling(
    found: ServiceSampling, changes: Sequence[SamplingChange], back: Policy | None
) -> Reply:
    """Return the policy last sent to each instance, and the last changes.

    `back` is the policy that undo would restore, None for none. An instance may have restarted
    since it confirmed, so the reply says how long ago that was.
    """
    number = len(found.instances)
    since = (" ", ago(found.known_at), ", not checked since") if found.known_at else ()
    state = f": {found.policies}" if found.confirmed else " is unknown"
    confirmed = f", confirmed by {found.confirmed} of {count(number, 'instance')}"
    sampled = f"Sampling of {found.service}{state}{confirmed}"
    nothing = f"{found.service} has no instances to sample: the site file names none"
    return Reply(
        Sentence(sampled if number else nothing, *since, elsewhere(found.site)),
        rows=tuple(map(_instance_row, _failed_first(found.instances))),
        columns=("Instance", "Sampling", "Sent", "Reason"),
        notes=tuple(map(_past_change, changes)),
        links=page("sampling", "sampling", found.site),
        follow_ups=undo(found.service, found.site) if back else (),
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
        follow_ups=undo(change.service, change.site) if change.undo else (),
    )


def undo(service: str, site: str) -> tuple[FollowUp, ...]:
    """Return the button that asks on a card whether to restore the last policy in force."""
    return (FollowUp("Undo", f"undo sampling {service}{site_key(site)}"),)


def _failed_first(instances: Sequence[InstanceSampling]) -> list[InstanceSampling]:
    return sorted(instances, key=lambda instance: instance.confirmed)


def _instance_row(instance: InstanceSampling) -> Row:
    if instance.policy is None or instance.told_at is None:
        return Row((instance.address, "no change sent yet"), _why(instance))
    state = str(instance.policy) if instance.confirmed else f"{instance.policy} NOT CONFIRMED"
    return Row((instance.address, state, ago(instance.told_at)), _why(instance))


def _why(instance: InstanceSampling) -> tuple[str, ...]:
    if instance.way is not Way.PUSH:
        answer = f": {instance.answer}" if instance.policy else ""
        return (shortened(instance.way.words + answer, LONGEST_SENTENCE),)
    return (shortened(instance.reason, LONGEST_SENTENCE),) if instance.reason else ()


def _past_change(change: SamplingChange) -> str:
    return Sentence(
        ago(change.at),
        f": {change.previous} -> {change.policy} by {change.actor} "
        f"({change.door}), confirmed by {change.confirmed} of {len(change.instances)}",
    )
