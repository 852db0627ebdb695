"""Incidents: the list, one as a story, and what came of working on it."""

from collections.abc import Iterator

from bot.answers.phrases import LONGEST_SENTENCE, elsewhere, site_key
from bot.answers.times import ago, lasting, past, when
from bot.links import page
from bot.replies import FollowUp, PageLink, Reply, Row, Sentence
from ops.incidents.actions import QUIET, Incident, IncidentList, Offer, Story
from ops.vocabulary import timerange
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

MOST_LINES = 25  # of a story: the newest
MOST_LISTED = 15
LONGEST_TITLE = 80


def opened(incident: Incident) -> Reply:
    """Return that an incident is open."""
    services = (
        f" It gathers what happens to {', '.join(incident.services)}."
        if incident.services
        else " It names no service, so it gathers only what people write."
    )
    thread = " This thread is its thread." if incident.thread else ""
    return Reply(
        f"Incident {incident.number} is open: {shortened(incident.title, LONGEST_TITLE)}"
        f"{elsewhere(incident.site)}.{services}{thread}",
        notes=(f'To add a note: "{_line(incident, "note")} …", with a mention of the bot',),
        links=_page(incident),
        follow_ups=(FollowUp("Show it", _line(incident)), _close(incident)),
    )


def noted(incident: Incident, what: str) -> Reply:
    """Return that something was written into an incident."""
    return Reply(
        f"{what} in incident {incident.number}, {shortened(incident.title, LONGEST_TITLE)}"
        f"{elsewhere(incident.site)}",
        links=_page(incident),
        follow_ups=(FollowUp("Show it", _line(incident)),),
    )


def incident_list(found: IncidentList) -> Reply:
    """Return the incidents of a site, open ones first."""
    number = sum(each.is_open for each in found.incidents)
    shown = found.incidents[:MOST_LISTED]
    more = len(found.incidents) - len(shown)
    return Reply(
        f"{count(number, 'incident')} open{elsewhere(found.site)}"
        if number
        else f"No incident is open{elsewhere(found.site)}",
        rows=tuple(map(_row, shown)),
        columns=("Incident", "Title", "State"),
        notes=(f"and {count(more, 'older incident')}",) if more > 0 or found.more else (),
        links=page("all incidents", "incidents", found.site),
        items=tuple(map(_line, shown)),
    )


def shown_story(story: Story) -> Reply:
    """Return the state of an incident, and the newest lines of its story."""
    incident = story.incident
    shown = story.lines[-MOST_LINES:]
    return Reply(
        f"{shortened(story.headline, LONGEST_SENTENCE)}{elsewhere(incident.site)}",
        rows=tuple(Row((past(line.at), shortened(line.text, LONGEST_SENTENCE))) for line in shown),
        columns=("When", "What"),
        notes=tuple(_notes(story, len(story.lines) - len(shown))),
        links=(*_page(incident), *(() if incident.is_open else _written(incident))),
        follow_ups=tuple(_next(story)),
    )


def may_close(offer: Offer) -> Reply:
    """Return the offer to close an incident whose alerts have been quiet for long enough."""
    incident = offer.incident
    title = shortened(incident.title, LONGEST_TITLE)
    return Reply(
        Sentence(
            f"All alerts of incident {incident.number}, {title}, have been quiet since ",
            when(offer.quiet_since),
            ". Close it if it is over",
        ),
        links=_page(incident),
        follow_ups=(_close(incident), FollowUp("Show it", _line(incident))),
    )


def _notes(story: Story, older: int) -> Iterator[str]:
    if older:
        yield f"and {count(older, 'earlier entry') if older == 1 else f'{older:,} earlier entries'}"
    if story.hidden:
        yield f"You are not allowed to see {' and '.join(story.hidden)}"
    yield from (shortened(each, LONGEST_SENTENCE) for each in story.problems)
    if story.may_be_over:
        quiet = timerange.format_duration(QUIET)
        yield f"All of its alerts have been quiet for {quiet}: close it if it is over"


def _next(story: Story) -> Iterator[FollowUp]:
    incident = story.incident
    if not incident.is_open:
        yield FollowUp("Reopen", _line(incident, "reopen", last=True))
    else:
        yield _close(incident)
    yield from (
        FollowUp(f"Diagnose {shortened(name, 40)}", f"diagnose {name}{site_key(incident.site)}")
        for name in incident.services[:2]
    )


def _row(incident: Incident) -> Row:
    title = shortened(incident.title, LONGEST_TITLE)
    if incident.is_open:
        state = Sentence("open since ", past(incident.opened_at))
    else:
        lasted = lasting(incident.closed_at - incident.opened_at)
        closed = ago(timerange.to_datetime(incident.closed_at))
        state = Sentence("closed ", closed, f" by {incident.closer}, after {lasted}")
    return Row((str(incident.number), title, state))


def _close(incident: Incident) -> FollowUp:
    return FollowUp("Close incident", _line(incident, "close", last=True))


def _line(incident: Incident, verb: str = "", *, last: bool = False) -> str:
    """Return `incident 3`, `incident 3 note`, `incident close 3`, with the site if needed."""
    number, site = str(incident.number), site_key(incident.site).strip()
    words = ("incident", verb, number, site) if last else ("incident", number, site, verb)
    return " ".join(filter(None, words))


def _written(incident: Incident) -> tuple[PageLink, ...]:
    number = str(incident.number)
    return page("write-up", "incidents-write-up", incident.site, number=number)


def _page(incident: Incident) -> tuple[PageLink, ...]:
    label = f"incident {incident.number}"
    return page(label, "incidents-one", incident.site, number=str(incident.number))
