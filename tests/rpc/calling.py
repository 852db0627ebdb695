"""Calls as the reference client makes them, and how they fail."""

import grpc
import grpc.aio
import pytest

ZERO_TIME = -6795364578871345152  # what the reference client sends for a time it was not given


async def refused(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return caught.value
