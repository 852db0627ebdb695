"""What notices that PostgreSQL is away, and that it is back."""

import threading
from typing import Any

import psycopg

from ops.database.watch import Watch

MANY = 20
PATIENCE = 60.0  # seconds


class Server:
    """Takes connections; `tried` is set when one was opened and closed again."""

    def __init__(self) -> None:
        self.tried = threading.Event()
        self.watch = Watch(self.connect)

    def connect(self) -> Any:
        return self

    def close(self) -> None:
        self.tried.set()


def test_it_looks_for_a_database_that_left_while_nobody_waited_for_it() -> None:
    """Whoever found it away has given up by the time the watch looks."""
    servers = [Server() for _ in range(MANY)]
    uses = [each.watch.begin() for each in servers]  # each watch takes its pause now
    for each, use in zip(servers, uses, strict=True):
        each.watch.failed(psycopg.OperationalError("connection refused"))
        each.watch.end(use)
    assert all(each.tried.wait(PATIENCE) for each in servers)
