"""Real Alertmanagers that gossip, of Debian's release and of 0.35, and amtool."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ops.sites import AlertmanagerSource, Site
from tests.live import servers
from tests.ports import free_ports

RELEASES = ("0.25", "0.35")
DEBIAN = "0.25"
CONFIG = """
route:
  receiver: everybody
  group_wait: 1s
  routes:
    - {matchers: [team = "storage"], receiver: storage, continue: true}
    - {matchers: [severity = "page"], receiver: pager}
receivers: [{name: everybody}, {name: storage}, {name: pager}]
inhibit_rules:
  - {source_matchers: [severity = "page"], target_matchers: [severity = "warning"], equal: [job]}
"""
SITE = """
[sites.shop]
[[sites.shop.alertmanager]]
name = "a"
url = "{cluster.first.url}"
[[sites.shop.alertmanager]]
name = "b"
url = "{cluster.second.url}"
"""


@cache
def built() -> Path:
    """Return the folder with 0.35's programs; without Go, skip the test, or fail with CI set."""
    script = servers.HERE / "alertmanager.sh"
    made = subprocess.run([script], check=False, capture_output=True, text=True)
    if made.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(made.stderr.strip())
    return Path(made.stdout.strip())


def amtool(url: str, *words: str) -> str:
    """Run 0.35's amtool, and return what it prints; Debian's crashes with an address."""
    command = [str(built() / "amtool"), f"--alertmanager.url={url}", "--no-version-check", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Alertmanager:
    """One instance, which can be killed and started again; `gossip` is its address for others."""

    def __init__(self, folder: Path, release: str, *options: str) -> None:
        port, gossip = free_ports(2)
        self.url, self.gossip = f"http://127.0.0.1:{port}", f"127.0.0.1:{gossip}"
        self.peer = ""
        program = "prometheus-alertmanager" if release == DEBIAN else built() / "alertmanager"
        (folder / "alertmanager.yml").write_text(CONFIG)
        self._folder = folder
        self._command: list[str | Path] = [
            program, f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
            f"--cluster.listen-address={self.gossip}", "--cluster.settle-timeout=1s",
            *options,
        ]  # fmt: skip
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        peer = [f"--cluster.peer={self.peer}"] if self.peer else []
        ready = servers.answers(f"{self.url}/-/ready")
        started = servers.running([*self._command, *peer], self._folder, ready)
        self._process = self._running.enter_context(started)

    def stop(self) -> None:
        """Stop it."""
        self._running.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it until the block ends."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def kill(self) -> None:
        """End it at once."""
        assert self._process
        self._process.kill()
        self.stop()


@dataclass(frozen=True)
class Cluster:
    """Two instances; an alert is sent to one of them, as after a network split."""

    release: str
    first: Alertmanager
    second: Alertmanager

    def site(self) -> Site:
        sources = (
            AlertmanagerSource("a", self.first.url),
            AlertmanagerSource("b", self.second.url),
        )
        return Site("shop", None, (), {}, "", alertmanager=sources)


@contextmanager
def running(folders: pytest.TempPathFactory, release: str) -> Iterator[Cluster]:
    """Run two instances of a release that know each other."""
    one, other = (Alertmanager(folders.mktemp("alertmanager"), release) for _ in range(2))
    one.peer, other.peer = other.gossip, one.gossip
    with one.running(), other.running():
        yield Cluster(release, one, other)
