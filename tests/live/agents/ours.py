"""The service of service.py with opsportal-sampler: ours.py SAMPLER_ARG OTLP_URL SERVICE."""

import runpy
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opsportal_sampler import parentbased_jaeger_remote

argument, url, name = sys.argv[1:]


class Exporter(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        body = encode_spans(spans).SerializeToString()
        request = urllib.request.Request(f"{url}/v1/traces", body)
        urllib.request.urlopen(request).close()
        return SpanExportResult.SUCCESS


provider = TracerProvider(
    sampler=parentbased_jaeger_remote(argument), resource=Resource.create({"service.name": name})
)
provider.add_span_processor(BatchSpanProcessor(Exporter(), schedule_delay_millis=200))
trace.set_tracer_provider(provider)
runpy.run_path(str(Path(__file__).with_name("service.py")))
