"""Notices that something of a site has changed: the only sender on the channel layer.

A notice says where to look again, never what is there, so it is the same for everybody and a lost
one does no harm: the next one comes with the next poll.

    send ──> those who listen in this process
      └────> the channel layer, if it is Redis ──> those who listen in other processes

While Redis is away, each process hears its own notices only. A connection can be lost without a
word, which the channel layer does not notice, so one that has been quiet for a while sends itself
an echo; if that does not arrive, the layer is made new.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from channels.layers import get_channel_layer
from django.conf import settings
from redis.exceptions import RedisError

from ops.backends.clients import clients
from ops.watch.picture import pictures

GROUP = "opsportal.notices"
LONGEST = 1.0  # seconds that sending may take
AGAIN = 1.0  # seconds after which a lost subscription is renewed
QUIET = 5.0  # seconds; watchers usually send more often
log = logging.getLogger(__name__)
_us = uuid4().hex  # this process
_sending: set[asyncio.Task[None]] = set()
_listening: list[Callable[["Notice"], None]] = []


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a subject of a site is new. "" means any site or subject."""

    site: str = ""
    subject: str = ""


async def send(notice: Notice) -> None:
    """Send a notice to every process; if Redis does not take it, the next poll's will do."""
    _hear(notice, *_listening)
    if not settings.REDIS_URL:
        return
    message = {"type": "notice", "site": notice.site, "subject": notice.subject, "process": _us}
    try:
        async with asyncio.timeout(LONGEST):
            await _layer().group_send(GROUP, message)
    except (RedisError, OSError) as error:  # also a TimeoutError
        log.warning("a notice was not sent: Redis: %s", str(error) or "no answer")


def announce(site: str, subject: str) -> None:
    """Send a notice without waiting for it; whoever reads after this call reads anew."""
    clients().reads.renew()
    task = asyncio.create_task(send(Notice(site, subject)))
    _sending.add(task)
    task.add_done_callback(_sending.discard)


async def listen(hear: Callable[[Notice], None]) -> None:
    """Call `hear` for each notice, until cancelled.

    At first, and after a lost connection, it hears `Notice()`: anything may have changed.
    """
    _listening.append(hear)
    try:
        _hear(Notice(), hear)
        while settings.REDIS_URL:
            try:
                await _listen_to_others(hear)
            except (RedisError, OSError) as error:
                reason = str(error) or "no answer"
                log.warning("other processes are not heard: Redis: %s", reason)
                await asyncio.sleep(AGAIN)
        await asyncio.Event().wait()
    finally:
        _listening.remove(hear)


async def _listen_to_others(hear: Callable[[Notice], None]) -> None:
    """Listen until the connection is lost."""
    layer = _layer()
    receiving: asyncio.Task[dict[str, Any]] | None = None
    try:
        async with asyncio.timeout(QUIET):
            channel = await layer.new_channel()
            await layer.group_add(GROUP, channel)
        _hear(Notice(), hear)
        is_asked = False
        while True:
            receiving = receiving or asyncio.ensure_future(layer.receive(channel))
            if not await _done(receiving):
                if is_asked:
                    raise ConnectionError("no answer")
                async with asyncio.timeout(QUIET):
                    await layer.send(channel, {"type": "echo"})
                is_asked = True
                continue
            message, receiving, is_asked = receiving.result(), None, False
            if message["type"] == "notice" and message["process"] != _us:
                _hear(Notice(message["site"], message["subject"]), hear)
    finally:
        if receiving:
            receiving.cancel()
        # What is lost stays lost for a layer: it opens new connections only after this.
        with suppress(RedisError, OSError):
            async with asyncio.timeout(LONGEST):
                await layer.flush()


async def _done(task: asyncio.Task[Any]) -> bool:
    """Wait while it is quiet; a layer whose `receive` is cancelled forgets the channel."""
    done, _ = await asyncio.wait((task,), timeout=QUIET)
    return bool(done)


def _hear(notice: Notice, *listening: Callable[[Notice], None]) -> None:
    """Hear a notice; nobody is answered any more with what was read before it."""
    if not listening:
        return
    pictures.look_again(notice.site, notice.subject)
    clients().reads.renew()
    for hear in listening:
        hear(notice)


def _layer() -> Any:
    return get_channel_layer()
