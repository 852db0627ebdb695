"""How a real Jaeger words that a request is invalid: only that tells it from a failure."""

import time
from collections.abc import Callable

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from ops.backends.error_texts import REFUSED_BY_JAEGER
from proto.jaeger.api_v3.query_pb2 import FindTracesRequest, GetTraceRequest, TraceQueryParameters
from proto.jaeger.api_v3.query_pb2_grpc import QueryServiceStub
from tests.live import servers

ASKED = TraceQueryParameters(
    service_name="petstore",
    start_time_min=Timestamp(seconds=1),
    start_time_max=Timestamp(seconds=int(time.time())),
)


@pytest.mark.parametrize(
    "call",
    [
        lambda stub: stub.GetTrace(GetTraceRequest(trace_id="petstore")),
        lambda stub: stub.FindTraces(FindTracesRequest(query=ASKED)),  # no depth
    ],
    ids=["a trace ID that is none", "no search depth"],
)
def test_it_recognizes_that_jaeger_refuses(
    jaeger: servers.Jaeger, call: Callable[[QueryServiceStub], object]
) -> None:
    with grpc.insecure_channel(jaeger.query) as channel, pytest.raises(grpc.RpcError) as caught:
        list(call(QueryServiceStub(channel)))  # type: ignore[call-overload]
    error = caught.value
    assert isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNKNOWN
    assert any(text in (error.details() or "") for text in REFUSED_BY_JAEGER)
