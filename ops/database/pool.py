"""PostgreSQL's connections: a limited number, each checked before it is handed out.

A check asks the server, unless the connection worked a moment ago and its socket is silent: a
server that ends closes its connections, and that can be read at once.

A connection is made by the thread that needs it, so that this thread immediately knows why one
cannot be made. Django's part of a request (pages that are not ours, such as admin) never has all
of them: a third is reserved for `in_database`.
"""

import select
import threading
import time
from collections import deque
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ops.database import metrics, waiting
from ops.database.errors import busy, has_too_many_connections
from ops.database.threads import asked_at, in_piece, in_request
from ops.database.watch import Use, Watch
from ops.metrics import watched

Connection = psycopg.Connection[Any]
CONNECT_SECONDS = 2  # the shortest that the driver supports
LOCK_MILLISECONDS = 2_000  # for which a statement waits for a lock
FRESH = 1.0  # seconds for which a connection that worked needs no question


class Pool:
    """At most `size` connections to the database that `parameters` name."""

    def __init__(self, size: int, parameters: dict[str, Any]) -> None:
        self._parameters = {
            **parameters,
            "autocommit": True,
            "connect_timeout": CONNECT_SECONDS,
        }
        self._size = size
        self._of_requests = size - size // 3
        # With when each worked last.
        self._idle: deque[tuple[Connection, float]] = watched("idle database connections", deque())
        self._out: dict[Connection, tuple[Use, bool]] = {}
        self._lock = threading.Lock()
        # By whether it is for a request: how many are taken, and what to wait on for one.
        self._taken = {True: 0, False: 0}
        self._changed = {each: threading.Condition(self._lock) for each in (True, False)}
        self._waiting = 0
        self.watch = Watch(self._connect)

    def take(self) -> Connection:
        """Return a working connection; raises DatabaseBusy or DatabaseAway."""
        self.watch.check()
        of_request = in_request()
        use = self.watch.begin()
        try:
            self._enter(of_request)
            try:
                use.connection = self._working(use)
            except BaseException:
                self._leave(of_request)
                raise
        except BaseException:
            self.watch.end(use)
            raise
        self._out[use.connection] = use, of_request
        return use.connection

    def give_back(self, connection: Connection) -> None:
        """Take one back; only idle, working connections are handed out again."""
        use, of_request = self._out.pop(connection)
        self.watch.end(use)
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self.watch.answered()
            self._idle.append((connection, time.monotonic()))
        else:
            connection.close()
        self._leave(of_request)

    def close(self) -> None:
        """Close the connections that are not in use."""
        while (idle := self._idle_one()) is not None:
            idle[0].close()

    def _enter(self, of_request: bool) -> None:
        """Wait until one more may have a connection; raises DatabaseBusy or DatabaseAway."""
        asked = asked_at()
        with self._lock:
            if waiting.is_too_long(self._waiting):
                raise metrics.refused(busy())
            self._waiting += 1
            metrics.waiting.inc()
            try:
                while not self._has_room(of_request):
                    left = waiting.seconds_left(asked)
                    if left <= 0:
                        self.watch.check()
                        raise metrics.refused(busy())
                    self._changed[of_request].wait(left)
            finally:
                self._waiting -= 1
                metrics.waiting.dec()
            self._taken[of_request] += 1

    def _has_room(self, of_request: bool) -> bool:
        taken = sum(self._taken.values())
        return taken < self._size and not (of_request and self._taken[True] >= self._of_requests)

    def _leave(self, of_request: bool) -> None:
        with self._lock:
            self._taken[of_request] -= 1
            for changed in self._changed.values():
                changed.notify()

    def _working(self, use: Use) -> Connection:
        while (idle := self._idle_one()) is not None:
            connection, worked = idle
            if time.monotonic() - worked < FRESH and _is_silent(connection):
                return connection
            use.connection = connection  # so that a check that hangs is cut off
            try:
                connection.execute("")
            except psycopg.Error:
                connection.close()
                self.watch.check()
            else:
                self.watch.answered()
                return connection
        use.connection = None
        try:
            connection = self._connect()
            if in_piece():  # not in a command such as migrate, which may wait for a lock
                connection.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")
        except psycopg.Error as error:
            if has_too_many_connections(error):
                raise metrics.refused(busy()) from error
            raise self.watch.failed(error) from error
        self.watch.answered()
        return connection

    def _idle_one(self) -> tuple[Connection, float] | None:
        try:
            return self._idle.pop()  # the last one used: the server may have closed the others
        except IndexError:
            return None

    def _connect(self) -> Connection:
        return psycopg.connect(**self._parameters)


def _is_silent(connection: Connection) -> bool:
    """Return whether nothing can be read from a connection, not even that it was closed."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
