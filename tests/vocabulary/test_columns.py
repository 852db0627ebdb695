"""Columns: their order, and distances along chains."""

import random

import numpy as np
import pytest

from ops.vocabulary.columns import (
    Coded,
    counted,
    distinct_with_places,
    order_of,
    steps_to_end,
)


@pytest.mark.parametrize("largest", [3, 65_534, 65_535, 200_000, 2**32 - 2])
def test_it_orders_numbers_and_leaves_equal_ones_as_they_are(largest: int) -> None:
    source = random.Random(largest)
    known = [-1, 0, largest, *(source.randint(-1, largest) for _ in range(50))]
    numbers = source.choices(known, k=1000)
    assert order_of(np.array(numbers)).tolist() == sorted(range(1000), key=numbers.__getitem__)


def test_it_orders_nothing() -> None:
    assert order_of(np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize("numbers", [[], [0], [7, 2, 7, 0], [2**62, 2, 2**62, 0]])
def test_it_finds_distinct_numbers_whether_small_or_large(numbers: list[int]) -> None:
    distinct, places = distinct_with_places(np.array(numbers, np.int64))
    assert distinct.tolist() == sorted(set(numbers))
    assert [distinct[place] for place in places] == numbers


def test_it_counts_in_the_order_of_first_occurrence() -> None:
    assert counted([7, 2, 7, 0]) == [(7, 2), (2, 1), (0, 1)]
    assert Coded.of(["b", "a", "b"]).distinct() == ["b", "a"]


def test_it_counts_the_steps_to_the_end_and_finds_cycles() -> None:
    following = np.array([1, 2, 5, 4, 3, -1])
    steps = steps_to_end(following)
    assert steps[[0, 1, 2, 5]].tolist() == [3, 2, 1, 0]
    assert (steps[[3, 4]] > len(following)).all()
