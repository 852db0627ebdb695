"""Backup and restore of a SQLite database: backup while it is in use, restore while it is not.

A copy of the file alone is not a backup: the latest commits are in the `-wal` file beside it,
and a leftover `-wal` file changes what a copy contains. SQLite's backup API copies both as of
one moment.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkstemp

from django.core.management.base import CommandError
from django.db import DatabaseError, connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ops.audit import chain

Head = tuple[int, str]
PATIENCE = 2.0  # seconds to wait for other writers
BESIDE = ("-wal", "-shm", "-journal")
TABLES = {"audit_auditentry", "auth_user", "django_migrations"}
ELSEWHERE = (
    "the database is PostgreSQL: use pg_dump --format=custom and pg_restore instead; "
    "docs/running.md has both commands"
)
# SQLite's lock on the whole file: every process that has it open in WAL mode shares this range.
_SHARED, _SIZE = 0x40000002, 510


@dataclass(frozen=True, slots=True)
class Restored:
    """The head restored, where the replaced database is kept, and its head if it can be read."""

    head: Head
    kept: Path | None
    replaced: Head | None


def database_file() -> Path:
    """Return the file that DATABASE_URL names; raises CommandError when it names none."""
    described = connections["default"].settings_dict
    if connections["default"].vendor != "sqlite":
        raise CommandError(ELSEWHERE)
    name = str(described["NAME"])
    if name.startswith(("file:", ":")) or not name:
        raise CommandError("the database is only in memory; DATABASE_URL must name a file")
    return Path(name).absolute()


@contextmanager
def in_use(database: Path | None = None) -> Iterator[None]:
    """Keep the database open while inside, so that it cannot be replaced by a restore.

    Do nothing for PostgreSQL, or if there is no database yet.
    """
    with ExitStack() as stack:
        with suppress(CommandError, sqlite3.Error):
            opened = stack.enter_context(closing(_connect(database or database_file(), "rw")))
            # In WAL mode a connection that has read once holds a shared lock until it is closed.
            opened.execute("PRAGMA journal_mode=WAL")
            opened.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield


def back_up(database: Path, to: Path) -> Head:
    """Copy the database as it is now to a new file; return the head of its audit log.

    Raise CommandError, and leave no file, if the copy is not complete and valid.
    """
    if not database.is_file():
        raise CommandError(f"there is no database at {database}; check DATABASE_URL")
    with _new_file(to) as part:
        try:
            with closing(_connect(database, "rw")) as source, closing(_connect(part, "rw")) as copy:
                source.execute("SELECT count(*) FROM sqlite_master").fetchall()
                source.backup(copy)
                # The copy is a single file that needs no -wal file.
                copy.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise CommandError(f"cannot copy {database} to {to}: {error}") from error
        return _verified(part, f"the copy of {database}")


def restore(source: Path, database: Path) -> Restored:
    """Replace the database with the backup, completely or not at all.

    Raise CommandError if a process has the database open, or if the backup is not valid.
    """
    source, database = source.absolute(), database.absolute()
    if not source.is_file():
        raise CommandError(f"there is no backup at {source}")
    if database.exists() and source.samefile(database):
        raise CommandError(f"{source} is the database itself; name a backup")
    if beside := [f"{source}{end}" for end in BESIDE if Path(f"{source}{end}").exists()]:
        raise CommandError(
            f"{source.name} is not a backup: {', '.join(beside)} shows that it is a copied "
            "database or one in use. Back it up with manage.py backup and "
            f"DATABASE_URL=sqlite:///{source}"
        )
    head = _verified(source, str(source))
    _check_migrations(source)
    try:
        kept = _replace(source, database)
    except OSError as error:
        raise CommandError(f"{error.filename or database}: {error.strerror}") from error
    return Restored(head, kept, _head(kept) if kept else None)


def _replace(source: Path, database: Path) -> Path | None:
    """Overwrite the database with the backup; return where the old one is kept, or None."""
    kept = database.with_name(f"{database.name}.{datetime.now(UTC):%Y%m%dT%H%M%S}")
    there = database.exists()
    try:
        claimed = _claimed(database) if there else None
    except sqlite3.DatabaseError as error:
        if not _is(error, "SQLITE_CORRUPT", "SQLITE_NOTADB"):
            raise CommandError(f"cannot open {database} for writing: {error}") from error
        _check_not_open(database)
        claimed = None
    if claimed is None:
        _move(database, kept)
        claimed = _claimed(database)
    else:
        _copy(claimed, kept)
    with closing(claimed), closing(_connect(source, "ro")) as backup:
        try:
            # SQLite's journal makes this atomic: if interrupted, the next opening undoes it.
            backup.backup(claimed)
        except sqlite3.Error as error:
            raise CommandError(f"cannot write {database}: {error}") from error
    return kept if there else None


def _claimed(database: Path) -> sqlite3.Connection:
    """Open the database exclusively, without files beside it; raises CommandError."""
    claimed = _connect(database, "rwc")
    try:
        claimed.execute("PRAGMA locking_mode=EXCLUSIVE")
        claimed.execute("PRAGMA journal_mode=DELETE")
        claimed.execute("BEGIN EXCLUSIVE")
        claimed.execute("COMMIT")
    except sqlite3.Error as error:
        claimed.close()
        if _is(error, "SQLITE_BUSY", "SQLITE_LOCKED"):
            raise _open_elsewhere(database) from error
        raise
    return claimed


def _is(error: sqlite3.Error, *names: str) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(names)


def _check_not_open(database: Path) -> None:
    """Raise CommandError if a process has this file open, even if the file is damaged."""
    with database.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SIZE, _SHARED)
        except OSError as error:
            raise _open_elsewhere(database) from error


def _open_elsewhere(database: Path) -> CommandError:
    return CommandError(
        f"{database} is in use; stop serve and every other OpsPortal process, then restore again"
    )


def _copy(database: sqlite3.Connection, to: Path) -> None:
    with _new_file(to) as part, closing(_connect(part, "rw")) as copy:
        try:
            database.backup(copy)
        except sqlite3.Error as error:
            database.close()
            raise CommandError(f"cannot write {to}: {error}") from error


def _move(database: Path, to: Path) -> None:
    """Move a database that cannot be opened out of the way, with the files beside it."""
    for end in ("", *BESIDE):
        with suppress(FileNotFoundError):
            Path(f"{database}{end}").rename(f"{to}{end}")


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """Yield a private file to write to; it becomes `path` if everything went well."""
    try:
        path.open("x").close()
    except FileExistsError:
        raise CommandError(f"{path} already exists; choose a new file") from None
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from error
    handle, name = mkstemp(prefix=f"{path.name}.", dir=path.parent)
    part = Path(name)
    try:
        yield part
        os.fsync(handle)
        part.replace(path)
    except BaseException:
        part.unlink()
        path.unlink()
        raise
    finally:
        os.close(handle)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, PATIENCE, isolation_level=None, uri=True)


@contextmanager
def _opened(path: Path) -> Iterator[str]:
    """Yield a database alias with which Django reads this file."""
    alias = f"copy {path}"
    described = connections["default"].settings_dict
    address = f"{path.absolute().as_uri()}?mode=ro"
    opened = DatabaseWrapper({**described, "NAME": address, "OPTIONS": {}}, alias)
    connections[alias] = opened
    try:
        yield alias
    finally:
        opened.close()
        del connections[alias]


def _verified(path: Path, name: str) -> Head:
    """Return the head of a valid file's audit log; raises CommandError if it is not valid."""
    last: Head = (0, chain.GENESIS)
    with _opened(path) as alias:
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("PRAGMA integrity_check(1)")
                [(said,)] = cursor.fetchall()
                tables = connections[alias].introspection.table_names(cursor)
            if said != "ok":
                raise CommandError(f"{name} is damaged: {said}")
            if not TABLES.issubset(tables):
                raise CommandError(f"{name} is not an OpsPortal database")
            for step in chain.verify(alias):
                if isinstance(step, chain.Fault):
                    raise CommandError(
                        f"in {name}, row {step.seq} of the audit log is invalid: {step.reason}"
                    )
                last = step
        except DatabaseError as error:
            raise CommandError(f"{name} is damaged or not a SQLite database: {error}") from error
    return last


def _check_migrations(path: Path) -> None:
    """Raise CommandError if the backup comes from a newer release."""
    with _opened(path) as alias:
        applied = set(MigrationRecorder(connections[alias]).applied_migrations())
    loader = MigrationLoader(None)
    unknown = sorted(
        each for each in applied - set(loader.disk_migrations) if each[0] in loader.migrated_apps
    )
    if unknown:
        raise CommandError(
            f"{path} comes from a newer release, with {'.'.join(unknown[0])}; install that release"
        )


def _head(path: Path) -> Head | None:
    with _opened(path) as alias, suppress(DatabaseError):
        return chain.head(alias)
    return None
