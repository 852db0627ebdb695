"""The telemetry of a service instance: spans over OTLP, metrics in a registry."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import grpc
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SENT_EVERY = 500  # milliseconds
FAREWELL = 700  # milliseconds for sending the remaining spans at the end
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0)
_FAILURES = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
)


class Failure(Exception):
    """A call that fails, with its gRPC status and one sentence."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Telemetry:
    """One instance's tracer and metrics: `registry` is what `/metrics` shows.

    The metrics are `SERVICE_build_info`, `SERVICE_requests_total` by operation and code, and
    `SERVICE_request_seconds`. `otlp` is where spans go: host:port, or a URL. Without a sampler
    the instance follows its callers.
    """

    def __init__(
        self,
        service: str,
        *,
        instance: str,
        version: str,
        otlp: str,
        operations: Sequence[str],
        sampler: Sampler | None = None,
    ) -> None:
        self.service = service
        self.instance = instance
        self._sampler = sampler or ParentBased(ALWAYS_ON)
        self._sender = _Sender(otlp)
        self._measure(operations)
        self.change_version(version)

    def change_version(self, version: str) -> None:
        """Report this version from now on; calls that have started end with the old one."""
        resource = Resource.create(
            {
                "service.name": self.service,
                "service.instance.id": self.instance,
                "service.version": version,
            }
        )
        # A resource cannot change, so each version has a provider; all of them use one sender.
        provider = TracerProvider(self._sampler, resource, shutdown_on_exit=False)
        provider.add_span_processor(self._sender)
        self._tracer = provider.get_tracer("opsportal.demo")
        self._build.clear()
        self._build.labels(version).set(1)

    def _measure(self, operations: Sequence[str]) -> None:
        self.registry = CollectorRegistry()
        self._build = Gauge(
            f"{self.service}_build_info", "The version.", ["version"], registry=self.registry
        )
        self._requests = Counter(
            f"{self.service}_requests",
            "Requests answered.",
            ["operation", "code"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            f"{self.service}_request_seconds",
            "Seconds per request.",
            buckets=BUCKETS,
            registry=self.registry,
        )
        # Start at 0, so that a rate shows even the first failure.
        for operation in operations:
            for code in (grpc.StatusCode.OK, *_FAILURES):
                self._requests.labels(operation, code.name)

    @contextmanager
    def call(self, operation: str, parent: Context | None = None) -> Iterator[Span]:
        """Trace a call with a server span, and count and time it."""
        began = time.perf_counter()
        code = grpc.StatusCode.UNKNOWN
        try:
            with self._span(operation, SpanKind.SERVER, parent) as span:
                yield span
            code = grpc.StatusCode.OK
        except Failure as failure:
            code = failure.code
            raise
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        finally:
            self._requests.labels(operation, code.name).inc()
            self._seconds.observe(time.perf_counter() - began)

    @contextmanager
    def step(self, operation: str, **attributes: AttributeValue) -> Iterator[Span]:
        """Trace a part of the work with an inner span; `db_system` sets `db.system`."""
        with self._span(operation, SpanKind.INTERNAL) as span:
            for name, value in attributes.items():
                span.set_attribute(name.replace("_", "."), value)
            yield span

    @contextmanager
    def _span(
        self, operation: str, kind: SpanKind, parent: Context | None = None
    ) -> Iterator[Span]:
        """Trace a piece of work; a Failure becomes an event and the span's status.

        The SDK's own event would contain a stack trace with paths of this machine.
        """
        with self._tracer.start_as_current_span(
            operation, parent, kind, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except Failure as failure:
                kind_of_failure = type(failure).__name__
                attributes = {"exception.type": kind_of_failure, "exception.message": str(failure)}
                span.add_event("exception", attributes)
                span.set_status(StatusCode.ERROR, str(failure))
                raise

    def close(self) -> None:
        """Send the remaining spans; blocks for less than a second."""
        self._sender.shutdown()


@asynccontextmanager
async def telling(*sources: Telemetry) -> AsyncIterator[None]:
    """Close all of them together at the end, in threads: the receiver may run in this loop."""
    try:
        yield
    finally:
        await asyncio.gather(*(asyncio.to_thread(source.close) for source in sources))


class _Sender(BatchSpanProcessor):
    """Sends spans in batches; unlike the SDK, it does not wait for a dead receiver at the end."""

    def __init__(self, otlp: str) -> None:
        endpoint = otlp if "://" in otlp else f"http://{otlp}"
        super().__init__(OTLPSpanExporter(endpoint=endpoint), schedule_delay_millis=SENT_EVERY)

    def shutdown(self) -> None:
        self._batch_processor.shutdown(FAREWELL)
