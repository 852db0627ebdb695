"""What /metrics says of this process's memory and work."""

import asyncio
import re
from pathlib import Path

import pytest
from cachetools import TTLCache
from django.test import AsyncClient
from prometheus_client import REGISTRY

from ops.caching import Kept, Shared
from ops.metrics import watched

ROOT = Path(__file__).parent.parent
_MAKES_A_CACHE = re.compile(r"= (?:TTLCache|TLRUCache|LRUCache|LFUCache|FIFOCache|deque)\(")
# The bot's and the database's queues have figures of their own; what Shared and Kept make they
# watch themselves; a part of an open page remembers two times; a site's agents are watched as one,
# and so are the tags seen of each service.
_ELSEWHERE = {
    "bot/slack/inbox.py", "ops/database/threads.py", "ops/caching.py",
    "opsportal/dashboard/live/parts.py", "ops/remote/agents.py", "ops/vocabulary/seen_tags.py",
}  # fmt: skip


def value(name: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(name, labels)
    return -1.0 if found is None else found


async def test_it_shows_how_much_is_kept() -> None:
    kept = Kept(1_000, 60)
    bytes_before = value("opsportal_kept_bytes")
    kept.keep("a", "answer", 400)
    assert value("opsportal_kept_bytes") == bytes_before + 400
    assert value("opsportal_kept", what="answers") >= 1


def test_it_adds_up_what_has_one_name_and_forgets_what_is_gone() -> None:
    first: TTLCache[int, int] = watched("test", TTLCache(9, 60))
    second: TTLCache[int, int] = watched("test", TTLCache(9, 60))
    first[1] = second[1] = second[2] = 0
    assert value("opsportal_kept", what="test") == 3
    del second
    assert value("opsportal_kept", what="test") == 1


async def test_it_counts_reads_under_way() -> None:
    shared, answer = Shared(), asyncio.Event()
    before = value("opsportal_reads_under_way")
    asked = [asyncio.ensure_future(shared.answer("key", answer.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    assert value("opsportal_reads_under_way") == before + 1
    answer.set()
    await asyncio.gather(*asked)


@pytest.mark.django_db(transaction=True)
async def test_it_counts_the_tasks_of_the_loop(async_client: AsyncClient) -> None:
    async def tasks() -> float:
        said = (await async_client.get("/metrics")).content.decode()
        [number] = re.findall(r"^opsportal_tasks ([0-9.]+)$", said, re.MULTILINE)
        return float(number)

    before = await tasks()
    more = [asyncio.ensure_future(asyncio.Event().wait()) for _ in range(20)]
    assert await tasks() >= before + 19
    for task in more:
        task.cancel()


def test_every_cache_is_watched() -> None:
    """A cache that nobody sees grow is found only by its memory."""
    places = ("ops/**/*.py", "bot/**/*.py", "opsportal/*.py", "opsportal/dashboard/**/*.py")
    sources = [source for place in places for source in ROOT.glob(place)]
    assert len(sources) > 100
    unseen = [source for source in sources if _MAKES_A_CACHE.search(source.read_text())]
    assert {str(source.relative_to(ROOT)) for source in unseen} == _ELSEWHERE
