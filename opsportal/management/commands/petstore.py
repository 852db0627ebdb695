import asyncio
import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.errors import InvalidInput
from ops.vocabulary.policies import parse_policy
from opsportal import processes
from opsportal.demo import petstore
from opsportal.demo.director import disturb, stopwatch
from opsportal.demo.petstore import PetStore
from opsportal.demo.running import grpc_server, http_server, metrics_page, working
from opsportal.demo.sampler import ChangingSampler
from opsportal.demo.services import Mailer, Store, Trouble
from opsportal.demo.telemetry import telling
from opsportal.demo.traffic import traffic

LINES = """
petstore {version} is running as {instance}; ChangeSampler changes its sampling.

  gRPC      {listen}   (reflection is on)
  metrics   {metrics}/metrics
  spans     {otlp}, sampling {sampling}
  traffic   {traffic:g} calls per second

Press Ctrl-C to stop it.
"""


class Command(BaseCommand):
    help = "Run a single petstore that sends its spans to a real OpenTelemetry endpoint."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # The petstore's --version replaces Django's own.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--listen", type=_address, default="127.0.0.1:6742", metavar="HOST:PORT")
        add("--metrics", type=_address, default="127.0.0.1:9464", metavar="HOST:PORT")
        otlp = "where to send spans over OTLP/gRPC; a URL also works"
        add("--otlp", type=_otlp, default="127.0.0.1:4317", metavar="HOST:PORT", help=otlp)
        add("--sampling", default="always", help="never, always, or a rate such as 0.1 or 10%%")
        add("--version", default="1.2.0", help="the version in its metrics and spans")
        add("--instance", default="petstore-1", help="its service.instance.id")
        add("--traffic", type=_rate, default=0.0, metavar="RATE", help="calls per second to itself")

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        processes.run(self.serve)

    async def serve(self, stop: asyncio.Event) -> None:
        options, trouble = self.options, Trouble()
        store, mailer = Store(options["otlp"], trouble), Mailer(options["otlp"], trouble)
        served = self.make(store, mailer)
        page = metrics_page(served.telemetry.registry)
        async with (
            telling(store.telemetry, mailer.telemetry, served.telemetry),
            grpc_server(options["listen"], petstore.NAME, served.add_to) as address,
            http_server(options["metrics"], page) as metrics,
        ):
            lines = LINES.format_map({**options, "listen": address, "metrics": metrics})
            self.stdout.write(lines)
            bad_times = disturb(trouble, stopwatch())
            calls = [bad_times, traffic([address], self.rate)] if self.rate() else []
            async with working(*calls):
                await stop.wait()

    def make(self, store: Store, mailer: Mailer) -> PetStore:
        """Return the petstore that the options describe."""
        try:
            policy = parse_policy(self.options["sampling"])
        except InvalidInput as error:
            raise CommandError(f"--sampling: {error}") from None
        return PetStore(
            store,
            mailer,
            instance=self.options["instance"],
            version=self.options["version"],
            otlp=self.options["otlp"],
            sampler=ChangingSampler(policy),
        )

    def rate(self) -> float:
        """Return the calls per second."""
        return float(self.options["traffic"])


def _address(text: str) -> str:
    match = re.fullmatch(r"(?:\[[^\]]+\]|[^:]+):([0-9]{1,5})", text)
    if match is None or int(match[1]) > 65535:
        raise ArgumentTypeError(f'"{text}" is not host:port, such as 127.0.0.1:6742')
    return text


def _otlp(text: str) -> str:
    scheme, separator, address = text.rpartition("://")
    if separator and scheme not in ("http", "https"):
        raise ArgumentTypeError(f'"{text}" is not host:port or http://host:port')
    _address(address.removesuffix("/"))
    return text


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1
    if not 0 <= rate <= 1000:
        raise ArgumentTypeError(f'"{text}" is not a number of calls per second from 0 to 1000')
    return rate
