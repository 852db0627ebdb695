"""The only code that opens connections: Jaeger, Prometheus, instances' samplers."""

import os

# What goes wrong with a connection is told in sentences; gRPC would also write it to stderr.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
