"""Windows of observed traces for tests of what is said of them."""

from ops.vocabulary.observed import DeepestError, ObservedTrace, Ran, Work
from ops.vocabulary.timerange import MILLISECOND

STORE = Ran("store", "4.0.7", "store-1", "service.version", "service.instance.id")


def ran(version: str = "1.2.0", instance: str = "shop-1") -> Ran:
    return Ran("shop", version, instance, "service.version", "service.instance.id")


def seen(
    by: Ran | None = None,
    error: str | None = None,
    *,
    operation: str = "Search",
    duration: int = 20 * MILLISECOND,
) -> ObservedTrace:
    """A request to the shop that asks the store, where it fails with an error."""
    by, failed = by or ran(), error is not None
    work = (
        Work(by, operation, duration, failed),
        Work(STORE, f"Query{operation}", duration - MILLISECOND, failed),
    )
    deepest = DeepestError(STORE, f"Query{operation}", error, True) if error is not None else None
    return ObservedTrace("", 0, duration, work, deepest)
