"""What /metrics tells of this process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

requests = Counter(
    "opsportal_requests", "Requests answered, by door and status.", ["door", "status"]
)
request_seconds = Histogram(
    "opsportal_request_seconds", "Seconds to answer a request.", ["door"], buckets=_BUCKETS
)
actions = Counter("opsportal_actions", "Actions run, by outcome.", ["action", "door", "outcome"])
action_seconds = Histogram(
    "opsportal_action_seconds", "Seconds an action took.", ["action"], buckets=_BUCKETS
)
backend_calls = Counter(
    "opsportal_backend_calls", "Calls to backends, by outcome.", ["backend", "outcome"]
)
backend_seconds = Histogram(
    "opsportal_backend_seconds", "Seconds a backend took.", ["backend"], buckets=_BUCKETS
)
search_calls = Histogram(
    "opsportal_search_calls",
    "Slices of time that Jaeger was asked for in a search of traces.",
    buckets=(1, 2, 3, 5, 10, 20, 40),
)
audit_failures = Counter("opsportal_audit_failures", "Audit rows that could not be written.")


@contextmanager
def backend_call(backend: str) -> Iterator[None]:
    """Count and time a call to a backend; its outcome is "ok" or the exception's name."""
    started = time.perf_counter()
    outcome = "ok"
    try:
        yield
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        backend_calls.labels(backend, outcome).inc()
        backend_seconds.labels(backend).observe(time.perf_counter() - started)
