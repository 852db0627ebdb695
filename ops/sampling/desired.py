"""What is in force for each service, from memory, for those who ask thousands of times a second.

database ──(anything newer? twice a second)──> memory ──> of(site, service, now)
└──> a file a site, read if we start while
the database is away
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from django.db import DatabaseError

from ops.database import in_database
from ops.errors import OpsError
from ops.sampling import store
from ops.sampling.revisions import InForce, Setting, in_force

EACH = 0.5  # seconds between two looks at the database
_KIND = dict[str, list[Setting]]  # by service
log = logging.getLogger(__name__)


class Desired:
    """The settings of some sites, kept up to date by `follow`, and in files in `folder`."""

    def __init__(self, sites: Collection[str], folder: Path) -> None:
        self._sites = sites
        self._folder = folder
        self._settings: Mapping[tuple[str, str], list[Setting]] = {}
        self._newest: tuple[int, ...] | None = None
        self._failing = False

    def of(self, site: str, service: str, now: int) -> InForce | None:
        """Return what is in force at a moment (Unix nanoseconds); None if nothing was set."""
        return in_force(self._settings.get((site, service), ()), now)

    async def start(self) -> None:
        """Read what is set: from the database, or else from the files."""
        if not await self.refresh():
            self._settings = await asyncio.to_thread(self._read)

    async def follow(self, stop: asyncio.Event) -> None:
        """Read what is newer, twice a second, until `stop` is set."""
        while not stop.is_set():
            await self.refresh()
            with suppress(TimeoutError):
                async with asyncio.timeout(EACH):
                    await stop.wait()

    async def refresh(self) -> bool:
        """Read what is newer; returns False if the database does not answer."""
        try:
            newest = await in_database(store.newest)
            if newest != self._newest:
                self._settings = await in_database(partial(store.settings, held=True))
                self._newest = newest
                await asyncio.to_thread(self._write)
        except (DatabaseError, OpsError) as error:
            if not self._failing:
                log.warning("sampling is answered from memory: %s", error)
            self._failing = True
            return False
        self._failing = False
        return True

    def _write(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for site in self._sites:
                mine = {of[1]: found for of, found in self._settings.items() if of[0] == site}
                new = self._file(site).with_suffix(".new")
                new.write_bytes(msgspec.json.encode(mine))
                new.replace(self._file(site))
        except OSError as error:
            log.warning("the sampling in force could not be written to a file: %s", error)

    def _read(self) -> dict[tuple[str, str], list[Setting]]:
        found: dict[tuple[str, str], list[Setting]] = {}
        for site in self._sites:
            try:
                mine = msgspec.json.decode(self._file(site).read_bytes(), type=_KIND)
            except FileNotFoundError:
                continue
            except (OSError, msgspec.DecodeError, OpsError) as error:
                log.warning("%s cannot be read: %s", self._file(site), error)
                continue
            found.update({(site, service): each for service, each in mine.items()})
        return found

    def _file(self, site: str) -> Path:
        return self._folder / f"{site}.json"
