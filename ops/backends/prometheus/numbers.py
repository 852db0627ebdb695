"""The one number that a service's query returns."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from ops.backends.prometheus.results import Sample, Series, Vector
from ops.errors import InvalidInput, OpsError
from ops.sites import Service

S = TypeVar("S", Sample, Series)


def number_of(
    service: Service, key: str, answers: Mapping[str, Vector | OpsError]
) -> float | OpsError | None:
    """Return the number that the service's query `key` returned, the error in its place, or None.

    None means that there is no query, or no finite number. `answers` are by query.
    """
    promql = getattr(service, key)
    answer = answers.get(promql)
    if answer is None or isinstance(answer, OpsError):
        return answer
    values = [sample.value for sample in own_series(service, key, answer.samples)]
    if len(values) > 1:
        return several(promql, len(values))
    return values[0] if values and math.isfinite(values[0]) else None


def own_series(service: Service, key: str, found: Sequence[S]) -> Sequence[S]:
    """Return the service's own series: everything its own query returns, unless that is several.

    Of several series, and of the results of a query that the site defines for all services, the
    ones with the service's labels are its own.
    """
    if len(found) <= 1 and key not in service.shared:
        return found
    own = [each for each in found if service.alerts.items() <= each.labels.items()]
    return own if key in service.shared or own else found


def several(promql: str, count: int) -> InvalidInput:
    """Return the error for a query that should return one number and returns more."""
    return InvalidInput(f"the query {promql} returns {count} series; it must return one number")
