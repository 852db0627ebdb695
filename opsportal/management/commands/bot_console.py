import asyncio
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from bot import console
from bot.commands import registry
from ops.actor import Actor, Door
from ops.backends.clients import close_clients
from ops.language.zones import zone_named
from opsportal import processes

with suppress(ImportError):  # Windows has no readline
    import readline  # noqa: F401  (importing it gives input() a history)

PROMPT = "opsportal> "
GOODBYES = ("exit", "quit")


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
        if sys.stdin.isatty():
            self.stdout.write(f'You are {actor.name}. "help" lists the commands, "exit" quits.\n')
        # One loop for all lines, because the backends' connections belong to it. It does not run
        # while input() waits, because a thread waiting for input could not be interrupted.
        with asyncio.Runner() as runner:
            try:
                for line in _lines():
                    self._answer(runner, conversation, line)
            finally:
                runner.run(close_clients())

    def _answer(
        self, runner: asyncio.Runner, conversation: console.Conversation, line: str
    ) -> None:
        try:
            reply = runner.run(conversation.answer(line))
            self.stdout.write(console.shown(reply))
            if sys.stdin.isatty() and (lines := console.asks(reply)):
                self._answer(runner, conversation, lines[0] if _agrees() else lines[1])
        except KeyboardInterrupt:
            self.stderr.write("cancelled")


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
