"""Silences: the list, the question before one is made, and what was made."""

from collections.abc import Iterable, Sequence

from bot.answers.phrases import LONGEST_SENTENCE, and_more, elsewhere, site_key
from bot.answers.times import when
from bot.replies import Ends, FollowUp, Reply, Row, Sentence, Timed
from ops.alerts.answers import SourceFailure
from ops.language.changes import as_reason
from ops.silences.actions import MadeSilence, Preview, ShownSilence, SilenceList
from ops.silences.ending import MORE
from ops.vocabulary import timerange
from ops.vocabulary.figures import count
from ops.vocabulary.matchers import Matcher, label_text
from ops.vocabulary.notifications import ACTIVE, ALERTNAME, Notification
from ops.vocabulary.texts import shortened

MOST_LISTED = 20


def silence_list(found: SilenceList) -> Reply:
    """Return the silences, the next to end first."""
    number = len(found.silences)
    known = " that we know of" if found.failures else ""
    silences = count(number, "silence") if number else "No silences"
    return Reply(
        f"{silences}{found.idle_words}{known}{elsewhere(found.site)}",
        rows=tuple(map(_row, found.silences[:MOST_LISTED])),
        columns=("Ends", "By", "Alerts", "What"),
        notes=(*and_more(number - MOST_LISTED, "silence"), *_unanswered(found.failures)),
    )


def question(found: Preview, ends_at: int, reason: str) -> Reply:
    """Return what a silence would hide now, with the button that creates it."""
    number = len(found.hides)
    hides = count(number, "alert") if number else "nothing that is firing now"
    site = site_key(found.site)
    asked = ("silence", _line(found.matchers), f"until={_moment(ends_at)}", as_reason(reason))
    line = f"{' '.join(filter(None, asked))}{site} confirm"
    return Reply(
        Sentence(f"Silence {hides} until ", when(ends_at), "?"),
        rows=tuple(map(_hidden, found.hides[:MOST_LISTED])),
        notes=(
            *and_more(number - MOST_LISTED, "alert"),
            matchers_line(found.matchers),
            *(f"{each}." for each in found.questions),
            *((f"Reason: {reason}",) if reason else ()),
            *_unanswered(found.failures),
            "Nothing is silenced yet.",
        ),
        follow_ups=(FollowUp("Silence", line, "danger"),),
    )


def made_silence(done: MadeSilence, *, ended: bool = False) -> Reply:
    """Return a silence as it is now, with the ways to change it."""
    silence, site = done.silence, site_key(done.site)
    alerts = count(done.hides, "alert")
    notes = [matchers_line(silence.matchers)]
    if done.replaced:
        notes.append(f"Alertmanager gave it a new ID: {silence.id} in place of {done.replaced}")
    if ended:
        return Reply(f"Silence ended: {alerts} can notify again", notes=tuple(notes))
    return Reply(
        Sentence(f"{alerts} silenced until ", when(silence.ends_at)),
        notes=(*notes, f"silence {silence.id} by {silence.created_by}"),
        follow_ups=(
            an_hour_more(silence.id, silence.ends_at, done.site),
            FollowUp("End it", f"end silence {silence.id}{site}"),
        ),
        timed=_timed(done),
    )


def an_hour_more(key: str, ends_at: int, site: str) -> FollowUp:
    """Return the button that lets a silence end an hour later; pressed twice, it does so once."""
    later = _moment(ends_at + MORE)
    return FollowUp("1 hour more", f"extend silence {key} until={later}{site_key(site)}")


def an_hour(matchers: Sequence[Matcher], site: str) -> FollowUp:
    """Return the button that asks whether to silence alerts for an hour."""
    return FollowUp("Silence 1 h", f"silence {_line(matchers)} for=1h{site_key(site)}")


def matchers_line(matchers: Sequence[Matcher]) -> str:
    """Return the matchers of a silence as a note."""
    return f"Matchers: {shortened(_line(matchers), LONGEST_SENTENCE)}"


def _timed(done: MadeSilence) -> Timed | None:
    if not done.number:
        return None
    return Timed(Ends.SILENCE, done.number, timerange.to_datetime(done.warn_at))


def _moment(nanoseconds: int) -> str:
    """Write a moment in whole seconds: a person reads it on a button."""
    return timerange.format_moment(nanoseconds // timerange.SECOND * timerange.SECOND)


def _row(shown: ShownSilence) -> Row:
    silence = shown.silence
    planned = () if silence.state == ACTIVE else ("planned: it has not started",)
    alerts = f"{shown.alerts:,}" if shown.alerts else "none"
    idle = ("matches no alert now",) if shown.is_idle else ()
    return Row(
        (when(silence.ends_at), silence.created_by or "unnamed", alerts, _line(silence.matchers)),
        tuple(
            shortened(line, LONGEST_SENTENCE)
            for line in (silence.comment, *planned, *idle, f"ID {silence.id}")
            if line
        ),
    )


def _hidden(alert: Notification) -> Row:
    labels = ", ".join(
        label_text(name, value) for name, value in alert.labels.items() if name != ALERTNAME
    )
    return Row((alert.name, shortened(labels, LONGEST_SENTENCE)))


def _line(matchers: Sequence[Matcher]) -> str:
    return ", ".join(map(str, matchers))


def _unanswered(failures: Iterable[SourceFailure]) -> tuple[str, ...]:
    return tuple(
        f"Alertmanager {each.source} did not answer: {shortened(each.reason, LONGEST_SENTENCE)}"
        for each in failures
    )
