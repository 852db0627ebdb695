"""Differences that may be chance: the tests against their definitions and tables."""

import math
import random

import pytest

from ops.traces.chance import beyond_chance, longer, more_often


def test_a_share_is_compared_by_fishers_exact_test() -> None:
    """The lady tasting tea guessed all four, or three of four: Fisher's own numbers."""
    assert more_often(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert more_often(3, 4, 1, 4) == pytest.approx(17 / 70)


@pytest.mark.parametrize("numbers", [(0, 10, 0, 10), (0, 10, 5, 10), (5, 5, 7, 7), (1, 1, 0, 0)])
def test_what_cannot_be_more_is_chance(numbers: tuple[int, int, int, int]) -> None:
    assert more_often(*numbers) == pytest.approx(1)


def test_large_numbers_neither_overflow_nor_take_long() -> None:
    assert more_often(60_000, 100_000, 40_000, 100_000) < 1e-300
    assert 0.4 < more_often(50_000, 100_000, 50_000, 100_000) < 0.6


def test_it_adds_up_every_case_that_is_at_least_as_extreme() -> None:
    source = random.Random(1)
    for _ in range(200):
        of, of_before = source.randrange(1, 12), source.randrange(1, 12)
        failed, before = source.randint(0, of), source.randint(0, of_before)
        every, failing = of + of_before, failed + before
        cases = [
            math.comb(failing, k) * math.comb(every - failing, of - k)
            for k in range(failed, min(of, failing) + 1)
            if of - k <= every - failing
        ]
        expected = sum(cases) / math.comb(every, of)
        assert more_often(failed, of, before, of_before) == pytest.approx(expected)


def test_durations_are_compared_by_their_ranks() -> None:
    """Mann and Whitney's U of 8 and 8 that do not overlap is 64, 3.31 deviations away."""
    high, low = range(100, 108), range(8)
    assert longer(high, low) == pytest.approx(0.00047, rel=0.02)
    assert longer(low, high) > 0.999
    assert longer([5] * 20, [5] * 20) == 1.0, "ties say nothing"


def test_ties_make_a_difference_less_certain() -> None:
    assert longer([1] * 10 + [2] * 10, [1] * 20) > longer(range(21, 41), range(1, 21))


def test_more_tests_need_a_smaller_chance_each() -> None:
    level = 0.05
    assert beyond_chance([0.04], level) == {0}
    assert beyond_chance([0.04, 0.04], level) == frozenset()
    # Once the first is settled, the others share the level.
    assert beyond_chance([0.01, 0.5, 0.02, 0.03], level) == {0}
    assert beyond_chance([0.001, 0.5, 0.012, 0.03], level) == {0, 2}
    assert beyond_chance([], level) == frozenset()
