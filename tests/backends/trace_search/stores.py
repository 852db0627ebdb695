"""A store of traces that keeps an order of its own and cuts its answers."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from ops.backends.trace_search.density import Densities
from ops.backends.trace_search.newest import MOST_AT_ONCE, newest
from ops.backends.trace_search.results import FoundTrace, FoundTraces, Matches
from ops.backends.trace_search.search import TraceSearch, Window
from ops.backends.trace_search.slices import Slices
from ops.vocabulary.summaries import TraceSummary, between
from ops.vocabulary.timerange import HOUR, MILLISECOND, SECOND

NOON = 1_704_110_400 * SECOND
SEARCH = TraceSearch(start=NOON - HOUR, end=NOON, limit=20)


@dataclass(frozen=True)
class Stored:
    """A trace: its matching spans' starts, and its own start and end."""

    number: int
    matches: Sequence[int]
    start: int
    end: int
    failed: bool = False
    wanted: bool = True

    @property
    def id(self) -> str:
        return f"{self.number:032x}"

    def within(self, start: int, end: int, search: TraceSearch = SEARCH) -> list[int]:
        """When it matches in a time, both ends included, with what durations a search wants."""
        least, most = search.span_min, search.span_max or NOON
        return [
            each for each in self.matches if start <= each <= end and least <= took(each) <= most
        ]


def took(start: int) -> int:
    """The duration of a span, which is some milliseconds."""
    return ((start // MILLISECOND * 2_654_435_761 >> 7) % 1_000 + 1) * MILLISECOND


def at(number: int, *matches: int, failed: bool = False, wanted: bool = True) -> Stored:
    """A trace that begins with its first matching span and ends with its last."""
    return Stored(number, matches, min(matches), max(matches), failed, wanted)


def many(count: int, gap: int = SECOND // 4) -> list[Stored]:
    """Traces one after the other, the newest just before noon."""
    return [at(number, NOON - (number + 1) * gap) for number in range(count)]


def newest_first(chance: random.Random, traces: list[Stored]) -> list[Stored]:
    return sorted(traces, key=lambda trace: -trace.start)


def oldest_first(chance: random.Random, traces: list[Stored]) -> list[Stored]:
    return sorted(traces, key=lambda trace: trace.start)


def shuffled(chance: random.Random, traces: list[Stored]) -> list[Stored]:
    return chance.sample(traces, len(traces))


def in_batches(chance: random.Random, traces: list[Stored]) -> list[Stored]:
    """As a collector writes: what ends within some seconds together, in any order."""
    step = chance.randrange(200 * MILLISECOND, 5 * SECOND)
    return sorted(traces, key=lambda trace: (-(trace.end // step), chance.random()))


Keeps = Callable[[random.Random, list[Stored]], list[Stored]]
ORDERS = (newest_first, oldest_first, shuffled, in_batches)
IN_ANY_ORDER = pytest.mark.parametrize("order", ORDERS)


@dataclass
class Store:
    """Gives traces in an order of its own, and of too many the first ones.

    With `summaries` it does not say when a trace matched. Searches of what is before `settled`
    share slices.
    """

    traces: Sequence[Stored]
    order: Keeps = shuffled
    summaries: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    now: int = NOON
    densities: Densities = field(default_factory=Densities)
    windows: list[Window] = field(default_factory=list)
    settled: int = 0
    slices: Slices = field(default_factory=Slices)
    spans_each: int = 1

    async def find(self, search: TraceSearch, patience: float = 60) -> FoundTraces:
        density = self.densities.of(search.shape, search.unfiltered_shape, selective=False)

        async def ask(window: Window) -> Matches:
            if window.grid:
                found = await self.slices.answer(search, window, self.read)
                if found is not None:
                    return found
            return self.answer(search, window)

        return await newest(
            search, ask, density, now=self.now, patience=patience, settled=self.settled
        )

    async def read(self, search: TraceSearch, window: Window) -> Matches:
        return self.answer(search, window)

    def answer(self, search: TraceSearch, window: Window) -> Matches:
        self.windows.append(window)
        assert window.start <= window.end
        assert window.depth <= max(search.deepest, MOST_AT_ONCE)
        meant = [each for each in self.traces if each.within(window.start, window.end, search)]
        kept = self.order(self.chance, meant)[: window.depth]
        return Matches(
            [
                FoundTrace(
                    self.seen(each, search, window),
                    each.wanted,
                    () if self.summaries else self.spans(each, search),
                )
                for each in kept
            ]
        )

    def spans(self, trace: Stored, search: TraceSearch) -> list[tuple[int, int]]:
        within = trace.within(search.start, search.end - 1, search)
        return [(start, took(start)) for start in within]

    def seen(self, trace: Stored, search: TraceSearch, window: Window) -> TraceSummary:
        matched_from = matched = max(trace.within(search.start, search.end - 1, search))
        if self.summaries:
            matched_from, matched = between(trace.start, trace.end, (window.start, window.end))
        return TraceSummary(
            trace.id, trace.start, trace.end - trace.start, "a", "b", self.spans_each,
            int(trace.failed), ("a",),
            matched=matched, matched_from=matched_from,
        )  # fmt: skip

    async def follow(self, search: TraceSearch) -> list[FoundTraces]:
        """Go on with what is older until the end."""
        pages = [await self.find(search)]
        while (rest := pages[-1].rest) is not None:
            before = search.before
            assert before is None or (-rest.time, rest.trace_id) > (-before.time, before.trace_id)
            search = replace(search, before=rest)
            pages.append(await self.find(search))
        return pages


def expected(traces: Sequence[Stored], search: TraceSearch) -> list[str]:
    """What is listed, by looking at every trace."""
    listed = [
        (-max(times), each.id)
        for each in traces
        if each.wanted
        and not (each.failed and search.tests_whole_traces)
        and (times := each.within(search.start, search.end - 1, search))
    ]
    return [trace_id for _, trace_id in sorted(listed)]


def ids(*pages: FoundTraces) -> list[str]:
    return [trace.trace_id for page in pages for trace in page.summaries]
