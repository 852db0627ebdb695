"""Real servers that evaluate alerting rules, and the queue whose depth these look at."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.live import servers
from tests.ports import free_ports

Body = dict[str, Any]


def rule(name: str, expression: str = "queue_depth > 5", **more: Any) -> Body:
    """Return an alerting rule; `more` are further keys of it, such as `for`."""
    summary = "depth {{ $value }} of {{ $labels.queue }}"
    return {"alert": name, "expr": expression, "annotations": {"summary": summary}, **more}


def group(name: str, *rules: Body, interval: str = "1s", **more: Any) -> Body:
    """Return a rule group."""
    return {"name": name, "interval": interval, "rules": rules, **more}


class RuleServer:
    """A Prometheus or vmalert; its rules can be rewritten, and it can be restarted and frozen."""

    def __init__(self, folder: Path, url: str, ready: str, command: Sequence[str | Path]) -> None:
        self.url = url
        self._folder, self._ready, self._command = folder, ready, command
        self._running = ExitStack()
        self._process = 0
        write_rules(folder)

    def start(self) -> None:
        """Start it with the rules as they were written last."""
        ready = servers.answers(f"{self.url}{self._ready}")
        started = servers.running(self._command, self._folder, ready)
        self._process = self._running.enter_context(started).pid

    def stop(self) -> None:
        """Stop it."""
        self._running.close()

    def load(self, *groups: Body) -> None:
        """Rewrite its rules, and have it read them; it does so a moment later."""
        write_rules(self._folder, *groups)
        os.kill(self._process, signal.SIGHUP)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside, it stands still: connections stay, nothing answers."""
        os.kill(self._process, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGCONT)


def write_rules(folder: Path, *groups: Body) -> None:
    """Write a rule file."""
    (folder / "rules.yml").write_text(json.dumps({"groups": groups}))


@contextmanager
def prometheus(folder: Path, target: str, replica: str) -> Iterator[RuleServer]:
    """Run a Prometheus that gives its series the label `replica`."""
    folder.mkdir()
    (port,) = free_ports(1)
    config = folder / "prometheus.yml"
    config.write_text(_PROMETHEUS.format(folder=folder, target=target, replica=replica))
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    made = RuleServer(folder, f"http://127.0.0.1:{port}", "/-/ready", command)
    made.start()
    try:
        yield made
    finally:
        made.stop()


_PROMETHEUS = """\
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
rule_files: ["{folder}/rules.yml"]
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["{target}"], labels: {{replica: "{replica}"}}}}]
"""


@contextmanager
def victoriametrics(folder: Path) -> Iterator[str]:
    """Run a VictoriaMetrics that shows at once what it was given, and yield its URL."""
    folder.mkdir()
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [
        _built("victoria-metrics"), f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}", "-search.latencyOffset=0s",
    ]  # fmt: skip
    with servers.running(command, folder, servers.answers(f"{url}/health")):
        yield url


@contextmanager
def vmalert(folder: Path, source: str) -> Iterator[RuleServer]:
    """Run a vmalert over a VictoriaMetrics."""
    folder.mkdir()
    (port,) = free_ports(1)
    command = [
        _built("vmalert"), f"-rule={folder / 'rules.yml'}", f"-datasource.url={source}",
        f"-httpListenAddr=127.0.0.1:{port}", "-notifier.blackhole", "-rule.evalDelay=0s",
    ]  # fmt: skip
    made = RuleServer(folder, f"http://127.0.0.1:{port}", "/health", command)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _built(program: str) -> str:
    script = str(servers.HERE / "victoriametrics.sh")
    built = subprocess.run([script, program], check=False, capture_output=True, text=True)
    if built.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(built.stderr.strip())
    return built.stdout.strip()
