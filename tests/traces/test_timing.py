import random

from ops.traces.critical_path import Segment, critical_path
from ops.traces.own_time import own_stretches
from ops.traces.times import Times
from ops.traces.timing import where_time_went
from ops.vocabulary.columns import Coded
from ops.vocabulary.timerange import MILLISECOND

Span = tuple[int, int, int]  # start, end, parent


def times(*spans: Span) -> Times:
    starts, ends, parents = zip(*spans, strict=True)
    return Times.of(starts, ends, parents)


def path(*spans: Span) -> list[tuple[int, int, int]]:
    return [(each.row, each.start, each.end) for each in critical_path(times(*spans))]


def test_it_is_the_span_itself_when_there_is_no_other() -> None:
    assert path((0, 10, -1)) == [(0, 0, 10)]


def test_it_goes_through_children_one_after_the_other() -> None:
    assert path((0, 10, -1), (1, 4, 0), (5, 9, 0)) == [
        (0, 0, 1), (1, 1, 4), (0, 4, 5), (2, 5, 9), (0, 9, 10),
    ]  # fmt: skip


def test_it_takes_the_last_to_end_of_overlapping_siblings() -> None:
    assert path((0, 10, -1), (1, 6, 0), (3, 9, 0)) == [(0, 0, 3), (2, 3, 9), (0, 9, 10)]


def test_it_leaves_out_a_child_that_nobody_waited_for() -> None:
    spans = ((0, 20, -1), (0, 10, 0), (5, 15, 1), (10, 20, 0))
    assert path(*spans) == [(1, 0, 10), (3, 10, 20)]


def test_it_follows_an_asynchronous_child_that_ends_last() -> None:
    assert path((0, 10, -1), (2, 8, 0), (6, 30, 1)) == [(0, 0, 2), (1, 2, 6), (2, 6, 30)]


def test_it_goes_no_further_back_than_a_span_whose_child_began_earlier() -> None:
    assert path((5, 10, -1), (2, 8, 0)) == [(1, 5, 8), (0, 8, 10)]


def test_it_passes_over_children_that_take_no_time() -> None:
    assert path((0, 10, -1), (4, 4, 0)) == [(0, 0, 10)]


def test_it_begins_with_the_root_of_the_span_that_ends_last() -> None:
    assert path((0, 5, -1), (7, 9, -1)) == [(1, 7, 9)]


def test_it_walks_ten_thousand_levels() -> None:
    depth = 10_000
    spans = [(level, 2 * depth - level, level - 1) for level in range(depth)]
    assert len(path(*spans)) == 2 * depth - 1


def test_it_is_what_counting_moment_by_moment_finds() -> None:
    for seed in range(1000):
        spans = random_tree(random.Random(seed))
        found = {
            moment: s.row for s in critical_path(times(*spans)) for moment in range(s.start, s.end)
        }
        assert found == path_by_moments(times(*spans)), seed
        for row in range(len(spans)):
            own = {m for start, end in own_stretches(times(*spans), row) for m in range(start, end)}
            assert own == own_by_moments(times(*spans), row), seed


def random_tree(source: random.Random) -> list[Span]:
    """Mostly proper spans; some begin before their parent, outlive it, or take no time.

    Siblings are in the order of their starts.
    """
    spans: list[Span] = [(source.randint(0, 5), source.randint(20, 40), -1)]
    latest: dict[int, int] = {}
    for number in range(1, source.randint(1, 12)):
        parent = source.randrange(-1 if source.random() < 0.1 else 0, number)
        start = latest[parent] = source.randint(latest.get(parent, 0), 40)
        spans.append((start, start + source.randint(0, 20), parent))
    return spans


def path_by_moments(trace: Times) -> dict[int, int]:
    """The definition, moment by moment: who is waited for when the clock runs backwards."""
    found: dict[int, int] = {}

    def walk(span: int, reached: int, floor: int) -> int:
        while reached > floor:
            ended = [
                child
                for child in trace.children[span]
                if trace.starts[child] < trace.ends[child] == reached <= trace.ends[span]
            ]
            if ended:
                child = min(ended, key=lambda each: (trace.starts[each], each))
                reached = walk(child, reached, max(trace.starts[child], floor))
            else:
                reached -= 1
                found[reached] = span
        return reached

    span = max(range(len(trace.ends)), key=lambda each: (trace.ends[each], -each))
    reached = trace.ends[span]
    while span >= 0:
        reached = min(walk(span, min(reached, trace.ends[span]), trace.starts[span]), reached)
        reached = min(reached, trace.starts[span])
        span = trace.parents[span]
    return found


def own_by_moments(trace: Times, span: int) -> set[int]:
    covered = {
        moment
        for child in trace.children[span]
        for moment in range(trace.starts[child], trace.ends[child])
    }
    return set(range(trace.starts[span], trace.ends[span])) - covered


def test_it_says_where_the_time_went() -> None:
    spans = ((0, 1240, -1), (20, 1220, 0), (30, 432, 1), (434, 830, 1), (832, 1218, 1))
    trace = times(*((start * MILLISECOND, end * MILLISECOND, up) for start, end, up in spans))
    names = [("petstore", "SearchPets"), ("store", "store.Query"), *[("store", "SELECT")] * 3]
    found = where_time_went(trace, Coded.of(names))
    assert found.shares[0].operation == "SELECT"
    assert found.sentences == ("95% in store SELECT, 3 times (402 ms, 396 ms, 386 ms)",)
    assert sum(segment.end - segment.start for segment in found.path) == 1240 * MILLISECOND


def test_it_counts_by_operation_what_the_path_has_and_what_is_their_own() -> None:
    spans = ((0, 100, -1), (10, 40, 0), (20, 90, 0), (50, 60, 2))
    names = [("shop", "Buy"), ("store", "Get"), ("store", "Get"), ("store", "lock")]
    found = where_time_went(times(*spans), Coded.of(names))
    assert [
        (each.operation, each.spans, each.path, each.own, each.row) for each in found.operations
    ] == [("Get", 2, 60, 90, 2), ("Buy", 1, 30, 20, 0), ("lock", 1, 10, 10, 3)]


def test_it_names_the_longest_gap() -> None:
    trace = times((0, 100 * MILLISECOND, -1), (0, 10 * MILLISECOND, 0))
    found = where_time_went(trace, Coded.of([("shop", "Buy"), ("shop", "check")]))
    assert found.sentences == (
        "90% in shop Buy, 90 ms",
        "10% in shop check, 10 ms",
        "90 ms in shop Buy with no child span running",
    )


def test_it_says_nothing_of_a_trace_that_took_no_time() -> None:
    assert where_time_went(times((5, 5, -1)), Coded.of([("a", "b")])).sentences == ()


def test_it_leaves_placeholders_out() -> None:
    found = where_time_went(times((0, 10, -1), (2, 10, 0)), Coded.of([None, ("a", "b")]))
    assert found.path == (Segment(1, 2, 10),)
