"""A strip of what alerts did over the last hours, as SVG and in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ops.alerts.history import Stretch, Strip
from ops.vocabulary.alerts import FIRING, PENDING
from opsportal.dashboard import charts, words
from opsportal.dashboard.clock import Clock, roughly

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
    """A strip to draw: its blocks from back to front, its axis, and everything in words."""

    blocks: tuple[Block, ...]
    ticks: tuple[tuple[str, str], ...]
    title: str
    length: str
    has_holes: bool
    has_told: bool


def picture(strip: Strip, clock: Clock) -> Picture:
    """Draw a strip."""
    layers = (("hole", strip.holes), ("told", strip.told), ("", strip.stretches))
    return Picture(
        blocks=tuple(
            _block(strip, f"{layer} {_KINDS.get(each.state, '')}".strip(), each)
            for layer, stretches in layers
            for each in stretches
        ),
        ticks=tuple(_ticks(strip, clock)),
        title=_title(strip, clock),
        length=roughly(strip.end - strip.start),
        has_holes=bool(strip.holes),
        has_told=bool(strip.told),
    )


def _block(strip: Strip, kind: str, stretch: Stretch) -> Block:
    x, width = charts.stretch(
        stretch.start - strip.start, stretch.end - stretch.start, strip.end - strip.start
    )
    return Block(kind, x, width)


def _ticks(strip: Strip, clock: Clock) -> Iterator[tuple[str, str]]:
    length = strip.end - strip.start
    for number in range(TICKS + 1):
        at = strip.start + length * number // TICKS
        yield f"{100 * number / TICKS:g}", clock.utc(at).removesuffix(":00")


def _title(strip: Strip, clock: Clock) -> str:
    said = [
        *(
            f"{kind} {_times(found, strip, clock)}"
            for state, kind in _KINDS.items()
            if (found := [each for each in strip.stretches if each.state == state])
        ),
        *([f"not watched {_times(strip.holes, strip, clock)}"] if strip.holes else ()),
        *(
            f"{kind} then according to Prometheus {_times(found, strip, clock)}"
            for state, kind in _KINDS.items()
            if (found := [each for each in strip.told if each.state == state])
        ),
    ]
    last = f"Last {roughly(strip.end - strip.start)}, UTC"
    return f"{last}: {'; '.join(said) or 'neither firing nor pending'}"


def _times(stretches: Sequence[Stretch], strip: Strip, clock: Clock) -> str:
    said = [_time(each, strip, clock) for each in stretches[-MOST_SAID:]]
    earlier = len(stretches) - len(said)
    return ", ".join(([words.count(earlier, "earlier time")] if earlier else []) + said)


def _time(each: Stretch, strip: Strip, clock: Clock) -> str:
    if each.end >= min(strip.end, clock.now):
        return "all the time" if each.start <= strip.start else f"since {clock.utc(each.start)}"
    return f"{clock.utc(each.start)} to {clock.utc(each.end)}"
