"""A release of the petstore whose requests fail: what its instances, Jaeger and Prometheus say."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tests.fakes.instance import FakeInstance
from tests.fakes.jaeger import MILLISECOND, FakeJaeger, span, trace
from tests.fakes.prometheus import Body, FakePrometheus, alert

GOOD, BAD = "1.2.0", "1.3.0"
VERSION = 'version = "petstore_build_info"\n'
KNOWN = 40  # traces of each kind: fewer would not carry a statement


def runs(prometheus: FakePrometheus, instances: Sequence[FakeInstance], *versions: str) -> None:
    """Say which versions the instances run."""
    prometheus.says(
        "petstore_build_info",
        *(
            ({"instance": each.address, "version": version}, 1)
            for each, version in zip(instances, versions, strict=True)
        ),
    )


def traces(jaeger: FakeJaeger, version: str, *, start: int, failing: bool = False) -> None:
    """Let Jaeger have traces of a version, which start then (Unix nanoseconds)."""
    resource = {"service.version": version}
    for _ in range(KNOWN):
        error = "division by zero in a discount" if failing else None
        quote = span("prices", "prices.Quote", error=error, duration=4 * MILLISECOND)
        jaeger.add(
            trace(
                span(
                    "petstore",
                    "SearchPets",
                    children=[quote],
                    error="no price" if failing else None,
                    resource=resource,
                    start=start,
                )
            )
        )


def fails() -> Body:
    """The alert of the failing requests, which has just started to fire."""
    since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    texts = {"summary": "12% of requests to petstore fail, over 5%"}
    return alert(
        "FailingRequests", active_at=since, annotations=texts, severity="critical", job="petstore"
    )
