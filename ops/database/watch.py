"""Notice when PostgreSQL stops answering, and when it answers again.

A server that hangs keeps its connections open and says nothing, so our queries would never end.
So a thread watches the queries in progress. If one has taken long and none has been answered
meanwhile, it tries a new connection; if that fails too, the database is away: the connections
are cut, so that waiting callers get the error immediately, and no work is let through until a
new connection works, which is tried twice a second. A slow query alone proves nothing.

    answering --(nothing answered for SLOW s, and connecting fails)--> away
    answering --(connecting fails)-----------------------------------> away
    away      --(connecting works)-----------------------------------> answering
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from ops.database.errors import DatabaseAway, away, has_too_many_connections

SLOW = 0.8  # seconds without any answer until a new connection is tried
CONNECT = 1.0  # seconds that this connection may take
LOOK = 0.2  # seconds between two looks at the queries in progress
AGAIN = 0.5  # seconds between two tries to connect while the database is away
log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]


@dataclass(eq=False, slots=True)
class Use:
    """A thread's use of the database, since when; `connection` is the one it waits for."""

    since: float
    connection: Connection | None = None


class Watch:
    """What one process knows about one database; `connect` opens a connection or raises."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._uses: set[Use] = set()
        self._needed = threading.Event()
        self._answered = time.monotonic()
        self._away_since: float | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_away(self) -> bool:
        return self._away_since is not None

    def check(self) -> None:
        """Raise DatabaseAway while the database is away."""
        if self.is_away:
            raise away()

    def begin(self) -> Use:
        """Note that a thread starts to use the database."""
        use = Use(time.monotonic())
        with self._lock:
            self._uses.add(use)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._look, name="database-watch", daemon=True
                )
                self._thread.start()
        self._needed.set()
        return use

    def end(self, use: Use) -> None:
        """Note that a use has ended."""
        with self._lock:
            self._uses.discard(use)

    def answered(self) -> None:
        """Note that the database has just answered."""
        self._answered = time.monotonic()

    def failed(self, error: Exception) -> DatabaseAway:
        """Note that no connection can be made; returns the error to raise."""
        self._leave(error)
        return away()

    def _look(self) -> None:
        while True:
            self._needed.wait()
            if self.is_away:
                time.sleep(AGAIN)
                if self._connects() is None:
                    self._return()
                continue
            time.sleep(LOOK)
            with self._lock:
                began = min((use.since for use in self._uses), default=None)
                if began is None:
                    if not self.is_away:  # it may have gone away meanwhile; then keep watching
                        self._needed.clear()
                    continue
            asked = time.monotonic()
            if asked - max(began, self._answered) < SLOW:
                continue
            problem = self._connects()
            if problem is None:
                self.answered()
            elif self._answered < asked:
                self._leave(problem)

    def _connects(self) -> Exception | None:
        """Try to connect, for CONNECT seconds; returns what is wrong, None if nothing is.

        The try has its own thread, because the driver's shortest timeout is two seconds.
        """
        found: list[Exception | None] = []

        def connect() -> None:
            try:
                self._connect().close()
            except psycopg.Error as error:
                # A server that has too many connections answers.
                found.append(None if has_too_many_connections(error) else error)
            else:
                found.append(None)

        trying = threading.Thread(target=connect, name="database-try", daemon=True)
        trying.start()
        trying.join(CONNECT)
        return found[0] if found else TimeoutError(f"no answer in {CONNECT:g} s")

    def _leave(self, problem: Exception) -> None:
        with self._lock:
            if self._away_since is None:
                self._away_since = time.monotonic()
                log.error("the database does not answer: %s", problem)
            for use in self._uses:
                if use.connection is not None:
                    _cut(use.connection)
        self._needed.set()

    def _return(self) -> None:
        self.answered()
        with self._lock:
            began, self._away_since = self._away_since, None
        log.warning("the database answers again, after %.0f s", time.monotonic() - (began or 0.0))


def _cut(connection: Connection) -> None:
    """Cut a connection, so that the thread that waits for it stops waiting."""
    with contextlib.suppress(OSError, psycopg.Error):
        number = connection.pgconn.socket
        if number >= 0:
            with socket.socket(fileno=os.dup(number)) as cut:
                cut.shutdown(socket.SHUT_RDWR)
