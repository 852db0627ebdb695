"""A strip of what alerts did over the last hours, as SVG and in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ops.alerts.history import Stretch, Strip
from ops.vocabulary import figures
from ops.vocabulary.alerts import FIRING, PENDING
from ops.vocabulary.timerange import DAY, to_datetime
from opsportal.dashboard import charts
from opsportal.dashboard.clock import Clock, roughly
from opsportal.dashboard.lanes import Mark

MOST_SAID = 4  # times of a kind
TICKS = 4
_KINDS = {FIRING: "firing", PENDING: "pending"}


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the strip in percent of its width; `kind` is its CSS class."""

    kind: str
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A strip to draw: its blocks from back to front, its axis, and everything in words.

    `tone` is the CSS class of what fires, `marks` are (x, words, address).
    """

    blocks: tuple[Block, ...]
    marks: tuple[tuple[str, str, str], ...]
    ticks: tuple[tuple[str, str], ...]
    title: str
    length: str
    tone: str
    has_holes: bool
    has_told: bool


def picture(
    strip: Strip, clock: Clock, *, tone: str = "error", marks: Sequence[Mark] = ()
) -> Picture:
    """Draw a strip."""
    layers = (("hole", strip.holes), ("told", strip.told), ("", strip.stretches))
    within = [each for each in marks if strip.start <= each.at < strip.end]
    return Picture(
        blocks=tuple(
            _block(strip, f"{layer} {_KINDS.get(each.state, '')}".strip(), each)
            for layer, stretches in layers
            for each in stretches
        ),
        marks=tuple(
            (_place(strip, each.at), f"{each.text} {clock.utc(each.at)}", each.url)
            for each in within
        ),
        ticks=tuple(_ticks(strip)),
        title=_title(strip, clock, within),
        length=roughly(strip.end - strip.start),
        tone=tone,
        has_holes=bool(strip.holes),
        has_told=bool(strip.told),
    )


def _place(strip: Strip, at: int) -> str:
    return f"{100 * (at - strip.start) / (strip.end - strip.start):.2f}"


def _block(strip: Strip, kind: str, stretch: Stretch) -> Block:
    x, width = charts.stretch(
        stretch.start - strip.start, stretch.end - stretch.start, strip.end - strip.start
    )
    return Block(kind, x, width)


def _ticks(strip: Strip) -> Iterator[tuple[str, str]]:
    """Yield round times as (x, text), the day in place of the time if it is many days."""
    length = strip.end - strip.start
    for number in range(TICKS + 1):
        at = to_datetime(strip.start + length * number // TICKS)
        text = f"{at:%H:%M}" if length <= DAY else f"{at.day} {at:%b %H:%M}"
        yield f"{100 * number / TICKS:g}", text


def _title(strip: Strip, clock: Clock, marks: Sequence[Mark]) -> str:
    said = [
        *_said(strip.stretches, "", strip, clock),
        *([f"not watched {_times(strip.holes, strip, clock)}"] if strip.holes else ()),
        *_said(strip.told, " according to Prometheus", strip, clock),
    ]
    said = said or ["neither firing nor pending"]
    said += [f"{each.text} at {clock.utc(each.at)}" for each in marks[-MOST_SAID:]]
    return f"Last {roughly(strip.end - strip.start)}, UTC: {'; '.join(said)}"


def _said(of: Sequence[Stretch], after: str, strip: Strip, clock: Clock) -> Iterator[str]:
    for state, kind in _KINDS.items():
        if found := [each for each in of if each.state == state]:
            yield f"{kind}{after} {_times(found, strip, clock)}"


def _times(stretches: Sequence[Stretch], strip: Strip, clock: Clock) -> str:
    said = [_time(each, strip, clock) for each in stretches[-MOST_SAID:]]
    earlier = len(stretches) - len(said)
    return ", ".join(([figures.count(earlier, "earlier time")] if earlier else []) + said)


def _time(each: Stretch, strip: Strip, clock: Clock) -> str:
    if each.end >= min(strip.end, clock.now):
        return "all the time" if each.start <= strip.start else f"since {clock.utc(each.start)}"
    return f"{clock.utc(each.start)} to {clock.utc(each.end)}"
