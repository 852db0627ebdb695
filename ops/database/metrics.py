"""What /metrics shows about the database, as this process sees it."""

from typing import TypeVar

from prometheus_client import Counter, Gauge

E = TypeVar("E", bound=Exception)

waiting = Gauge("opsportal_database_waiting", "Pieces of work waiting for a connection.")
turned_away = Counter(
    "opsportal_database_refused", "Pieces of work refused because the database was too busy."
)


def refused(error: E) -> E:
    """Count refused work, and return the error to raise."""
    turned_away.inc()
    return error
