import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from bot import console
from bot.commands import registry
from ops.actor import Actor, Door
from ops.backends.connections import close_connections
from opsportal import processes

with suppress(ImportError):  # there is none on Windows
    import readline  # noqa: F401  (importing it gives input() a history)

PROMPT = "opsportal> "
GOODBYES = ("exit", "quit")


class Command(BaseCommand):
    help = "Talk to the bot in the terminal: its commands and your permissions, without Slack."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", metavar="NAME", help="as whom (default: the only superuser)")

    def handle(self, *args: Any, **options: Any) -> None:
        processes.checked_sites()
        registry.check()
        user = _user(options["user"])
        actor = Actor(user.pk, user.get_username(), Door.CONSOLE)
        if sys.stdin.isatty():
            self.stdout.write(f'You are {actor.name}. "help" lists what I can do; "exit" ends.\n')
        # One loop for all lines, because the backends' connections belong to it; between the
        # lines it rests, because a thread that waits for a line could not be interrupted.
        with asyncio.Runner() as runner:
            try:
                for line in _lines():
                    self._answer(runner, actor, line)
            finally:
                runner.run(close_connections())

    def _answer(self, runner: asyncio.Runner, actor: Actor, line: str) -> None:
        try:
            reply = runner.run(console.answer(actor, line))
            self.stdout.write(console.shown(reply))
            if sys.stdin.isatty() and (lines := console.asks(reply)):
                self._answer(runner, actor, lines[0] if _agrees() else lines[1])
        except KeyboardInterrupt:
            self.stderr.write("given up")


def _lines() -> Iterator[str]:
    """Lines from the terminal or a pipe, to the end or "exit"; empty ones are left out."""
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
            raise CommandError(f'there is no user "{name}"; manage.py createsuperuser makes one')
        return user
    superusers = User.objects.filter(is_superuser=True, is_active=True)[:2]
    if len(superusers) != 1:
        raise CommandError("say who you are with --user NAME: there is not exactly one superuser")
    return superusers[0]
