"""Prometheus, or a server with the same HTTP API: Thanos, Mimir, VictoriaMetrics.

    client      what we ask: queries, ranges, alerting rules
    batching    many queries sent as few requests
    results     the answers to queries
    numbers     the one number that a query of a service returns
    rules       alerts, and rules that cannot be evaluated
    errors      what went wrong as a sentence that says what to check

Connections and their limits are in ops.backends.http.
"""

from ops.backends.prometheus.client import Prometheus
from ops.backends.prometheus.results import Matrix, Sample, Series, Vector
from ops.backends.prometheus.rules import Rules

__all__ = ["Matrix", "Prometheus", "Rules", "Sample", "Series", "Vector"]
