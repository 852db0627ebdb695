"""Real servers, each on free loopback ports in a folder of its own, ended by process id."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import httpx
import psycopg

from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from tests.ports import free_ports

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsStub as Stub

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MANAGE = sys.executable, ROOT / "manage.py"
PATIENCE = 60.0

T = TypeVar("T")


def until(answer: Callable[[], T], what: str) -> T:
    """Ask until the answer is true and return it; a refused connection means not yet."""
    given_up = time.monotonic() + PATIENCE
    while time.monotonic() < given_up:
        try:
            if found := answer():
                return found
        except (httpx.TransportError, OSError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"after {PATIENCE:g} s still not: {what}")


async def eventually(ask: Callable[[], Awaitable[T]], good: Callable[[T], object]) -> T:
    """Ask until the answer is good, and return it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if good(answer := await ask()):
                return answer
            await asyncio.sleep(0.1)


@contextmanager
def running(
    command: Sequence[str | Path],
    folder: Path,
    ready: Callable[[], object],
    stop: signal.Signals = signal.SIGTERM,
    **options: Any,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; what it says goes to `folder`/log."""
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=said, stderr=subprocess.STDOUT, **options
        )
    try:
        until(lambda: _alive(process, log) and ready(), f"{command[0]} is ready; see {log}")
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _alive(process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is None:
        return True
    raise AssertionError(f"{process.args!r} ended with {process.returncode}:\n{log.read_text()}")


def answers(url: str) -> Callable[[], bool]:
    return lambda: httpx.get(url).is_success


def _listens(port: int) -> Callable[[], bool]:
    def connect() -> bool:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True

    return connect


@dataclass(frozen=True)
class Jaeger:
    """A Jaeger with memory storage.

    `query` and `otlp` are gRPC addresses, `ui` and `otlp_http` URLs.
    """

    query: str
    ui: str
    otlp: str
    otlp_http: str


def _jaeger_binary() -> str:
    """Release 2.13, or the one that JAEGER_BIN names."""
    command = [HERE / "jaeger.sh"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def jaeger(folder: Path, *, batches: bool = True) -> Iterator[Jaeger]:
    """Run a Jaeger.

    In `batches` it writes what came within 200 ms together, in any order; else while it is sent.
    """
    binary = _jaeger_binary()
    query, ui, otlp, otlp_http, health = free_ports(5)
    config = folder / "jaeger.yaml"
    ports = {"query": query, "ui": ui, "otlp": otlp, "otlp_http": otlp_http, "health": health}
    config.write_text(_JAEGER.format(**ports, processors="batch" if batches else ""))
    # It would trace itself and send that to a port where nobody listens.
    quiet = {**os.environ, "OTEL_TRACES_SAMPLER": "always_off"}
    ready = answers(f"http://127.0.0.1:{health}/status")
    with running([binary, "--config", config], folder, ready, env=quiet):
        yield Jaeger(
            query=f"127.0.0.1:{query}",
            ui=f"http://127.0.0.1:{ui}",
            otlp=f"127.0.0.1:{otlp}",
            otlp_http=f"http://127.0.0.1:{otlp_http}",
        )


_JAEGER = """\
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
extensions:
  healthcheckv2: {{use_v2: true, http: {{endpoint: "127.0.0.1:{health}"}}}}
  jaeger_storage: {{backends: {{mem: {{memory: {{max_traces: 100000}}}}}}}}
  jaeger_query:
    storage: {{traces: mem}}
    grpc: {{endpoint: "127.0.0.1:{query}"}}
    http: {{endpoint: "127.0.0.1:{ui}"}}
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{otlp}"}}
      http: {{endpoint: "127.0.0.1:{otlp_http}"}}
processors: {{batch: }}
exporters: {{jaeger_storage_exporter: {{trace_storage: mem}}}}
"""


@contextmanager
def jaeger_sampling(folder: Path, strategies: Path | str) -> Iterator[str]:
    """Run a Jaeger that serves the strategies in a file or at a URL, and yield its own URL.

    It reads them again all the time.
    """
    otlp, http, rpc = free_ports(3)
    config = folder / "jaeger-sampling.yaml"
    config.write_text(
        _JAEGER_SAMPLING.format(otlp=otlp, http=http, grpc=rpc, strategies=strategies)
    )
    url = f"http://127.0.0.1:{http}"
    ready = answers(f"{url}/sampling?service=any")
    with running([_jaeger_binary(), "--config", config], folder, ready):
        yield url


_JAEGER_SAMPLING = """\
service:
  extensions: [jaeger_storage, remote_sampling]
  pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
extensions:
  jaeger_storage: {{backends: {{mem: {{memory: {{max_traces: 1}}}}}}}}
  remote_sampling:
    file: {{path: "{strategies}", reload_interval: 200ms}}
    http: {{endpoint: "127.0.0.1:{http}"}}
    grpc: {{endpoint: "127.0.0.1:{grpc}"}}
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}}}
exporters: {{debug: }}
"""


@contextmanager
def prometheus(folder: Path, targets: Sequence[str], rules: str) -> Iterator[str]:
    """Scrape the targets as job petstore each second, evaluate the rules, and yield the URL."""
    (port,) = free_ports(1)
    (folder / "rules.yml").write_text(rules)
    config = folder / "prometheus.yml"
    config.write_text(_PROMETHEUS.format(rules=folder / "rules.yml", targets=list(targets)))
    url = f"http://127.0.0.1:{port}"
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with running(command, folder, answers(f"{url}/-/ready")):
        yield url


_PROMETHEUS = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: petstore
    static_configs: [{{targets: {targets}}}]
"""


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
                command, self._folder, _listens(self._port),
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
        started = running(command, self._folder, _listens(self._port), cwd=self._folder)
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


class Petstore:
    """One instance, with some traffic: the addresses of its gRPC and of its metrics."""

    def __init__(self, folder: Path, otlp: str) -> None:
        folder.mkdir()
        self.address, self.metrics = (f"127.0.0.1:{port}" for port in free_ports(2))
        self._folder, self._otlp = folder, otlp
        self._running = ExitStack()

    def start(self, version: str) -> None:
        """Start it as a version."""
        options = {
            "listen": self.address, "metrics": self.metrics, "otlp": self._otlp,
            "version": version, "instance": self._folder.name, "traffic": "4",
        }  # fmt: skip
        command = _manage("petstore", *(f"--{key}={value}" for key, value in options.items()))
        ready = answers(f"http://{self.metrics}/metrics")
        environment = _environment(self._folder)
        self._running.enter_context(running(command, self._folder, ready, env=environment))

    def stop(self) -> None:
        """Stop it."""
        self._running.close()

    def roll(self, version: str) -> None:
        """Replace it by another version at the same addresses."""
        self.stop()
        self.start(version)


@contextmanager
def petstores(folder: Path, otlp: str, versions: Mapping[str, str]) -> Iterator[list[Petstore]]:
    """Run an instance for each name."""
    with ExitStack() as stack:
        made = []
        for name, version in versions.items():
            one = Petstore(folder / name, otlp)
            stack.callback(one.stop)
            one.start(version)
            made.append(one)
        yield made


def _manage(*words: str) -> list[str | Path]:
    return [*MANAGE, *words]


def _environment(folder: Path, **more: str) -> dict[str, str]:
    """What a process of ours needs, and nothing that whoever runs the tests has set."""
    return {
        **{key: os.environ[key] for key in ("HOME", "PATH")},
        "OPSPORTAL_SECRET_KEY": token_urlsafe(50),
        "OPSPORTAL_HTTPS": "0",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        **more,
    }


@dataclass(frozen=True)
class Portal:
    """OpsPortal itself, as people run it: `manage.py` with an environment and a database."""

    environment: Mapping[str, str]
    web: str
    grpc: str
    health: str

    def manage(self, *words: str, said: str = "") -> str:
        """Run a command to its end, tell it `said`, and return what it answers."""
        done = subprocess.run(
            _manage(*words),
            check=False,  # what it said is worth more than the exception
            env=self.environment,
            input=said,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout.strip()

    def person(self, name: str, *groups: str) -> str:
        """Make a user in the groups, with the password "opensesame"; returns a gRPC token."""
        made = (
            "from django.contrib.auth.models import Group, User; "
            f"user = User.objects.create_user({name!r}, password='opensesame', is_staff=True); "
            f"user.groups.set(Group.objects.filter(name__in={groups!r}))"
        )
        self.manage("shell", "--verbosity", "0", "--command", made)
        return self.manage("create_token", name)

    def change_sampling(self, token: str) -> str:
        """Set a service to always over gRPC; return the status and the details."""
        with grpc.insecure_channel(self.grpc) as channel:
            stub: Stub = OpsStub(channel)
            metadata = (("authorization", f"Bearer {token}"),)
            request = ops_pb2.ChangeSamplingReq(type=ops_pb2.STAlways)
            call = stub.ChangeSampling.future(request, metadata=metadata, timeout=30)
            return f"{call.code().name} {call.details()}"

    @contextmanager
    def running(
        self, command: str, folder: Path, program: Sequence[str | Path] = MANAGE
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run serve, rungrpc or runbot until the block ends, by a `program` like manage.py."""
        address = self.web if command == "serve" else self.health
        ready = answers(f"http://{address}/readyz")
        words = [*program, command]
        with running(words, folder, ready, env=self.environment, cwd=ROOT) as process:
            yield process


def portal(folder: Path, sites: str, **environment: str) -> Portal:
    """Prepare an OpsPortal for a site file, on SQLite unless DATABASE_URL says otherwise."""
    (folder / "sites.toml").write_text(sites)
    web, rpc, health = (f"127.0.0.1:{port}" for port in free_ports(3))
    addresses = {
        "OPSPORTAL_SITES": str(folder / "sites.toml"),
        "OPSPORTAL_WEB_ADDRESS": web,
        "OPSPORTAL_GRPC_ADDRESS": rpc,
        "OPSPORTAL_HEALTH_ADDRESS": health,
    }
    made = Portal(_environment(folder, **addresses, **environment), web, rpc, health)
    made.manage("migrate", "--verbosity", "0")
    return made
