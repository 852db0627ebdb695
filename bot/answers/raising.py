"""What came of sampling services at 100% for a while, and the way to their traces."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bot.answers.phrases import (
    LONGEST_SENTENCE,
    elsewhere,
    new_traces,
    new_traces_page,
    site_key,
)
from bot.answers.sampling import sampling_change
from bot.answers.times import at, when
from bot.replies import FollowUp, PageLink, Reply, Row, Sentence
from ops.overview.actions import EVERYTHING, TERM, Raise, Raised
from ops.vocabulary.texts import shortened


def raise_sampling(subject: str, shown: str, site: str) -> FollowUp:
    """Return the button that samples what an alert or a service is about at 100% for a while."""
    return FollowUp(
        f"Sample {shortened(shown, 30)} at {EVERYTHING} {TERM}",
        f"sampling up {subject}{site_key(site)}",
    )


def raised(of: Raise, done: Sequence[Raised], since: int) -> Reply:
    """Return what came of it, service by service."""
    if len(done) == 1 and done[0].change:
        reply = sampling_change(done[0].change)
        return replace(
            reply,
            notes=(*((of.why,) if of.why else ()), *reply.notes),
            links=_links(of, since) or reply.links,
            follow_ups=(*_traces(of, since), *reply.follow_ups),
        )
    made = [each for each in done if not (each.error or each.request)]
    names = " and ".join(each.service for each in made or done)
    said = f"{names} {'is' if len(made) < 2 else 'are'} sampled at {EVERYTHING}"
    if not made:
        said = f"Not changed yet: sampling of {names} at {EVERYTHING} {TERM}"
    return Reply(
        f"{said}{elsewhere(of.site)}",
        rows=tuple(map(_row, done)),
        columns=("Service", "Result", "Details"),
        notes=tuple(filter(None, (of.why, f"Reason: {of.reason}" if of.reason else ""))),
        links=_links(of, since),
        failed=any(each.error for each in done),
        follow_ups=(*_decisions(done), *(_traces(of, since) if made else ())),
    )


def _row(of: Raised) -> Row:
    if of.error:
        return Row((of.service, "not changed"), (shortened(str(of.error), LONGEST_SENTENCE),))
    if of.request:
        waits = "waits for approval" if of.request.over else "waits for you"
        why = (of.request.over.asked,) if of.request.over else ()
        return Row((of.service, Sentence(f"{waits} until ", at(of.request.expires))), why)
    if of.change:
        end = (", until ", at(of.change.until)) if of.change.until else ()
        confirmed = f"confirmed by {of.change.confirmed} of {of.change.total}"
        asking = ("the others follow when they ask",) if of.change.asking else ()
        return Row((of.service, Sentence(confirmed, *end)), asking)
    now = of.kept.in_force if of.kept else None
    until = (" until ", when(now.until)) if now and now.until else ()
    return Row((of.service, Sentence("keeps every trace already", *until)))


def _decisions(done: Iterable[Raised]) -> Iterator[FollowUp]:
    for each in done:
        if each.request:
            word = "approve" if each.request.over else "apply"
            style = "" if each.request.over else "primary"
            yield FollowUp(
                f"{word.capitalize()} {each.service}", f"{word} {each.request.key}", style
            )


def _traces(of: Raise, since: int) -> Iterator[FollowUp]:
    for each in of.about:
        yield new_traces(each, of.site, since)


def _links(of: Raise, since: int) -> tuple[PageLink, ...]:
    return tuple(link for each in of.about for link in new_traces_page(each, of.site, since))
