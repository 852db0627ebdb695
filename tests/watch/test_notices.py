"""A process hears its own notices whatever Redis does; the rest is in tests/live/."""

import asyncio

from ops.watch import notices
from ops.watch.notices import Notice


async def test_a_process_hears_its_own_notices_as_long_as_it_listens() -> None:
    heard: asyncio.Queue[Notice] = asyncio.Queue()
    listening = asyncio.create_task(notices.listen(heard.put_nowait))
    try:
        async with asyncio.timeout(60):
            assert await heard.get() == Notice(), "anything may have changed"
            await notices.send(Notice("production", "alerts"))
            assert await heard.get() == Notice("production", "alerts")
    finally:
        listening.cancel()
        await asyncio.wait([listening])
    await notices.send(Notice("production", "alerts"))
    assert heard.empty(), "nobody listens any more"
