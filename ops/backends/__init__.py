"""The only code that opens connections: Jaeger, Prometheus, instances' samplers."""

import os

# Connection problems become sentences; without this, gRPC would also write them to stderr.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
