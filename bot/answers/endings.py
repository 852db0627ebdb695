"""The end of a timed change or a silence: the warning, and what its message shows after it."""

from bot.answers.phrases import elsewhere
from bot.answers.sampling import because, longer, who
from bot.answers.silences import an_hour_more, matchers_line
from bot.answers.times import at, soon, when
from bot.links import page
from bot.replies import Reply, Sentence
from ops.sampling.actions import Ending, SamplingChange, ServiceSampling
from ops.silences.actions import SilenceEnding
from ops.vocabulary import timerange
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

MOST_NAMED = 5
MOST_OF_A_NAME = 200  # characters


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


def silence_warning(ending: SilenceEnding) -> Reply:
    """Return the warning that a silence is about to end, with the button for more time."""
    return Reply(
        Sentence(
            f"The silence of {_what(ending)} ends ",
            soon(timerange.to_datetime(ending.until)),
            elsewhere(ending.site),
        ),
        notes=(Sentence(f"Made by {ending.by}; set ", when(ending.since)), *_hides(ending)),
        links=page("alerts-silences", "silences", ending.site),
        follow_ups=(an_hour_more(ending.key, ending.until, ending.site),),
    )


def silence_ended(ending: SilenceEnding) -> Reply:
    """Return what the message of a silence shows after its end."""
    by = f" by {ending.ended_by}" if ending.ended_by else ""
    return Reply(
        Sentence(
            f"The silence of {_what(ending)} ended ", when(ending.until), by, elsewhere(ending.site)
        ),
        notes=(f"Made by {ending.by}", matchers_line(ending.matchers)),
        links=page("alerts-silences", "silences", ending.site),
    )


def _what(ending: SilenceEnding) -> str:
    return shortened(ending.what, MOST_OF_A_NAME)


def _hides(ending: SilenceEnding) -> tuple[str, ...]:
    if ending.alerts is None:
        return ()
    if not ending.alerts:
        return ("It matches no alert now.",)
    return (f"It hides {count(ending.alerts, 'alert')} now.",)


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
