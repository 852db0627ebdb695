"""What /metrics tells of this process."""

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
    "Slices of time that Jaeger was asked for in a search of traces.",
    buckets=(1, 2, 3, 5, 10, 20, 40),
)
audit_failures = Counter("opsportal_audit_failures", "Audit rows that could not be written.")
http_connections = Gauge("opsportal_http_connections", "Connections that browsers and others hold.")
kept_bytes = Gauge("opsportal_kept_bytes", "Bytes of the answers that no longer change.")
reads_under_way = Gauge(
    "opsportal_reads_under_way", "Reads of backends, each of them one for all who ask for it."
)
_tasks = Gauge("opsportal_tasks", "What the event loop is working on, or waits for.")
_watched: dict[str, WeakValueDictionary[int, Sized]] = {}


def watched(name: str, cache: S) -> S:
    """Let /metrics show how much a cache or queue has; those of one name are added up."""
    _watched.setdefault(name, WeakValueDictionary())[id(cache)] = cache
    return cache


def count_tasks() -> None:
    """Note how many tasks the running loop has: whoever asks for metrics does it in the loop."""
    _tasks.set(len(asyncio.all_tasks()))


class _Sizes(Collector):
    """Looks at what is watched when somebody asks for it."""

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
        "Entries that this process keeps in memory, by what they are.",
        labels=["what"],
    )


REGISTRY.register(_Sizes())


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
