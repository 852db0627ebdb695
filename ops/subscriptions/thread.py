"""What is in the thread of a message about one group: its alerts, and what happened when."""

from collections.abc import Iterator, Sequence

from ops.alerts.fired import Fired
from ops.subscriptions.around import Around
from ops.subscriptions.messages import LONGEST_LINE, LONGEST_NAME, At, Detail, Text
from ops.subscriptions.runs import LASTS, Run
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import GIVEN_BACK, HANDED_OVER, OVER, Acknowledgement
from ops.vocabulary.alerts import Alert
from ops.vocabulary.figures import count
from ops.vocabulary.matchers import label_text
from ops.vocabulary.notifications import ALERTNAME
from ops.vocabulary.texts import shortened

MOST_LISTED = 20  # alerts
MOST_EVENTS = 10
_TEXTS = ("description", "runbook_url", "dashboard_url")  # annotations, besides the summary


def details_of(run: Run, around: Around) -> tuple[Detail, ...]:
    """Return the replies in its thread, in their order."""
    events = sorted((*_times(run), *_hands(run, around), *_silences(run, around)))
    return (_alerts(run), *(Detail(key, (line,)) for _, key, line in events[-MOST_EVENTS:]))


def _alerts(run: Run) -> Detail:
    """List the alerts with their labels: those of now, else those that fired."""
    listed = run.now or [*{each.alert.fingerprint: each for each in run.fired}.values()]
    number = count(len(listed), "alert")
    shown: list[Text] = [(f"{number} {'firing' if run.now else 'fired'}",)]
    shown += [(_labels(each),) for each in listed[:MOST_LISTED]]
    if left := len(listed) - len(listed[:MOST_LISTED]):
        shown.append((f"and {left:,} more",))
    return Detail("alerts", (*shown, *_texts(run.telling)))


def _labels(each: Fired) -> str:
    labels = [label_text(*label) for label in each.alert.labels.items() if label[0] != ALERTNAME]
    return shortened(", ".join(labels) or each.alert.name, LONGEST_LINE)


def _texts(alert: Alert) -> Iterator[Text]:
    for name in _TEXTS:
        text = alert.annotations.get(name, "")
        if text and text != alert.summary:
            yield (shortened(text, LONGEST_LINE),)


_Event = tuple[int, str, Text]  # when, which, and what happened


def _times(run: Run) -> Iterator[_Event]:
    """Yield when it resolved and when it fired again, except while it flapped."""
    for number, (start, end) in enumerate(run.intervals):
        if number and not run.flaps(start):
            yield start, f"again-{start:x}", ("Firing again since ", At(start))
        if end != LASTS and not run.flaps(end):
            lasted = timerange.format_duration(end - start)
            yield end, f"end-{end:x}", ("Resolved at ", At(end), f", after {lasted}")


def _hands(run: Run, around: Around) -> Iterator[_Event]:
    """Yield who had it from when, and why no longer."""
    theirs = {each.alert.fingerprint for each in run.fired}
    for each in around.acknowledgements:
        ours = each.name == run.name and (each.is_of_group or each.fingerprint in theirs)
        if not ours or not each.overlaps(run.start, run.end or None):
            continue
        person = shortened(each.person, LONGEST_NAME)
        has = f"{person} has {_what(each)}{_given(each, around.acknowledgements)}, since "
        yield each.since, f"ack-{each.id}", (has, At(each.since))
        if each.end == GIVEN_BACK:
            yield each.ended, f"ack-end-{each.id}", (f"{person} gave it back at ", At(each.ended))
        elif each.end == OVER:
            line = (f"{person} had it until ", At(each.ended), ". Nobody has it now")
            yield each.ended, f"ack-end-{each.id}", line


def _what(each: Acknowledgement) -> str:
    return "it" if each.is_of_group else "one of them"


def _given(each: Acknowledgement, every: Sequence[Acknowledgement]) -> str:
    """Return how somebody got it and why: `, handed over by olga (my shift ends)`."""
    former = next((other for other in every if _passed(other, each)), None)
    source = f" from {shortened(former.person, LONGEST_NAME)}" if former else ""
    why = f" ({shortened(each.note, LONGEST_LINE)})" if each.note else ""
    if each.given_by:
        by = shortened(each.given_by, LONGEST_NAME)
        source = source if former and former.person != each.given_by else ""
        return f", handed over{source} by {by}{why}"
    return f", taken over{source}{why}" if source else ""


def _passed(one: Acknowledgement, other: Acknowledgement) -> bool:
    """Return whether the other began with the hand-over of the one."""
    same = (one.name, one.fingerprint) == (other.name, other.fingerprint)
    return same and one.end == HANDED_OVER and one.ended == other.since and one.id != other.id


def _silences(run: Run, around: Around) -> Iterator[_Event]:
    found = {
        silence.id: silence
        for each in run.now
        if (held := around.holds_back(each.alert))
        for silence in held.silences
    }
    for silence in found.values():
        by = shortened(silence.created_by or "somebody unnamed", LONGEST_NAME)
        why = shortened(f": {silence.comment}" if silence.comment else "", LONGEST_LINE)
        line = (f"Silenced by {by} until ", At(silence.ends_at), why)
        yield silence.starts_at, f"silence-{shortened(silence.id, LONGEST_NAME)}", line
