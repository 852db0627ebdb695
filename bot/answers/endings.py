"""The end of a timed change: the warning before it, and what its message shows after it."""

from bot.answers.phrases import count, elsewhere
from bot.answers.sampling import because, longer, who
from bot.answers.times import at, soon
from bot.links import page
from bot.replies import Reply, Sentence
from ops.sampling.actions import Ending, SamplingChange, ServiceSampling

MOST_NAMED = 5


def warning(change: SamplingChange) -> Reply:
    """Return the warning that a timed change is about to end, with the button for more time."""
    until = (soon(change.until),) if change.until else ()
    return Reply(
        Sentence(f"{change.service} returns to {change.then} ", *until, elsewhere(change.site)),
        notes=(
            Sentence(f"Now {change.policy}, set by {who(change)} ", at(change.at), because(change)),
        ),
        links=page("sampling", "sampling", change.site),
        follow_ups=(longer(change.service, change.site, change.revision),),
    )


def ended(ending: Ending) -> Reply:
    """Return what the message of a timed change shows after its end."""
    change, after = ending.change, ending.successor
    what = f"Sampling of {change.service}: {change.previous} -> {change.policy}, ended "
    notes = (Sentence(f"Set by {who(change)} ", at(change.at), because(change)),)
    links = page("sampling", "sampling", change.site)
    where = elsewhere(change.site)
    if after:
        end = f" by {who(after)}: {after.policy}"
        return Reply(Sentence(what, at(after.at), end, where), notes=notes, links=links)
    until = (at(change.until),) if change.until else ()
    now = ending.now
    policy = now.policy if now else change.then
    again = f"; {policy} again" if policy == change.then else f"; now {policy or 'unknown'}"
    return Reply(
        Sentence(what, *until, again, _on(now), where),
        notes=(*_overdue(now), *notes),
        links=links,
        failed=not ending.is_settled,
    )


def _on(now: ServiceSampling | None) -> str:
    if now is None:
        return ", on which instances is unknown"
    total = len(now.instances)
    if now.askers:
        return f", {now.confirmed_by}"
    return f" on {now.confirmed} of {count(total, 'instance')}" if total else ""


def _overdue(now: ServiceSampling | None) -> tuple[str, ...]:
    if now is None:
        return ()
    late = [each.address for each in now.late]
    return (f"Return overdue on {', '.join(late[:MOST_NAMED])}",) if late else ()
