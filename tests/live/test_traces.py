"""Traces of the real Jaeger, through each door."""

import asyncio
import re
import time
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest

from proto.ops import ops_pb2
from tests.live.conftest import Person

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

UNKNOWN = "00000000000000000000000000c0ffee"
REASON = "pets[0].name is missing"


async def test_it_finds_failing_traces_though_the_server_cannot(
    ops: "OpsAsyncStub", operator: Person, failed: str
) -> None:
    request = ops_pb2.ListTracesReq(tags=["error"], search_depth=100)
    found = await ops.ListTraces(request, metadata=operator.metadata)
    assert failed in [trace.id for trace in found.traces]
    assert all(trace.error_count for trace in found.traces)
    assert found.fetched > len(found.traces)
    starts = [trace.start for trace in found.traces]
    assert starts == sorted(starts, reverse=True)


def test_it_finds_failing_traces_in_the_browser(operator: Person, failed: str) -> None:
    page = operator.opens("/traces/", q="error operation=AddPets")
    heading = re.search(r"(\d+) traces?, (\d+) failed", page)
    assert heading and heading[1] == heading[2]
    assert REASON in page


def test_it_finds_failing_traces_in_the_console(operator: Person, failed: str) -> None:
    answer = operator.says("list traces error operation=AddPets limit=100")
    assert failed in answer
    assert REASON in answer


async def test_it_shows_a_trace(ops: "OpsAsyncStub", operator: Person, failed: str) -> None:
    found = await ops.ShowTrace(ops_pb2.ShowTraceReq(id=failed), metadata=operator.metadata)
    assert found.operations == ["AddPets", "pets.Validate"]
    assert REASON in found.errors[0]
    assert found.url.endswith(f"/trace/{failed}")
    assert f"AddPets failed after {_shown(found)}" in operator.opens(f"/traces/{failed}/")
    assert REASON in operator.says(f"show trace {failed}")


def _shown(found: ops_pb2.ShowTraceResp) -> str:
    """The duration to three digits, as people see it."""
    microseconds = found.duration.ToNanoseconds() / 1000
    return f"{microseconds:.3g} µs" if microseconds < 1000 else f"{microseconds / 1000:.3g} ms"


async def test_it_shows_logs(ops: "OpsAsyncStub", operator: Person, failed: str) -> None:
    found = await ops.ShowLogs(ops_pb2.ShowLogsReq(id=failed), metadata=operator.metadata)
    fields = {field.key: field.v_str for log in found.logs for field in log.fields}
    assert fields["event"] == "exception"
    assert REASON in fields["exception.message"]
    assert "exception.type = InvalidRequest" in operator.opens(f"/traces/{failed}/logs/")
    assert "exception.type=InvalidRequest" in operator.says(f"show logs {failed}")


async def test_it_says_that_there_is_no_such_trace(ops: "OpsAsyncStub", operator: Person) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await ops.ShowTrace(ops_pb2.ShowTraceReq(id=UNKNOWN), metadata=operator.metadata)
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
    assert operator.browser.get(f"/traces/{UNKNOWN}/").status_code == 404
    assert f"has no trace {UNKNOWN}" in operator.says(f"show trace {UNKNOWN}")


async def test_it_bears_many_different_searches_at_once(
    ops: "OpsAsyncStub", operator: Person, failed: str
) -> None:
    """Jaeger 2.13 goes down when it adjusts the same traces for two of them."""
    end = time.time_ns()
    requests = [
        ops_pb2.ListTracesReq(start=end - 10**12 - number, end=end, search_depth=100)
        for number in range(50)
    ]
    calls = (ops.ListTraces(each, metadata=operator.metadata) for each in requests * 4)
    answers = await asyncio.gather(*calls)
    assert all(answer.traces for answer in answers)
