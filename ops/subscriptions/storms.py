"""The summary of a storm: more groups together than a channel can read as separate messages."""

from collections.abc import Iterator, Mapping, Sequence

from ops.subscriptions.around import Around
from ops.subscriptions.messages import STORM, At, Button, Detail, Message, Posted, State, Text
from ops.subscriptions.runs import Run
from ops.subscriptions.wording import counted, is_final, named, state_of
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, rank_of
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

MOST_NAMED = 5  # groups in the message itself
A_PAGE = 30  # groups in one reply in its thread
# A summary says the first of these that any of its groups says.
_ORDER = (
    State.FIRING, State.FLAPPING, State.UNKNOWN, State.ACKNOWLEDGED, State.SILENCED, State.RESOLVED,
)  # fmt: skip


def storm_key(runs: Sequence[Run]) -> str:
    """Return what identifies a new storm with these groups: the first of them."""
    first = min(runs, key=lambda run: (run.appears, run.key))
    return f"{STORM}{first.key}"


def storm_of(
    posted: Posted, runs: Mapping[str, Run], around: Around, now: int, filter: str
) -> Message:
    """Return the summary of the groups in it, which the filter selects.

    Groups that are not among the `runs` ended so long ago that they are not read any more.
    """
    known = [runs[key] for key in posted.groups if key in runs]
    states = [state_of(run, around, now) for run in known]
    state = next((each for each in _ORDER if each in states), State.RESOLVED)
    listed = sorted(zip(known, states, strict=True), key=_urgency)
    active = [run for run, its in listed if its is not State.RESOLVED]
    line = f"alerts state={FIRING} {filter}".rstrip() + around.elsewhere
    return Message(
        key=posted.key,
        groups=posted.groups,
        state=state,
        headline=_headline(posted, known, active, around),
        lines=tuple(_lines(listed, posted, active)),
        details=tuple(_pages(list(zip(known, states, strict=True)))),
        buttons=(Button("List them", line),) if active else (),
        urgency=min((rank_of(run.telling.severity) for run in active or known), default=0),
        since=min((run.start for run in known), default=posted.at),
        final=all(is_final(run, now) for run in known),
    )


def _urgency(each: tuple[Run, State]) -> tuple[int, int, int, str]:
    run, state = each
    return _ORDER.index(state), rank_of(run.telling.severity), run.start, run.key


def _headline(posted: Posted, known: Sequence[Run], active: Sequence[Run], around: Around) -> Text:
    number, place = len(posted.groups), around.place
    groups = count(number, "group")
    if not active:
        end = max((run.end for run in known), default=0)
        took = timerange.format_duration(end - min(run.start for run in known)) if known else ""
        after = f" after {took}" if took else ""
        return (f"All alerts of {groups} have resolved{after}{place}",)
    alerts = sum(len(run.now) for run in active)
    some = f"{len(active):,} of {number:,} groups" if len(active) < number else groups
    fire = "alert is" if alerts == 1 else "alerts are"
    return (f"{alerts:,} {fire} firing, in {some}{place}",)


def _lines(
    listed: Sequence[tuple[Run, State]], posted: Posted, active: Sequence[Run]
) -> Iterator[Text]:
    for run, state in listed[:MOST_NAMED]:
        yield _group(run, state)
    left = len(posted.groups) - min(len(listed), MOST_NAMED)
    if left > 0:
        yield (f"and {count(left, 'group')} more, listed in the thread",)
    if active:
        yield ("They are one message because more than 10 groups came within a minute",)


def _pages(known: Sequence[tuple[Run, State]]) -> Iterator[Detail]:
    """Yield all groups in the order in which they came, so that a change changes one reply."""
    for first in range(0, len(known), A_PAGE):
        page = known[first : first + A_PAGE]
        yield Detail(f"groups-{first}", tuple(_group(run, state) for run, state in page))


def _group(run: Run, state: State) -> Text:
    severity = shortened(run.telling.severity, 40)
    facts = ", ".join(filter(None, (counted(run), severity)))
    what = f"{named(run)}{f' ({facts})' if facts else ''}: {state}"
    if state is State.RESOLVED:
        return (f"{what} at ", At(run.end))
    return (f"{what} since ", At(run.start))
