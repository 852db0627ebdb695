import asyncio
import os
import sys
from argparse import ArgumentParser
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from bot import console
from bot.channel_view import ChannelView
from bot.commands import registry
from bot.errors import error_reply
from ops.actor import Actor, Door
from ops.backends.clients import close_clients
from ops.errors import OpsError
from ops.language.zones import zone_named
from opsportal import processes

try:
    import readline  # importing it gives input() a history
except ImportError:  # Windows has none
    readline = None  # type: ignore[assignment]

PROMPT = "opsportal> "
GOODBYES = ("exit", "quit")
CHANNEL = "channel"
LOOK = 2.0  # seconds between two looks at what the subscribed channel shows
HELLO = """You are {}. "help" lists the commands, "channel" shows what a channel that is subscribed
to alerts shows, the number of a button presses it, "exit" quits.
"""
T = TypeVar("T")


class Command(BaseCommand):
    help = "Use the bot in a terminal, with its commands and your permissions but without Slack."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--user", metavar="NAME", help="user to act as (default: the only superuser)"
        )
        parser.add_argument(
            "--zone",
            metavar="NAME",
            help="your time zone, such as Europe/Paris (default: this machine's)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        processes.checked_sites()
        registry.check()
        user = _user(options["user"])
        actor = Actor(user.pk, user.get_username(), Door.CONSOLE)
        conversation = console.Conversation(actor, _zone(options["zone"]))
        view = ChannelView()
        if sys.stdin.isatty():
            self.stdout.write(HELLO.format(actor.name))
        with _background() as loop:
            if sys.stdin.isatty():
                asyncio.run_coroutine_threadsafe(self._follow(view, actor), loop)
            for typed in _lines():
                line = view.buttons.get(typed.strip(), typed)
                if line.strip().lower() == CHANNEL:
                    self._show(loop, view.whole(actor))
                else:
                    self._answer(loop, conversation, view, line)

    def _answer(
        self,
        loop: asyncio.AbstractEventLoop,
        conversation: console.Conversation,
        view: ChannelView,
        line: str,
    ) -> None:
        try:
            reply = _run(loop, conversation.answer(line))
            self.stdout.write(console.shown(reply))
            if not sys.stdin.isatty():
                return
            if lines := console.asks(reply):
                self._answer(loop, conversation, view, lines[0] if _agrees() else lines[1])
            elif reply.follow_ups:
                self.stdout.write(f"{view.numbered(reply)}\n\n")
        except KeyboardInterrupt:
            self.stderr.write("cancelled")

    def _show(self, loop: asyncio.AbstractEventLoop, text: Coroutine[Any, Any, str]) -> None:
        try:
            self.stdout.write(f"{_run(loop, text)}\n\n")
        except OpsError as error:
            self.stdout.write(console.shown(error_reply(error)))
        except KeyboardInterrupt:
            self.stderr.write("cancelled")

    async def _follow(self, view: ChannelView, actor: Actor) -> None:
        """Print what is new in the channel as it comes, above what is being typed."""
        while True:
            with suppress(OpsError, DatabaseError):
                if news := await view.news(actor):
                    typed = readline.get_line_buffer() if readline else ""
                    self.stdout.write(f"\r\033[K{news}\n\n{PROMPT}{typed}", ending="")
                    self.stdout.flush()
            await asyncio.sleep(LOOK)


@contextmanager
def _background() -> Iterator[asyncio.AbstractEventLoop]:
    """Run one event loop for all lines: the backends' connections belong to it.

    It has its own thread, so that it also runs while input() waits, which Ctrl-C must interrupt.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        _run(loop, _end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await close_clients()


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run something in the loop and wait for it; Ctrl-C cancels it."""
    running = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return running.result()
    except KeyboardInterrupt:
        running.cancel()
        raise


def _lines() -> Iterator[str]:
    """Yield lines from the terminal or a pipe until its end or "exit", skipping empty ones."""
    prompt = PROMPT if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(prompt)
        except (EOFError, KeyboardInterrupt):
            if prompt:
                sys.stdout.write("\n")
            return
        if line.strip().lower() in GOODBYES:
            return
        if line.strip():
            yield line


def _agrees() -> bool:
    try:
        return input("Apply it? y/n ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _user(name: str | None) -> User:
    if name is not None:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f'there is no user "{name}"; manage.py createsuperuser creates one')
        return user
    superusers = User.objects.filter(is_superuser=True, is_active=True)[:2]
    if len(superusers) != 1:
        raise CommandError("there is not exactly one active superuser; name a user with --user")
    return superusers[0]


def _zone(name: str | None) -> ZoneInfo:
    """Return the zone of that name, else the machine's: $TZ is Django's by now."""
    if name is None:
        return zone_named(os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2])
    zone = zone_named(name)
    if zone.key != name:
        raise CommandError(f'"{name}" is not a time zone; write a name such as Europe/Paris')
    return zone
