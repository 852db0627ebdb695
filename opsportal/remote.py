"""The machines' door as a part of a process: `serve`, `demo`, or `manage.py remote` alone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.management.base import CommandError

from ops.errors import OpsError
from ops.remote.door import RemoteDoor
from ops.remote.http import LARGEST_BODY
from ops.remote.keys import is_loopback
from ops.sampling.actions import SUBJECT
from ops.sites import Sites, sites
from ops.watch import notices
from opsportal import health
from opsportal.backup import in_use
from opsportal.listening import listen, serve_http, serving


@dataclass(frozen=True, slots=True)
class Address:
    """An address that a site's machines ask at, and where it is configured."""

    site: str
    protocol: str
    address: str
    setting: str


def addresses(found: Sites) -> list[Address]:
    """Return where the sites' machines ask; raises CommandError if one may not be listened on."""
    environment = {
        "http": (settings.REMOTE_ADDRESS, "OPSPORTAL_REMOTE_ADDRESS"),
        "grpc": (settings.REMOTE_GRPC_ADDRESS, "OPSPORTAL_REMOTE_GRPC_ADDRESS"),
    }
    asked = []
    for name, site in found.all.items():
        if site.remote is None:
            continue
        for protocol, (address, setting) in environment.items():
            if own := getattr(site.remote, protocol):
                asked.append(Address(name, protocol, own, f"{protocol} in [sites.{name}.remote]"))
            elif name == found.default:
                asked.append(Address(name, protocol, address, setting))
                _check_keys(asked[-1], bool(site.remote.keys))
    if not asked and any(site.remote for site in found.all.values()):
        raise CommandError(
            "no site's machines can ask: give one of the tables [sites.NAME.remote] an address, "
            'such as http = "127.0.0.1:5778"'
        )
    return asked


def _check_keys(at: Address, has_keys: bool) -> None:
    host = at.address.rpartition(":")[0].strip("[]")
    if not has_keys and not is_loopback(host):
        raise CommandError(
            f"{at.setting} is {at.address}, but site {at.site} has no keys: add keys to "
            f"[sites.{at.site}.remote], or use a loopback address"
        )


def check_addresses(found: Sites) -> None:
    """Raise CommandError if one of the addresses is taken."""
    for at in addresses(found):
        listen(at.address, at.setting).close()


async def remote(stop: asyncio.Event) -> None:
    """Serve machines alone; ready as soon as it knows what is in force, even from its files."""
    started = asyncio.Event()

    async def has_started() -> None:
        if not started.is_set():
            raise OpsError("what is in force has not been read yet")

    health.only_ready("remote", has_started)
    with in_use():
        await _serve(stop, started.set)


async def remote_beside(stop: asyncio.Event) -> None:
    """Serve machines beside other doors; does nothing if no site has a table `remote`."""
    with in_use():
        await _serve(stop, lambda: None)


async def _serve(stop: asyncio.Event, started: Callable[[], None]) -> None:
    found = sites()
    served = addresses(found)
    if not served:
        return
    door = RemoteDoor(found.all, settings.REMOTE_STATE, heard=_announce)
    await door.start()
    started()
    closed = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(door.run(closed))
        for at in served:
            group.create_task(_PARTS[at.protocol](door, at, closed))
        await stop.wait()
        await door.close()
        closed.set()


def _announce(site: str) -> None:
    notices.announce(site, SUBJECT)


async def _http(door: RemoteDoor, at: Address, stop: asyncio.Event) -> None:
    served = serving(door.http(at.site, at.address), LARGEST_BODY)
    await serve_http(served, at.address, at.setting, stop)


async def _grpc(door: RemoteDoor, at: Address, stop: asyncio.Event) -> None:
    listen(at.address, at.setting).close()  # gRPC itself would not say why it cannot
    async with door.grpc(at.site, at.address):
        await stop.wait()


_PARTS = {"http": _http, "grpc": _grpc}
