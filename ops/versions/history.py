"""Which instance ran which version, and when; pure, and the same for every source of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from ops.vocabulary.timerange import MINUTE

FLICKER = 5 * MINUTE  # an instance that is away for less than this has not gone


@dataclass(frozen=True, slots=True)
class Period:
    """One instance that ran one version, from `start` until before `end` (Unix nanoseconds)."""

    instance: str
    version: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time without changes: how many instances ran each version; empty if nothing is known."""

    start: int
    end: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class History:
    """The versions of one service's instances from `start` to `end` (Unix nanoseconds).

    A period that starts at `start` may have started earlier, one that ends at `end` goes on.
    Times are exact to `step`.
    """

    start: int
    end: int
    step: int
    periods: tuple[Period, ...] = ()

    def first_seen(self, version: str) -> int:
        """Return when the version was first seen; 0 if it ran from the start on, or never."""
        first = min((each.start for each in self.periods if each.version == version), default=0)
        return first if first > self.start else 0

    def after(self, earlier: "History") -> "History":
        """Return it with what another source knows of the time before its own first period."""
        first = min((each.start for each in self.periods), default=self.end)
        before = [
            replace(each, end=min(each.end, first))
            for each in earlier.periods
            if each.start < first
        ]
        found: dict[tuple[str, str], list[Period]] = {}
        for each in sorted((*before, *self.periods), key=lambda each: each.start):
            own = found.setdefault((each.instance, each.version), [])
            if own and each.start <= own[-1].end + max(self.step, earlier.step):
                own[-1] = replace(own[-1], end=max(own[-1].end, each.end))
            else:
                own.append(each)
        return History(
            min(self.start, earlier.start),
            self.end,
            max(self.step, earlier.step),
            tuple(chain.from_iterable(found.values())),
        )

    def recent(self, start: int) -> "History":
        """Leave out what ended before a moment and does not run since; `first_seen` stays."""
        late = [each for each in self.periods if each.end >= start]
        first: dict[str, Period] = {}
        for each in sorted(self.periods, key=lambda each: each.start):
            first.setdefault(each.version, each)
        wanted = {each.version for each in late}
        early = [each for version, each in first.items() if version in wanted and each not in late]
        return replace(self, periods=(*early, *late))

    def goes_on(self) -> dict[tuple[str, str], Period]:
        """Return what ran at the end, by instance and version."""
        return {
            (each.instance, each.version): each for each in self.periods if each.end >= self.end
        }

    def until(self, at: int, running: Iterable[tuple[str, str]]) -> "History":
        """Continue to a later moment, at which these (instance, version) run.

        An instance with another version than before is taken to have had that until now.
        """
        now, before = set(running), self.goes_on()
        instances = {instance for instance, _ in now}
        going_on = set(before.values())
        periods = [each for each in self.periods if each not in going_on]
        for key, each in before.items():
            if key in now:
                periods.append(replace(each, end=at))
            else:
                replaced = each.instance in instances
                periods.append(replace(each, end=at - 1 if replaced else each.end))
        periods += [Period(*key, at, at) for key in sorted(now - before.keys())]
        return replace(self, end=at, periods=tuple(periods))

    def steady(self) -> "History":
        """Return it without the short absences of instances, as in a restart."""
        periods: list[Period] = []
        last: dict[str, int] = {}
        for each in sorted(self.periods, key=lambda each: (each.start, each.version)):
            place = last.setdefault(each.instance, len(periods))
            if place < len(periods) and _is_restart(periods[place], each):
                periods[place] = replace(periods[place], end=max(periods[place].end, each.end))
            else:
                last[each.instance] = len(periods)
                periods.append(each)
        return replace(self, periods=tuple(periods))

    def stretches(self) -> tuple[Stretch, ...]:
        """Return what ran over time, from start to end without gaps.

        The last stretch may have no length: what is new at the end has only just been seen.
        """
        changes: dict[int, Counter[str]] = {self.start: Counter(), self.end: Counter()}
        for each in self.periods:
            changes.setdefault(each.start, Counter())[each.version] += 1
            if each.end < self.end:
                changes.setdefault(each.end, Counter())[each.version] -= 1
        counts: Counter[str] = Counter()
        found: list[Stretch] = []
        for moment in sorted(changes):
            counts.update(changes[moment])
            running = {version: count for version, count in counts.items() if count > 0}
            if found and found[-1].counts == running:
                continue
            if found:
                found[-1] = replace(found[-1], end=moment)
            found.append(Stretch(moment, self.end, running))
        return tuple(found)


def from_points(
    series: Iterable[tuple[str, str, Sequence[int]]], *, start: int, end: int, step: int
) -> History:
    """Build a history from (instance, version, the moments at which it was seen), step by step."""
    seen: dict[tuple[str, str], set[int]] = {}
    for instance, version, moments in series:
        seen.setdefault((instance, version), set()).update(moments)
    periods = [
        # Only what was seen at the last step goes on.
        Period(*key, first, end if last > end - step else min(last + step, end - 1))
        for key, moments in seen.items()
        for first, last in _runs(sorted(moments), step)
    ]
    return History(start, end, step, tuple(periods))


def _runs(moments: Sequence[int], step: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last moment of each run without a missing step."""
    if not moments:
        return
    first = moments[0]
    for earlier, later in pairwise(moments):
        if later - earlier > step * 3 // 2:
            yield first, earlier
            first = later
    yield first, moments[-1]


def _is_restart(before: Period, after: Period) -> bool:
    return before.version == after.version and after.start - before.end < FLICKER
