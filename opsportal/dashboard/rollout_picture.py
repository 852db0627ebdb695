"""The versions of a service over time: stacked bars, one layer for each version.

Time runs from left to right, instances are stacked from bottom to top, the oldest version lowest.
Places and sizes are in percent, except heights, which are in pixels of HEIGHT.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ops.versions.actions import WINDOW, History, ServiceVersions, Stretch
from ops.vocabulary.timerange import HOUR, MINUTE, format_duration
from opsportal.dashboard import words
from opsportal.dashboard.charts import COLOURS, stretch
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.lanes import Mark, placed

HEIGHT = 32
LENGTHS = (15 * MINUTE, HOUR)  # drawn if nothing older is known
MOST_SAID = 5  # changes in the text alternative
SLOTS = 150  # in which one change is drawn at most
MARKS = 30  # of a kind at most
OTHERS = 0  # the hue of the versions that have none of their own


@dataclass(frozen=True, slots=True)
class Bar:
    """Some instances of one version from `start` to `end`, above `below` instances of others."""

    version: str
    hue: int
    start: int
    end: int
    count: int
    below: int


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A bar, or a hole, as drawn; `hue` numbers the colour."""

    x: str
    width: str
    y: str = "0"
    height: str = str(HEIGHT)
    hue: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn; `hues` has the colours by version, `text` says the same in words.

    `marks` are what else happened, as (x, mark).
    """

    bars: tuple[Rectangle, ...]
    holes: tuple[Rectangle, ...]
    hues: Mapping[str, int]
    text: str
    window: str
    marks: Sequence[tuple[str, Mark]]


def length_of(services: Iterable[ServiceVersions]) -> int:
    """Return how long a time to draw of all these services, in nanoseconds; 0 for nothing."""
    histories = [each.history for each in services if each.history]
    known = max(
        (each.end - period.start for each in histories for period in each.periods), default=0
    )
    longest = min(max((each.end - each.start for each in histories), default=0), WINDOW)
    return next((length for length in LENGTHS if known <= length < longest), longest)


def picture(
    service: ServiceVersions, clock: Clock, length: int, marks: Sequence[Mark] = ()
) -> Picture | None:
    """Return the picture of a service's last hours, None if nothing is known of them."""
    history = service.history
    if history is None or not length:
        return None
    first = history.end - length
    stretches = _drawn(history.stretches(), first, length)
    hues = _hues(service, history)
    most = max((sum(each.counts.values()) for each in stretches), default=0)
    most = max(most, service.total, 1)
    bars = _bars(((each.start, each.end, each.counts) for each in stretches), hues)
    holes = [each for each in stretches if not each.counts]

    def place(start: int, end: int) -> tuple[str, str]:
        return stretch(start - first, end - start, length)

    drawn = []
    for bar in bars:
        x, width = place(bar.start, bar.end)
        size = HEIGHT / most
        y = HEIGHT - (bar.below + bar.count) * size
        name = words.name(bar.version) or "other versions"
        title = f"{name} on {bar.count}, {_times(clock, bar.start, bar.end)}"
        drawn.append(Rectangle(x, width, f"{y:.2f}", f"{bar.count * size:.2f}", bar.hue, title))
    return Picture(
        bars=tuple(drawn),
        holes=tuple(
            Rectangle(
                *place(each.start, each.end),
                title=f"no data, {_times(clock, each.start, each.end)}",
            )
            for each in holes
        ),
        hues=hues,
        text=_text(clock, [(each.start, each.counts) for each in stretches]),
        window=format_duration(length),
        marks=placed(marks, first, history.end, clock, MARKS),
    )


def _drawn(stretches: Iterable[Stretch], first: int, length: int) -> list[Stretch]:
    """Return the stretches from `first` on; of several in one slot only the last."""
    found: list[Stretch] = []
    slot = -1
    for each in stretches:
        start = max(each.start, first)
        if each.end <= start:
            continue
        before, slot = slot, (start - first) * SLOTS // length
        if before == slot:
            start = found.pop().start
        found.append(replace(each, start=start))
    return found


def _hues(service: ServiceVersions, history: History) -> dict[str, int]:
    """Return each version's hue: those that run have one, then those that were seen last."""
    running = [version for version, _ in service.counts]
    ended: dict[str, int] = {}
    for period in history.periods:
        ended[period.version] = max(ended.get(period.version, 0), period.end)
    gone = sorted(ended.keys() - set(running), key=lambda version: (ended[version], version))
    chosen = [*running, *reversed(gone)][:COLOURS]
    # By age, so that a version keeps its colour when a newer one comes.
    by_age = sorted(chosen, key=lambda version: (history.first_seen(version), version))
    return {version: number for number, version in enumerate(by_age, start=1)}


def _bars(
    stretches: Iterable[tuple[int, int, Mapping[str, int]]], hues: Mapping[str, int]
) -> Sequence[Bar]:
    """Return the layers of each stretch; one that goes on unchanged is one bar."""
    found: list[Bar] = []
    open_: dict[str, int] = {}
    for start, end, counts in stretches:
        layers = {version: counts[version] for version in hues if version in counts}
        if others := sum(count for version, count in counts.items() if version not in hues):
            layers[""] = others
        below = 0
        going_on = {}
        for version, count in layers.items():
            bar = Bar(version, hues.get(version, OTHERS), start, end, count, below)
            below += count
            place = open_.get(version)
            if place is not None and _same(found[place], bar):
                found[place] = replace(found[place], end=end)
            else:
                place = len(found)
                found.append(bar)
            going_on[version] = place
        open_ = going_on
    return found


def _same(earlier: Bar, later: Bar) -> bool:
    return (earlier.count, earlier.below) == (later.count, later.below)


def _text(clock: Clock, stretches: Sequence[tuple[int, Mapping[str, int]]]) -> str:
    """Return the last changes as a sentence."""
    said = [
        f"from {clock.utc(start)} "
        + (
            ", ".join(f"{words.name(version, 40)} on {count}" for version, count in counts.items())
            or "no data"
        )
        for start, counts in stretches[-MOST_SAID:]
    ]
    return f"Instances of each version, UTC: {'; '.join(said)}"


def _times(clock: Clock, start: int, end: int) -> str:
    return f"{clock.utc(start)} to {clock.utc(end)} UTC"
