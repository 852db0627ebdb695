"""OpsPortal itself, as people run it."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsStub as Stub

from tests.live.servers import MANAGE, ROOT, answers, environment_in, manage, running
from tests.ports import free_ports


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
            manage(*words),
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
    made = Portal(environment_in(folder, **addresses, **environment), web, rpc, health)
    made.manage("migrate", "--verbosity", "0")
    return made
