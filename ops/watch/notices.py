"""Notices that something of a site has changed: the only sender on the channel layer.

A notice says where to look again, never what is there, so it is the same for everybody and a lost
one does no harm: the next one comes with the next poll.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channels.layers import get_channel_layer
from redis import RedisError

from ops.backends.clients import clients
from ops.watch.picture import pictures

GROUP = "opsportal.notices"
LONGEST = 1.0  # seconds that sending may take
AGAIN = 1.0  # seconds after which a lost subscription is renewed
log = logging.getLogger(__name__)
_sending: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a subject of a site is new. "" means any site or subject."""

    site: str = ""
    subject: str = ""


async def send(notice: Notice) -> None:
    """Send a notice to every process; if Redis does not take it, the next poll's will do."""
    message = {"type": "notice", "site": notice.site, "subject": notice.subject}
    try:
        async with asyncio.timeout(LONGEST):
            await _layer().group_send(GROUP, message)
    except (RedisError, OSError) as error:  # also a TimeoutError
        log.warning("a notice was not sent: Redis: %s", error or "no answer")


def announce(site: str, subject: str) -> None:
    """Send a notice without waiting for it: nobody's answer depends on it."""
    task = asyncio.create_task(send(Notice(site, subject)))
    _sending.add(task)
    task.add_done_callback(_sending.discard)


async def listen(hear: Callable[[Notice], None]) -> None:
    """Call `hear` for each notice, until cancelled.

    After a lost connection it hears `Notice()`: anything may have changed.
    """
    while True:
        try:
            layer = _layer()
            channel = await layer.new_channel()
            await layer.group_add(GROUP, channel)
            _hear(Notice(), hear)
            while True:
                message = await layer.receive(channel)
                _hear(Notice(message["site"], message["subject"]), hear)
        except (RedisError, OSError) as error:
            log.warning("notices are not heard: Redis: %s", error)
            await asyncio.sleep(AGAIN)


def _hear(notice: Notice, hear: Callable[[Notice], None]) -> None:
    """Hear a notice; nobody is answered any more with what was read before it."""
    pictures.look_again(notice.site, notice.subject)
    clients().reads.renew()
    hear(notice)


def _layer() -> Any:
    return get_channel_layer()
