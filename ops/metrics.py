"""The metrics of this process that /metrics shows."""

import asyncio
import time
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

S = TypeVar("S", bound=Sized)

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
    "Time slices requested from Jaeger in one trace search.",
    buckets=(0, 1, 2, 3, 5, 10, 20, 40),
)
audit_failures = Counter("opsportal_audit_failures", "Audit rows that could not be written.")
http_connections = Gauge("opsportal_http_connections", "Open HTTP connections.")
live_sockets = Gauge("opsportal_live_sockets", "Open pages that are kept up to date.")
live_parts = Gauge(
    "opsportal_live_parts", "What is rendered for open pages; equal views are rendered once."
)
kept_bytes = Gauge("opsportal_kept_bytes", "Bytes of cached answers that no longer change.")
reads_under_way = Gauge(
    "opsportal_reads_under_way", "Backend reads in flight; identical requests share one."
)
_tasks = Gauge("opsportal_tasks", "Tasks on the event loop, running or waiting.")
_watched: dict[str, WeakValueDictionary[int, Sized]] = {}


def watched(name: str, cache: S) -> S:
    """Show the size of a cache or queue on /metrics; sizes under the same name are added up."""
    _watched.setdefault(name, WeakValueDictionary())[id(cache)] = cache
    return cache


def count_tasks() -> None:
    """Record how many tasks the running loop has; called in the loop for each /metrics request."""
    _tasks.set(len(asyncio.all_tasks()))


class _Sizes(Collector):
    """Read the watched sizes for each /metrics request."""

    def describe(self) -> list[Metric]:
        return [_family()]

    def collect(self) -> Iterator[Metric]:
        family = _family()
        for name, caches in sorted(_watched.items()):
            family.add_metric([name], sum(map(len, [*caches.values()])))
        yield family


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "opsportal_kept",
        "Entries in this process's caches and queues, by name.",
        labels=["what"],
    )


REGISTRY.register(_Sizes())


@contextmanager
def backend_call(backend: str) -> Iterator[None]:
    """Count and time a call to a backend; the outcome is "ok" or the exception's name."""
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
