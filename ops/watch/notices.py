"""Notices that something of a site has changed.

A notice says where to look again, never what is there, so it is the same for everybody and a lost
one does no harm: the next one comes with the next poll.

    send ──> those who listen in this process
      └────> Redis, if there is one ──> those who listen in other processes

While Redis is away, each process hears its own notices only. A connection can be lost without a
word, so one that has been quiet for a while is asked for an answer.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ops.backends.clients import clients
from ops.watch.picture import pictures

CHANNEL = "opsportal:notices"
LONGEST = 1.0  # seconds that sending may take
AGAIN = 1.0  # seconds after which a lost subscription is renewed
QUIET = 5.0  # seconds; watchers usually send more often
log = logging.getLogger(__name__)
_us = uuid4().hex  # this process
_sending: set[asyncio.Task[None]] = set()
_listening: list[Callable[["Notice"], None]] = []
_clients: dict[asyncio.AbstractEventLoop, Redis] = {}


class Notice(msgspec.Struct, frozen=True):
    """Something about a subject of a site is new. "" means any site or subject."""

    site: str = ""
    subject: str = ""


class _Sent(msgspec.Struct):
    """A notice as it is in Redis, with the process that it comes from."""

    notice: Notice
    process: str


async def send(notice: Notice) -> None:
    """Send a notice to every process; if Redis does not take it, the next poll's will do."""
    _hear(notice, *_listening)
    if not settings.REDIS_URL:
        return
    try:
        async with asyncio.timeout(LONGEST):
            await _client().publish(CHANNEL, msgspec.json.encode(_Sent(notice, _us)))
    except (RedisError, OSError) as error:  # also a TimeoutError
        log.warning("a notice was not sent: Redis: %s", str(error) or "no answer")


def announce(site: str, subject: str) -> None:
    """Send a notice without waiting for it: nobody's answer depends on it."""
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


async def check() -> None:
    """Raise RedisError or OSError if there is a Redis that does not answer."""
    if settings.REDIS_URL:
        await _client().ping()


async def _listen_to_others(hear: Callable[[Notice], None]) -> None:
    """Listen until the connection is lost."""
    # One that is lost is not opened again in silence: what was missed must be looked at.
    async with _connect(tries=0) as client, client.pubsub() as pubsub:
        async with asyncio.timeout(QUIET):
            await pubsub.subscribe(CHANNEL)
        _hear(Notice(), hear)
        is_asked = False
        while True:
            try:
                async with asyncio.timeout(QUIET):
                    message = await pubsub.get_message(timeout=None)
            except TimeoutError:
                if is_asked:
                    raise
                async with asyncio.timeout(QUIET):
                    await pubsub.ping()
                is_asked = True
            else:
                if message is None:  # so redis-py says ETIMEDOUT, again and again
                    raise ConnectionError("the connection timed out")
                is_asked = False
                _take(message, hear)


def _take(message: dict[str, Any], hear: Callable[[Notice], None]) -> None:
    if message["type"] != "message":
        return
    try:
        sent = msgspec.json.decode(message["data"], type=_Sent)
    except msgspec.DecodeError as error:
        log.warning("a notice was not understood: %s", error)
        return
    if sent.process != _us:
        _hear(sent.notice, hear)


def _hear(notice: Notice, *listening: Callable[[Notice], None]) -> None:
    """Hear a notice; nobody is answered any more with what was read before it."""
    if not listening:
        return
    pictures.look_again(notice.site, notice.subject)
    clients().reads.renew()
    for hear in listening:
        hear(notice)


def _connect(*, tries: int) -> Redis:
    retry: Any = Retry(NoBackoff(), tries)
    return Redis.from_url(settings.REDIS_URL, retry=retry)


def _client() -> Redis:
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients.clear()  # a process has one loop at a time
        _clients[loop] = _connect(tries=1)  # anew after a restart of Redis
    return _clients[loop]
