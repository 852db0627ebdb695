"""The parts of the long-running commands; each runs until it is asked to stop.

A part is a coroutine function that takes the stop event, returns when the event is set, and
raises CommandError with one sentence if it cannot run.
"""

import asyncio
import contextlib
import logging
import resource
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from importlib import import_module
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import CommandError

from bot.slack.process import check_connected, run_bot
from ops.alerts.notifying import NOTIFICATIONS
from ops.alerts.watching import ALERTS
from ops.backends.clients import close_clients
from ops.memory import settle
from ops.requests.closing import CLOSER
from ops.rpc.server import serve_grpc
from ops.sampling.proving import PROVER
from ops.sampling.reconciling import RECONCILER
from ops.sites import SiteFileError, Sites, sites
from ops.versions.actions import VERSIONS
from ops.watch.subjects import Subject
from ops.watch.watcher import check_watching
from ops.watch.watcher import watch as watch_sites
from opsportal import health
from opsportal.backup import in_use
from opsportal.bounds import LARGEST_SOCKET_MESSAGE
from opsportal.listening import listen, serve_http, serving
from opsportal.remote import remote_beside

Part = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
SWITCH = 0.001  # seconds
FILES = 16_384  # each connection needs one, and a shell often allows only 1,024
AGAIN = 30.0
log = logging.getLogger(__name__)
SUBJECTS: tuple[Subject[Any], ...] = (ALERTS, NOTIFICATIONS, VERSIONS)  # what a watcher polls
DASHBOARD = "opsportal.asgi:application"


def run(*parts: Part) -> None:
    """Run the parts in one event loop until SIGINT or SIGTERM, or until one of them fails."""
    # So that the loop gets its turn sooner while a thread parses a large trace.
    sys.setswitchinterval(SWITCH)
    _allow_files()
    settle()
    try:
        uvloop.run(_run(parts))
    except* CommandError as failures:
        raise _first(failures) from None


def _allow_files() -> None:
    """Raise the limit of open files: many connections must leave some for the database."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _first(error: BaseException) -> BaseException:
    """Return the first error of nested exception groups: parts can run other parts."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _run(parts: Iterable[Part]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await together(parts, stop)
    finally:
        await close_clients()


async def together(parts: Iterable[Part], stop: asyncio.Event) -> None:
    """Run parts concurrently; if one fails, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part(stop))


def checked_sites() -> Sites:
    """Return the sites; raises CommandError with a line for each problem in the file."""
    try:
        return sites()
    except SiteFileError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"{error.path} is invalid:\n{lines}") from None


def check_addresses() -> None:
    """Raise CommandError if the dashboard's or gRPC's address is taken."""
    listen(settings.WEB_ADDRESS, "OPSPORTAL_WEB_ADDRESS").close()
    listen(settings.GRPC_ADDRESS, "OPSPORTAL_GRPC_ADDRESS").close()


def doors() -> list[Part]:
    """Return the watcher and every door that is configured; Slack needs its tokens.

    The dashboard is loaded here, before the event loop runs: that takes a fifth of a second.
    """
    import_module(DASHBOARD.partition(":")[0])
    slack_tokens = settings.SLACK_APP_TOKEN and settings.SLACK_BOT_TOKEN
    slack = [slack_beside] if slack_tokens else []
    return [watch_beside, web, grpc, remote_beside, *slack]


async def web(stop: asyncio.Event) -> None:
    """Serve the dashboard."""
    served = serving(DASHBOARD, LARGEST_SOCKET_MESSAGE, lives=True)
    await serve_http(served, settings.WEB_ADDRESS, "OPSPORTAL_WEB_ADDRESS", stop)


async def probes(stop: asyncio.Event) -> None:
    """Serve /healthz, /readyz and /metrics on their own port, without the dashboard."""
    served = serving(health.application)
    await serve_http(served, settings.HEALTH_ADDRESS, "OPSPORTAL_HEALTH_ADDRESS", stop)


async def grpc(stop: asyncio.Event) -> None:
    """Serve gRPC."""
    with in_use():
        async with serve_grpc(settings.GRPC_ADDRESS):
            await stop.wait()


async def watch(stop: asyncio.Event) -> None:
    """Run the watcher alone; readiness depends on its leases."""
    health.also_ready("watcher", check_watching)
    await watch_beside(stop)


async def watch_beside(stop: asyncio.Event) -> None:
    """Watch the sites: poll their sources, remember what changes, keep sampling in force."""
    with in_use():
        await watch_sites(stop, *SUBJECTS, duties=(RECONCILER, PROVER, CLOSER))


async def slack(stop: asyncio.Event) -> None:
    """Run the Slack bot alone; readiness depends on its socket."""
    health.also_ready("slack", check_connected)
    with in_use():
        await run_bot(stop)


async def slack_beside(stop: asyncio.Event, again: float = AGAIN) -> None:
    """Run the Slack bot beside the other doors, which its failure must not stop.

    A bot that stopped is restarted after `again` seconds, as a supervisor would restart runbot:
    the cause may be fixed in Slack by then, or be rare.
    """
    ended = f"the Slack bot stopped and restarts in {again:g} s; the other doors keep running"
    while not stop.is_set():
        try:
            await run_bot(stop)
        except CommandError as error:
            log.error("%s: %s", ended, error)  # noqa: TRY400 - the sentence is enough
        except Exception:
            log.exception(ended)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(again):
                await stop.wait()
