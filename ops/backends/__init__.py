"""The only code that opens connections: Jaeger, Prometheus, instances' samplers.

    clients                                 the backends of this process, one of each
       │
    jaeger       prometheus    samplers     what each offers to our actions
       │             │             │
    trace_search  safe_json        │        how the newest traces are found; JSON within limits
    otlp          http          grpc_errors, grpc_channels
       └─────────────┴─────────────┘
                   calls, breaker           deadline, queue, sharing, circuit breaker

Every failure below becomes an OpsError above: one sentence with the backend's name, its address
and what to check. Protobuf messages and HTTP answers do not leave this package.
"""

import os

# Connection problems become sentences; without this, gRPC would also write them to stderr.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
