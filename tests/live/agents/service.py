"""A service whose root spans are numbered, 100 a second; how they are sampled is the SDK's."""

import itertools
import time

from opentelemetry import trace

tracer = trace.get_tracer("agents")
for number in itertools.count():
    with tracer.start_as_current_span("work") as span:
        span.set_attribute("number", number)  # EDOT's sampler drops those given at the start
    time.sleep(0.01)
