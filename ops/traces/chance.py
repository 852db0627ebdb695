"""Whether a difference between two sets of traces may be chance. Pure.

One look tests many operations, versions and instances, and one in fifty of them would be said to
differ at a level of 2% each, though none does. So all of them share one level:

- shares: Fisher's exact test, one-sided (R. A. Fisher, Statistical Methods for Research Workers,
  1934, section 21.02). It is exact for small numbers too, also where nothing failed before.
- durations: the rank-sum test, one-sided, in its normal approximation with ties (H. B. Mann and
  D. R. Whitney, Annals of Mathematical Statistics 18, 1947). It needs no shape of the durations.
- all together: Holm's step-down procedure (S. Holm, Scandinavian Journal of Statistics 6, 1979),
  which holds the chance of any false statement at LEVEL, however the tests depend on each other.

Differences that are too small to matter are not stated either, so that of 1,000 pairs of windows
in which nothing differs fewer than 10 get a statement (tests/traces/test_contrasting.py).

The tests take traces to be independent of each other, so a trace counts once for an operation,
however many spans of it there are. That the store has only a sample of all traces makes numbers
smaller and statements fewer, as long as sampling does not depend on what failed.
"""

import math
from collections.abc import Sequence

import numpy as np

LEVEL = 0.02
LEAST_RANKED = 8  # of each side: with fewer, the normal approximation is not good enough
_NEGLIGIBLE = 1e-12


def more_often(failed: int, of: int, failed_before: int, of_before: int) -> float:
    """Return the chance of at least so many failed traces if both sides fail equally often."""
    failing, every = failed + failed_before, of + of_before
    most = min(failing, of)
    term = math.exp(
        _log_choose(failing, failed)
        + _log_choose(every - failing, of - failed)
        - _log_choose(every, of)
    )
    total = term
    for number in range(failed, most):
        # The next term of the hypergeometric distribution from this one.
        term *= (failing - number) * (of - number)
        term /= (number + 1) * (every - failing - of + number + 1)
        total += term
        if term < _NEGLIGIBLE * total:
            break
    return min(total, 1.0)


def longer(durations: Sequence[int], before: Sequence[int]) -> float:
    """Return the chance of durations that rank so high if both sides take equally long."""
    both = np.concatenate((np.asarray(durations, np.int64), np.asarray(before, np.int64)))
    first, second, every = len(durations), len(before), len(both)
    _, places, counts = np.unique(both, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[places]  # those with the same duration share a rank
    above = float(ranks[:first].sum()) - first * (first + 1) / 2
    tied = float((counts.astype(float) ** 3 - counts).sum()) / (every * (every - 1))
    variance = first * second / 12 * (every + 1 - tied)
    if variance <= 0:
        return 1.0
    distance = (above - first * second / 2 - 0.5) / math.sqrt(variance)
    return math.erfc(distance / math.sqrt(2)) / 2


def beyond_chance(chances: Sequence[float], level: float = LEVEL) -> frozenset[int]:
    """Return the numbers of those that are not chance, of all that were tested together."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    for rank, number in enumerate(order):
        if chances[number] > level / (len(chances) - rank):
            return frozenset(order[:rank])
    return frozenset(order)


def _log_choose(of: int, number: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(number + 1) - math.lgamma(of - number + 1)
