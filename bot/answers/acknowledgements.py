"""Who has an alert: in the answers about alerts, and after a change."""

from collections.abc import Iterable

from bot.answers.phrases import LONGEST_SENTENCE, elsewhere, site_key
from bot.answers.times import past, when
from bot.links import page
from bot.replies import FollowUp, PageLink, Reply, Sentence
from ops.acknowledgements.actions import HandOver
from ops.vocabulary.acknowledgements import GIVEN_BACK, Acknowledgement, Holding
from ops.vocabulary.alerts import Alert
from ops.vocabulary.quoting import quote
from ops.vocabulary.texts import shortened

LONGEST_LABEL = 40


def held(found: Acknowledgement) -> tuple[str, ...]:
    """Return `mia has it, since 14:20:51 UTC, until 15:00:00 UTC`, and the note."""
    given = f", from {found.given_by}" if found.given_by else ""
    until = (", until ", when(found.until)) if found.until else ()
    what = "all of this name" if found.is_of_group else "it"
    said = Sentence(f"{found.person} has {what}{given}, since ", past(found.since), *until)
    note = shortened(f"Note of {found.person}: {found.note}", LONGEST_SENTENCE)
    return (said, note) if found.note else (said,)


def have_it(
    alerts: Iterable[Alert], holding: Holding, site: str, *, alone: bool
) -> FollowUp | None:
    """Return the button that has the alerts of one name, None if somebody has all of them.

    It says the name unless these are `alone`.
    """
    free = [each for each in alerts if not holding.of(each)]
    if not free:
        return None
    label = "I have it" if alone else f"I have {shortened(free[0].name, LONGEST_LABEL)}"
    return FollowUp(label, f"ack {quote(free[0].name)}{site_key(site)}")


def has_it(done: Acknowledgement) -> Reply:
    """Return who has an alert after a change, with what can be done next."""
    which = _line(done)
    resolved = " until they resolve" if done.is_of_group else " until it resolves"
    until = (" until ", when(done.until)) if done.until else (resolved,)
    given = f", handed over by {done.given_by}" if done.given_by else ""
    return Reply(
        Sentence(f"{done.person} has {done.what}", *until, given, elsewhere(done.site)),
        notes=(f"Note: {done.note}",) if done.note else (),
        links=_page(done),
        follow_ups=(
            FollowUp("Give back", f"give back {which}"),
            FollowUp("Show it", _show(done)),
        ),
    )


def handed_over(told: HandOver) -> Reply:
    """Return the message to a person who got an alert, or whose alert somebody else has now."""
    done, line = told.now, _line(told.now)
    if told.got:
        said = f"{told.by} handed {done.what} over to you"
        until = (", until ", when(done.until)) if done.until else ()
        next = FollowUp("Give back", f"give back {line}")
    else:
        took = told.by == done.person
        said = (
            f"{told.by} took {done.what} over from you"
            if took
            else (f"{told.by} handed {done.what}, which you had, over to {done.person}")
        )
        until = ()
        next = FollowUp("Take over", f"take over {line}")
    return Reply(
        Sentence(f"{said}{elsewhere(done.site)}", *until),
        notes=(f"Note: {done.note}",) if done.note else (),
        links=_page(done),
        follow_ups=(next, FollowUp("Show it", _show(done))),
    )


def given_back(done: Acknowledgement) -> Reply:
    """Return that nobody has an alert any more."""
    how = "gave it back" if done.end == GIVEN_BACK else "had it"
    return Reply(
        f"Nobody has {done.what} now: {done.person} {how}{elsewhere(done.site)}",
        links=_page(done),
        follow_ups=(
            FollowUp("I have it", f"ack {_line(done)}"),
            FollowUp("Show it", _show(done)),
        ),
    )


def take_over_line(name: str, fingerprint: str, site: str) -> str:
    """Return the command that takes an alert, or all of a name, over."""
    return f"take over {fingerprint or quote(name)}{site_key(site)}"


def _line(done: Acknowledgement) -> str:
    return f"{done.fingerprint or quote(done.name)}{site_key(done.site)}"


def _show(done: Acknowledgement) -> str:
    if done.fingerprint:
        return f"show alert {_line(done)}"
    return f"alerts {_line(done)}"


def _page(done: Acknowledgement) -> tuple[PageLink, ...]:
    if done.fingerprint:
        return page("the alert", "alerts-one", done.site, fingerprint=done.fingerprint)
    return page("the alerts", "alerts", done.site, line=quote(done.name))
