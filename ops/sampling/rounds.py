"""The rounds in which a watcher's duties do their work on a site."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from django.db import DatabaseError

from ops.errors import OpsError
from ops.vocabulary import timerange
from ops.watch.lease import LeaseLost

EACH = 30 * timerange.SECOND  # between two rounds, at most
SOONEST = timerange.SECOND
log = logging.getLogger(__name__)


async def rounds(work: Callable[[int], Awaitable[int]], failed: str) -> None:
    """Work in rounds until cancelled; raises LeaseLost.

    `work` gets the time, and returns when the next round is due (Unix nanoseconds). Whatever else
    it raises is logged after the words `failed`, and it is tried again.
    """
    while True:
        now = timerange.now_ns()
        due = now + EACH
        try:
            due = await work(now)
        except LeaseLost:
            raise
        except (DatabaseError, OpsError) as error:
            log.warning("%s: %s", failed, error)
        except Exception:
            log.exception("%s", failed)
        pause = max(due - timerange.now_ns(), SOONEST)
        await asyncio.sleep(pause / timerange.SECOND)
