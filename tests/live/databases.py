"""PostgreSQL and Redis that can be stopped, started again and frozen."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    pass

from tests.live.servers import listens, running, until
from tests.ports import free_ports


class PostgreSQL:
    """A server that can be stopped, started again and frozen; `url` is a DATABASE_URL."""

    def __init__(self, folder: Path) -> None:
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._folder, self._data = folder, folder / "data"
        (self._port,) = free_ports(1)
        self._running = ExitStack()
        self._server = 0
        # It refuses to run as root; Debian's package brings a user.
        self._owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._owner = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(folder, "postgres", "postgres")
        subprocess.run(
            [self._programs / "initdb", "--auth=trust", "--username=opsportal", self._data],
            check=True, capture_output=True, cwd="/", **self._owner,
        )  # fmt: skip
        self._any = f"postgres://opsportal@127.0.0.1:{self._port}"
        self.url = f"{self._any}/opsportal"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        command: list[str | Path] = [
            self._programs / "postgres", "-D", self._data, "-p", f"{self._port}",
            "-k", self._folder, "-F",
        ]  # fmt: skip
        process = self._running.enter_context(
            running(
                command, self._folder, listens(self._port),
                stop=signal.SIGINT, cwd="/", **self._owner,
            )
        )  # fmt: skip
        self._server = process.pid
        until(lambda: _connects(f"{self._any}/postgres"), "PostgreSQL takes connections")

    def create(self) -> None:
        """Make the empty database."""
        with psycopg.connect(f"{self._any}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE opsportal")

    def stop(self) -> None:
        """Stop it; all connections end."""
        self._running.close()

    def restart(self) -> None:
        """Stop it, and start it again."""
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside, all of its processes stand still: connections stay, nothing answers."""
        processes = [self._server]
        os.kill(self._server, signal.SIGSTOP)  # first: it would start others
        for each in _children(self._server):
            os.kill(each, signal.SIGSTOP)
            processes.append(each)
        try:
            yield
        finally:
            for each in reversed(processes):
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGCONT)


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(word) for word in listed.split()]


@contextmanager
def cluster() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL with an empty database."""
    with TemporaryDirectory(prefix="opsportal-postgresql-", ignore_cleanup_errors=True) as place:
        made = PostgreSQL(Path(place))
        made.start()
        try:
            made.create()
            yield made
        finally:
            made.stop()


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL with an empty database and yield its DATABASE_URL."""
    with cluster() as made:
        yield made.url


def _connects(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


class Redis:
    """A Redis that keeps nothing, can be killed, started again and frozen; `url` is a REDIS_URL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (self._port,) = free_ports(1)
        self._running = ExitStack()
        self._server = 0
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        command = ["redis-server", "--port", f"{self._port}", "--bind", "127.0.0.1", "--save", ""]
        started = running(command, self._folder, listens(self._port), cwd=self._folder)
        self._server = self._running.enter_context(started).pid

    def stop(self) -> None:
        """Stop it."""
        self._running.close()

    def kill(self) -> None:
        """End it at once."""
        os.kill(self._server, signal.SIGKILL)
        self.stop()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside, it stands still: connections stay, nothing answers."""
        os.kill(self._server, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._server, signal.SIGCONT)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a Redis and yield its REDIS_URL."""
    made = Redis(folder)
    made.start()
    try:
        yield made.url
    finally:
        made.stop()
