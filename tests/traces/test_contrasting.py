"""What is said of two windows: only what is not chance."""

import random
import string
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from ops.sites import Site, sites
from ops.traces.contrasting import contrast
from ops.traces.failing import MOST_GROUPS
from ops.traces.tally import MOST_ERRORS, tally
from ops.traces.windows import Share, StatementKind, WindowComparison
from ops.vocabulary.observed import ObservedTrace, ObservedWindow
from ops.vocabulary.timerange import HOUR, MILLISECOND, MINUTE, SECOND
from tests.conftest import SiteFile
from tests.traces.observing import ran, seen

PAIRS = 1_000
FALSE = 10  # of these may be said to differ


@pytest.fixture
def site(site_file: SiteFile) -> Site:
    site_file("[sites.production]\n[sites.production.services.shop]\n")
    return sites().site()


def compare(
    site: Site, now: Sequence[ObservedTrace], before: Sequence[ObservedTrace], *, cut: bool = False
) -> WindowComparison:
    """Compare an hour with the one before."""
    return contrast(
        site,
        "shop",
        tally(_window(now, 2 * HOUR, cut=cut)),
        tally(_window(before, HOUR)),
    )


def _window(traces: Sequence[ObservedTrace], end: int, *, cut: bool = False) -> ObservedWindow:
    start = end - HOUR
    numbered = tuple(
        replace(each, trace_id=f"{number:032x}", start=start + number)
        for number, each in enumerate(traces)
    )
    return ObservedWindow("shop", start, end, numbered, cut)


def test_what_failed_is_counted_by_the_minute_in_which_a_trace_started() -> None:
    start = 7 * HOUR
    traces = tuple(
        replace(seen(error=error), start=start + offset)
        for error, offset in (("refused", 0), (None, MINUTE - 1), (None, 2 * MINUTE))
    )
    found = tally(ObservedWindow("shop", start, start + HOUR, traces, cut=False))
    minutes = ((start, Share(2, 1)), (start + 2 * MINUTE, Share(1, 0)))
    assert (found.window.minutes, found.window.every) == (minutes, Share(3, 1))


def words(found: WindowComparison) -> list[str]:
    return [each.words for each in found.statements]


def test_of_windows_that_differ_by_chance_hardly_anything_is_said(site: Site) -> None:
    """1,000 pairs of windows in which nothing differs; versions, instances, five operations."""
    source = random.Random(1)
    processes = [ran(v, f"shop-{v}-{i}") for v in ("1.2.0", "1.3.0") for i in range(2)]

    def window(size: int, share: float) -> list[ObservedTrace]:
        return [
            seen(
                source.choice(processes),
                source.choice(["refused", "no stock"]) if source.random() < share else None,
                operation=source.choice("ABCDE"),
                duration=int(20 * MILLISECOND * source.lognormvariate(0, 0.8)),
            )
            for _ in range(size)
        ]

    said = 0
    for _ in range(PAIRS):
        share, sizes = source.choice([0, 0.01, 0.1, 0.4]), (10, 20, 60)
        found = compare(
            site, window(source.choice(sizes), share), window(source.choice(sizes), share)
        )
        said += bool(found.statements)
    assert said <= FALSE


def test_a_rollout_that_is_half_done_names_the_version_and_no_instance(site: Site) -> None:
    now = [seen(ran("1.3.0", f"shop-{n % 2}"), "refused" if n % 5 else None) for n in range(40)]
    now += [seen(ran("1.2.0", f"shop-{2 + n % 2}")) for n in range(60)]
    found = compare(site, now, [seen()] * 200)
    assert words(found) == [
        "shop 1.3.0 fails 80% of 40 traces, 1.2.0 none of 60",
        "New: refused in QuerySearch of store in 32 of 100 traces, none of 200 the hour before",
    ]


def test_one_bad_instance_is_named(site: Site) -> None:
    now = [
        seen(ran("1.2.0", f"shop-{n % 3}"), "refused" if not n % 3 and n % 2 else None)
        for n in range(120)
    ]
    found = compare(site, now, [seen(ran("1.2.0", f"shop-{n % 3}")) for n in range(120)])
    service, instance, error = words(found)
    assert instance == "shop-0 fails 50% of 40 traces, the other 2 instances none of 80"
    assert service == "shop fails 17% of 120 traces, none of 120 the hour before"
    assert error.startswith("New: refused in QuerySearch of store in 20 of 120 traces")


def test_after_a_finished_rollout_the_hour_before_is_compared(site: Site) -> None:
    found = compare(site, [seen(ran("1.3.0"), "refused")] * 30, [seen()] * 300)
    assert (
        words(found)[0] == "shop 1.3.0 fails 100% of 30 traces, 1.2.0 none of 300 the hour before"
    )


def test_a_slow_version_is_named_and_the_deepest_operation_comes_first(site: Site) -> None:
    now = [seen(ran("1.3.0", "a"), duration=SECOND + n * MILLISECOND) for n in range(31)]
    now += [seen(ran("1.2.0", "b"), duration=20 * MILLISECOND + n) for n in range(60)]
    found = compare(site, now, [seen(duration=20 * MILLISECOND + n) for n in range(300)])
    assert words(found) == [
        "Search takes 1.01 s on 1.3.0 (median of 31 traces), 20 ms on 1.2.0 (of 60)"
    ]


def test_what_takes_longer_everywhere_is_compared_with_the_hour_before(site: Site) -> None:
    found = compare(
        site,
        [seen(duration=400 * MILLISECOND + n) for n in range(30)],
        [seen(duration=20 * MILLISECOND + n) for n in range(90)],
    )
    assert words(found) == [
        "QuerySearch of store takes 399 ms (median of 30 traces), 19 ms the hour before (of 90)",
        "Search takes 400 ms (median of 30 traces), 20 ms the hour before (of 90)",
    ]
    assert found.unchanged == ("shop 1.2.0", "store 4.0.7")


@pytest.mark.parametrize("failed", [1, 2])
def test_a_few_failures_are_no_news(site: Site, failed: int) -> None:
    now = [seen(error="refused")] * failed + [seen()] * 20
    found = compare(site, now, [seen()] * 2_000)
    assert (words(found), found.failures[0].traces, found.failures[0].is_new) == ([], failed, False)
    assert found.other_failures == found.failures


def test_without_traces_before_nothing_is_said_to_be_new(site: Site) -> None:
    found = compare(site, [seen(error="refused")] * 50, [])
    assert (words(found), found.failures[0].traces) == ([], 50)


def test_an_error_that_was_there_before_is_not_new(site: Site) -> None:
    before = [seen(error="refused")] * 2 + [seen()] * 198
    found = compare(site, [seen(error="refused")] * 40 + [seen()] * 60, before)
    assert [each.kind for each in found.statements] == [StatementKind.SERVICE, StatementKind.ERROR]
    assert words(found)[1] == (
        "More often: refused in QuerySearch of store in 40 of 100 traces, 2 of 200 the hour before"
    )
    assert (found.failures[0].before, found.failures[0].is_new) == (2, False)
    assert found.other_failures == (), "it is said already"


def test_after_more_kinds_of_errors_than_are_counted_nothing_is_new(site: Site) -> None:
    letters = [f"{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}" for n in range(676)]
    before = [seen(error=f"no {each}zz") for each in letters]
    assert len(before) > MOST_ERRORS
    found = compare(site, [seen(error="refused")] * 400, before)
    assert not any(each.is_new for each in found.failures)
    assert not any("New" in each for each in words(found))


def test_windows_in_which_everything_differs_say_nothing(site: Site) -> None:
    """Each trace with a version, instance, operation and error of its own: all is bounded."""
    pairs = ["".join(each) for each in product(string.ascii_lowercase, repeat=2)]
    names = [f"{pair}{letter}zz" for letter in "xyz" for pair in pairs]
    every = [seen(ran(each, each), f"no {each}", operation=each) for each in names]
    found = compare(site, every, every)
    assert (words(found), len(found.failures)) == ([], MOST_GROUPS)
    assert found.failures_left_out == len(every) - MOST_GROUPS


@pytest.mark.parametrize(
    "error",
    ["", "\u202egnp.exe", "x" * 300, "<script>alert(1)</script>", "a\nb\x00c", '"' * 80, "true"],
)
def test_hostile_error_texts_are_only_text(site: Site, error: str) -> None:
    found = compare(site, [seen(error=error)] * 40, [seen()] * 40)
    assert found.failures[0].traces == 40
    assert all(len(each.words) < 400 for each in found.statements)
    assert all(str(each.query) for each in found.statements)


def test_ids_and_numbers_do_not_make_an_error_another(site: Site) -> None:
    texts = [
        f"order {n} of 4bf92f35-77b3-4da6-a3ce-{n:012x} timed out after {n}.5 s" for n in range(9)
    ]
    found = compare(site, [seen(error=each) for each in texts], [seen()])
    assert [(each.message, each.traces) for each in found.failures] == [
        ("order … of … timed out after … s", 9)
    ]
