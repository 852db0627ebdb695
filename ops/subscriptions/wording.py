"""What a message about one group of alerts says."""

from collections.abc import Iterator, Sequence

from ops.alerts.watching import without_numbers
from ops.subscriptions.around import Around
from ops.subscriptions.messages import LONGEST_LINE, LONGEST_NAME, At, Button, Message, State, Text
from ops.subscriptions.runs import FLAPPING, REJOIN, Run
from ops.subscriptions.thread import details_of
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert, rank_of
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ALERTNAME
from ops.vocabulary.quoting import quote
from ops.vocabulary.texts import shortened

MOST_NAMED = 3  # values of a label in a line


def state_of(run: Run, around: Around, now: int) -> State:
    """Return what a message about this group says of it."""
    if run.flaps(now):
        return State.FLAPPING
    if not run.now:
        return State.RESOLVED
    if all(each.unknown for each in run.now):
        return State.UNKNOWN
    if all(around.holds_back(each.alert) for each in run.now):
        return State.SILENCED
    if all(around.has(each.alert) for each in run.now):
        return State.ACKNOWLEDGED
    return State.FIRING


def message_of(run: Run, around: Around, now: int) -> Message:
    """Return the message about one group."""
    state, final, at = state_of(run, around, now), is_final(run, now), now
    if state is State.FLAPPING:
        at = run.last_look(now)
        run = run.as_of(at)
    service = around.service_of(run.telling)
    return Message(
        key=run.key,
        groups=(run.key,),
        state=state,
        headline=_headline(run, state, around, at),
        lines=tuple(_lines(run, state, around)),
        details=details_of(run, around),
        buttons=tuple(_buttons(run, state, around)),
        urgency=rank_of(run.telling.severity),
        since=run.start,
        name=run.name,
        service=service.name if service else "",
        final=final,
    )


def is_final(run: Run, now: int) -> bool:
    """Return whether a group that fires again is another run, and nothing flaps any more."""
    return bool(run.end) and now - run.end >= REJOIN and not run.flaps(now)


def named(run: Run) -> str:
    """Return the group's name, as long as it may be in a line."""
    return shortened(run.name, LONGEST_NAME)


def counted(run: Run) -> str:
    """Return `3 alerts`, for a headline: "" for one."""
    number = len(run.now)
    return f"{number:,} alerts" if number > 1 else ""


def _headline(run: Run, state: State, around: Around, at: int) -> Text:
    name, severity = named(run), shortened(run.telling.severity, LONGEST_NAME)
    kind = f" ({severity})" if severity else ""
    number = f": {counted(run)}" if counted(run) else ""
    match state:
        case State.RESOLVED:
            lasted = timerange.format_duration(run.end - run.start)
            return (f"{name} resolved after {lasted}{around.place}",)
        case State.FLAPPING:
            times, span = run.starts_of_one(at), timerange.format_duration(FLAPPING)
            return (f"{name} is flapping: it fired {times} times in {span}{kind}{around.place}",)
        case State.UNKNOWN:
            return (f"{name} was firing, its status is unknown now{kind}{around.place}",)
        case State.SILENCED:
            found = around.holds_back(run.telling)
            words = shortened(found.words, LONGEST_LINE) if found else "silenced"
            until = (" until ", At(found.until)) if found and found.until else ()
            return (f"{name} is firing, {words}", *until, f"{number}{kind}{around.place}")
        case State.ACKNOWLEDGED:
            has = around.has(run.telling)
            who = shortened(has.person, LONGEST_NAME) if has else "somebody"
            return (f"{name} is firing, {who} has it{number}{kind}{around.place}",)
        case _:
            return (f"{name} is firing{number}{kind}{around.place}",)


def _lines(run: Run, state: State, around: Around) -> Iterator[Text]:
    if summary := run.telling.summary:
        began = "" if without_numbers(summary) == summary else " (when it started)"
        yield (f"{shortened(summary, LONGEST_LINE)}{began}",)
    if several := _several([each.alert for each in run.now]):
        yield (several,)
    if state is State.FLAPPING:
        looked = "firing" if run.now else "not firing"
        yield (f"It was {looked} at the last check. While it flaps, this is updated every 5 min",)
    elif run.end:
        yield ("It fired from ", At(run.start), " to ", At(run.end))
    elif len(run.intervals) > 1:
        yield ("Firing again since ", At(run.intervals[-1][0]), ", first at ", At(run.start))
    else:
        yield ("Firing since ", At(run.start))
    yield from _hands(run, state, around)
    if unknown := [each.unknown for each in run.now if each.unknown]:
        some = "" if len(unknown) == len(run.now) else f" of {len(unknown):,} of these alerts"
        yield (f"Nothing is known{some} since ", At(min(unknown)), ": their source does not answer")


def _hands(run: Run, state: State, around: Around) -> Iterator[Text]:
    """Yield who has it and what holds it back, as far as the headline does not say so."""
    seen = set()
    for each in run.now:
        if (has := around.has(each.alert)) and has.id not in seen:
            seen.add(has.id)
            until = (" until ", At(has.until)) if has.until else ()
            note = shortened(f": {has.note}" if has.note else "", LONGEST_LINE)
            person = shortened(has.person, LONGEST_NAME)
            yield (f"{person} has it, since ", At(has.since), *until, note)
        if len(seen) == MOST_NAMED:
            break
    held = [found for each in run.now if (found := around.holds_back(each.alert))]
    if held and state is not State.SILENCED:
        yield (f"{len(held):,} of {len(run.now):,} alerts are silenced, inhibited or muted",)
    for silence in held[0].silences[:1] if held else ():
        by = shortened(silence.created_by or "somebody unnamed", LONGEST_NAME)
        why = f": {silence.comment}" if silence.comment else ""
        yield (shortened(f"Silenced by {by}{why}", LONGEST_LINE),)


def _several(alerts: Sequence[Alert]) -> str:
    """Name what tells several alerts apart: `instance=petstore-1, petstore-2 and 3 more`."""
    if len(alerts) < 2:
        return ""
    values: dict[str, dict[str, None]] = {}
    for alert in alerts:
        for label, value in alert.labels.items():
            values.setdefault(label, {})[value] = None
    apart = {label: each for label, each in values.items() if len(each) > 1}
    label = (
        "instance"
        if "instance" in apart
        else max(apart, key=lambda name: len(apart[name]), default="")
    )
    if not label:
        return ""
    shown = [shortened(value, LONGEST_NAME) for value in list(apart[label])[:MOST_NAMED]]
    left = len(apart[label]) - len(shown)
    more = f" and {left:,} more" if left else ""
    return shortened(f"{label}={', '.join(shown)}{more}", LONGEST_LINE)


def _buttons(run: Run, state: State, around: Around) -> Iterator[Button]:
    if state is State.RESOLVED:
        return
    matcher = Matcher(ALERTNAME, "=", run.name)
    held = all(around.has(each.alert) for each in run.now)
    if not held:
        yield Button("I have it", f"ack {matcher}{around.elsewhere}", "primary")
    if around.site.alertmanager and state is not State.SILENCED:
        yield Button("Silence 1 h", f"silence {matcher} for=1h{around.elsewhere}")
    yield Button("What changed", f"what changed before {quote(run.name)}{around.elsewhere}")
    service = around.service_of(run.telling)
    if service and around.site.jaeger:
        yield Button("Traces", f"list traces {service.name} error{around.elsewhere}")
        yield Button("Sample at 100% for 15 min", f"sampling up {matcher}{around.elsewhere}")
    if held:  # a message has room for five buttons
        yield Button("Open incident", f"incident start group={quote(run.name)}{around.elsewhere}")
