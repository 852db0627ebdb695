"""Lanes over one time axis, as SVG: bars for what lasted, marks for what happened at a moment.

Places are in percent of the width. Each bar and mark has a sentence as its title; those of one kind
that start in the same place are drawn as one, so that a lane stays small however much happened.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from ops.vocabulary import figures
from opsportal.dashboard import words
from opsportal.dashboard.charts import LEAST_WIDTH
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.ticks import Tick, ticks

# In each slot of a lane, one bar or mark of a kind is drawn at most: fewer if there are many lanes.
SLOTS, FEW_SLOTS = 150, 60
MANY_LANES = 12
LONGEST_TEXT = 300
LONGEST_LABEL = 40
HEIGHT = 24  # pixels
NEAR = 1.5  # percent of the width, that a sign takes on a wide page
SEVERAL = "⁂"
LETTER = 0.8  # percent of a wide page; on a narrow one the label is cut off
EDGES = 4.0, 93.0  # percent of the width; nearer to an edge, a tick's text would not fit


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasted from start to end (Unix nanoseconds).

    `text` is its sentence and `label` is written into it if it fits. `tone` is a CSS class:
    "error", "warn", "ok", "pending", "calm", or "s1" to "s6" for a hue without meaning.
    """

    start: int
    end: int
    text: str
    tone: str = "calm"
    url: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment (Unix nanoseconds); `sign` is the letter drawn."""

    at: int
    text: str
    tone: str = "calm"
    url: str = ""
    sign: str = "◆"


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of the time from start to end (Unix nanoseconds), drawn `height` high: 0 to 1."""

    start: int
    end: int
    height: float
    text: str
    tone: str = "calm"


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of the picture; in its `holes` nothing is known, and `unknown` says why.

    `text` says what it shows, by default how many bars and marks, and `note` is written into it.
    One with an `id` is filled in later, by a piece of the page.
    """

    name: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    holes: tuple[tuple[int, int], ...] = ()
    url: str = ""
    columns: tuple[Column, ...] = ()
    unknown: str = "not watched"
    text: str = ""
    note: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class DrawnLane:
    """A lane as SVG, and what it shows in a few words."""

    name: str
    url: str
    drawn: SafeString
    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Lanes to draw, from top to bottom; `more` are left out. `at` is where a moment is, or ""."""

    lanes: tuple[DrawnLane, ...]
    ticks: Sequence[Tick]
    at: str
    more: int
    has_holes: bool


def picture(
    lanes: Sequence[Lane], start: int, end: int, clock: Clock, *, at: int = 0, most: int = 40
) -> Picture:
    """Draw at most `most` lanes from start to end, with a line at the moment `at` if given."""
    shown = lanes[:most]
    slots = SLOTS if len(shown) <= MANY_LANES else FEW_SLOTS
    axis = _Axis(start, max(end, start + 1), clock, slots)
    return Picture(
        lanes=tuple(map(axis.lane, shown)),
        ticks=[each for each in ticks(start, end, clock) if EDGES[0] <= float(each.x) <= EDGES[1]],
        at=f"{axis.place(at):.2f}" if start <= at <= end else "",
        more=len(lanes) - len(shown),
        has_holes=any(each.holes for each in shown if not each.id),
    )


def placed(
    marks: Iterable[Mark], start: int, end: int, clock: Clock, slots: int = SLOTS
) -> list[tuple[str, Mark]]:
    """Return the marks from start to end with their places in percent, for another picture.

    Of those of one kind in one of the `slots` there is one.
    """
    axis = _Axis(start, max(end, start + 1), clock, slots)
    return [(f"{axis.place(each.at):.2f}", each) for each in axis.marks(marks)]


@dataclass(frozen=True, slots=True)
class _Axis:
    start: int
    end: int
    clock: Clock
    slots: int = SLOTS

    def place(self, at: int) -> float:
        return 100 * (min(max(at, self.start), self.end) - self.start) / (self.end - self.start)

    def slot(self, at: int) -> int:
        return int(self.place(at) * self.slots / 100)

    def lane(self, lane: Lane) -> DrawnLane:
        bars, marks = self._bars(lane.bars), self._legible(lane.marks)
        holes = [each for each in lane.holes if each[1] > self.start and each[0] < self.end]
        drawn = [
            *(self._hole(each, lane.unknown) for each in holes),
            *map(self._column, lane.columns),
            *map(self._bar, bars),
            *map(self._mark, marks),
            f'<text class="peak" x="4" y="16">{escape(lane.note)}</text>' if lane.note else "",
        ]
        count = len(lane.bars) + len(lane.marks)
        return DrawnLane(
            name=lane.name,
            url=lane.url,
            drawn=mark_safe("".join(drawn)),  # noqa: S308 - everything in it was escaped
            text=lane.text or (figures.count(count, "entry", "entries") if count else "nothing"),
            id=lane.id,
        )

    def _bars(self, bars: Iterable[Bar]) -> Iterable[Bar]:
        """Return the longest of those that start in one slot, with the number of the others."""
        found: dict[tuple[int, str], list[Bar]] = {}
        for each in bars:
            if each.end >= self.start and each.start <= self.end:
                found.setdefault((self.slot(each.start), each.tone), []).append(each)
        for same in found.values():
            longest = max(same, key=lambda each: each.end)
            yield replace(longest, text=_with_others(longest.text, len(same)))

    def _legible(self, marks: Iterable[Mark]) -> Iterable[Mark]:
        """Return one for those of several kinds whose signs would be drawn over each other."""
        found: list[list[Mark]] = []
        for each in sorted(self.marks(marks), key=lambda mark: mark.at):
            near = found[-1] if found else []
            differ = any(other.sign != each.sign for other in near)
            if differ and self.place(each.at) - self.place(near[0].at) < NEAR:
                near.append(each)
            else:
                found.append([each])
        for near in found:
            text = words.name("; ".join(each.text for each in near), LONGEST_TEXT)
            yield near[0] if len(near) == 1 else replace(near[0], text=text, sign=SEVERAL)

    def marks(self, marks: Iterable[Mark]) -> Iterable[Mark]:
        """Return one for those of a kind that are in one slot, with the number of the others."""
        found: dict[tuple[int, str], list[Mark]] = {}
        for each in marks:
            if self.start <= each.at <= self.end:
                found.setdefault((self.slot(each.at), each.sign), []).append(each)
        for same in found.values():
            yield replace(same[0], text=_with_others(same[0].text, len(same)))

    def _hole(self, hole: tuple[int, int], why: str) -> str:
        title = f"{escape(why)} {self.clock.window(*hole)}"
        return (
            f"<svg {self._span(*hole)}>"
            f'<rect class="hole" width="100%" y="8" height="8"/><title>{title}</title></svg>'
        )

    def _column(self, column: Column) -> str:
        height = max(round(HEIGHT * column.height), 2)
        shape = f'<rect width="100%" y="{HEIGHT - height}" height="{height}"/>'
        span = self._span(column.start, column.end)
        return _linked(f"<svg {span}>{shape}</svg>", f"column {column.tone}", column.text, "")

    def _bar(self, bar: Bar) -> str:
        label = words.name(bar.label, LONGEST_LABEL)
        fits = self.place(bar.end) - self.place(bar.start) > LETTER * (len(label) + 2)
        inside = f'<text x="6" y="16" aria-hidden="true">{escape(label)}</text>' if fits else ""
        y, height = (4, 16) if label else (8, 8)
        shape = f'<rect width="100%" y="{y}" height="{height}" rx="2"/>{inside}'
        span = self._span(bar.start, bar.end)
        return _linked(f"<svg {span}>{shape}</svg>", f"bar {bar.tone}", bar.text, bar.url)

    def _mark(self, mark: Mark) -> str:
        shape = (
            f'<svg x="{self.place(mark.at):.2f}%" overflow="visible">'
            f'<rect x="-10" width="20" height="24"/><text y="17">{escape(mark.sign)}</text></svg>'
        )
        return _linked(shape, f"at {mark.tone}", mark.text, mark.url)

    def _span(self, start: int, end: int) -> str:
        x = min(self.place(start), 100 - LEAST_WIDTH)
        width = max(self.place(end) - x, LEAST_WIDTH)
        return f'x="{x:.2f}%" width="{width:.2f}%"'


def _with_others(text: str, count: int) -> str:
    text = words.name(text, LONGEST_TEXT)
    return f"{text} (and {count - 1:,} more here)" if count > 1 else text


def _linked(shape: str, kind: str, text: str, url: str) -> str:
    """Return a shape with its sentence; what it links to is also in the list of the page.

    So it is no stop for the keyboard, of which there could be thousands.
    """
    inside = f"{shape}<title>{escape(text)}</title>"
    if not url:
        return f'<g class="{escape(kind)}" role="img">{inside}</g>'
    return f'<a class="{escape(kind)}" href="{escape(url)}" tabindex="-1">{inside}</a>'
