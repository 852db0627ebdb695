"""A service whose root spans are numbered, 100 a second; how they are sampled is the SDK's."""

import itertools
import time

from opentelemetry import trace

tracer = trace.get_tracer("agents")
for number in itertools.count():
    with tracer.start_as_current_span("work", attributes={"number": number}):
        pass
    time.sleep(0.01)
