"""The lane of an incident's failing share: how many of a service's traces failed, by the minute.

It is drawn in columns, as high as the share is beside the highest. Without a trace that was looked
at, a minute's share is unknown, and never 0%.
"""

from collections.abc import Iterable, Iterator, Sequence

from ops.incidents.actions import Causes, Story
from ops.traces.actions import Share
from ops.vocabulary import figures, timerange
from ops.vocabulary.timerange import format_duration
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.lanes import SLOTS, Column, Lane

UNKNOWN = "no traces looked at"
Shares = Sequence[tuple[int, Share]]


def coming(story: Story) -> list[Lane]:
    """Return the lanes of an incident's services while their traces have not been read."""
    whole = ((story.start, story.end),)
    return [
        Lane(name(each), holes=whole, unknown="not read yet", text="not read yet", id=lane_id(each))
        for each in story.compared
    ]


def failing_lane(causes: Causes, clock: Clock) -> Lane:
    """Return the lane of a service whose traces have been read."""
    step = timerange.MINUTE * -(-(causes.end - causes.start) // (SLOTS * timerange.MINUTE))
    shares = _together(causes.minutes, step)
    highest = max((each.share for _, each in shares), default=0.0)
    unknown = tuple(_between([at for at, _ in shares], step, causes.start, causes.end))
    return Lane(
        name(causes.service),
        holes=unknown,
        unknown=UNKNOWN,
        columns=tuple(_column(*each, step, highest, clock) for each in shares),
        note=f"up to {figures.share(highest)}" if highest else "",
        text=_said(shares, unknown, clock),
        id=lane_id(causes.service),
    )


def name(service: str) -> str:
    """Return what the lane is called."""
    return f"{service} failing share"


def lane_id(service: str) -> str:
    """Return the lane's id in the page."""
    return f"failing-{service}"


def _together(minutes: Shares, step: int) -> Shares:
    found: dict[int, Share] = {}
    for at, share in minutes:
        found[at // step * step] = found.get(at // step * step, Share()) + share
    return [*found.items()]


def _column(at: int, share: Share, step: int, highest: float, clock: Clock) -> Column:
    said = f"{_of(share)}, {clock.window(at, at + step)}"
    if not share.failed:
        return Column(at, at + step, 0, said, "s5")
    return Column(at, at + step, share.share / highest, said, "error")


def _of(share: Share) -> str:
    """Return `12% of 25 traces failed`, `none of 25 traces failed`."""
    part = figures.share(share.share) if share.failed else "none"
    return f"{part} of {figures.count(share.traces, 'trace')} failed"


def _between(known: Iterable[int], step: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the times of which nothing is known."""
    at = start
    for each in known:
        if each > at:
            yield at, each
        at = max(at, each + step)
    if at < end:
        yield at, end


def _said(shares: Shares, unknown: Iterable[tuple[int, int]], clock: Clock) -> str:
    """Say the whole lane in a sentence, for those who do not see it."""
    if not shares:
        return UNKNOWN
    every = sum((each for _, each in shares), Share())
    at, most = max(shares, key=lambda each: each[1].share)
    peak = f", at most {_of(most)} at {clock.utc(at)} UTC" if most.failed else ""
    length = sum(end - start for start, end in unknown)
    rest = f"; {UNKNOWN} of {format_duration(length)}" if length else ""
    return f"{_of(every)}{peak}{rest}"
