"""Sentences about database failures; the log has the database's own words.

The errors are also Django's, so code that handles database errors handles these. Anyone on the
login page can read them, so they contain no address.
"""

import sqlite3

import psycopg
from django.db import DataError, InterfaceError, OperationalError

from ops.causes import causes
from ops.errors import Busy, DatabaseUnavailable, InvalidInput

MIGRATE = "run: manage.py migrate"
_SOON = "try again in a few seconds"
_NO_TABLE = f"a database table is missing; {MIGRATE}"
_NO_COLUMN = f"a database column is missing; {MIGRATE}"
_DISK_FULL = "the database's disk is full; free some space, then try again"
# By PostgreSQL's SQLSTATE and by SQLite's primary result code.
_SENTENCES: dict[str | int, str] = {
    "42P01": _NO_TABLE,
    "42703": _NO_COLUMN,
    "53100": _DISK_FULL,
    "25006": "the database cannot be written: this server is read-only",
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_IOERR: "the database's disk failed; see the log",
    sqlite3.SQLITE_READONLY: "the database cannot be written: its file is read-only",
    sqlite3.SQLITE_CANTOPEN: "the database's file cannot be opened; check DATABASE_URL",
}
# Something else holds what this needs, so it may work in a moment.
_TOO_MANY_CONNECTIONS = "53300"
_LOCKED = ("55P03", sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# Only the text says these: SQLite has one code for everything that is wrong with a statement, and
# libpq gives no SQLSTATE for a refused connection. (A server that speaks another language, by
# lc_messages, is taken to be away, which is the same a few seconds later.)
_SQLITE_TEXTS = {"no such table": _NO_TABLE, "no such column": _NO_COLUMN}
_NUL_TEXT = "NUL (0x00)"  # of psycopg itself, which sends no such text
_TOO_MANY_TEXTS = ("too many clients", "too many connections", "connection slots are reserved")


class DatabaseBusy(Busy, OperationalError):
    """Too many are waiting for the database, or one waited too long for its turn."""


class DatabaseAway(DatabaseUnavailable, OperationalError):
    """The database does not answer or cannot be used."""


def busy() -> DatabaseBusy:
    """Return the error for work that does not get its turn."""
    return DatabaseBusy(f"too many requests are waiting for the database; {_SOON}")


def away() -> DatabaseAway:
    """Return the error for a database that does not answer."""
    return DatabaseAway(f"the database does not answer; {_SOON}")


def explained(error: Exception) -> DatabaseAway | DatabaseBusy | None:
    """Return the error that people read for a database's error; None if it is not an outage.

    The calling code handles rows that violate a constraint and values that do not fit.
    """
    if isinstance(error, DatabaseAway | DatabaseBusy):
        return error
    code = _code(error)
    if code in _SENTENCES:
        return DatabaseAway(_SENTENCES[code])
    if code == sqlite3.SQLITE_ERROR:
        for words, sentence in _SQLITE_TEXTS.items():
            if words in str(error):
                return DatabaseAway(sentence)
    if code == _TOO_MANY_CONNECTIONS or code in _LOCKED:
        return busy()
    if isinstance(error, InterfaceError) or _is_lost(error):
        return away()
    if isinstance(error, OperationalError):
        return DatabaseAway("the database could not do this; see the log")
    return None


def is_of_text(error: Exception) -> bool:
    """Return whether PostgreSQL cannot be asked because a text has a NUL character.

    Every door passes such texts on, and SQLite takes them.
    """
    return isinstance(error, DataError) and _NUL_TEXT in str(error)


def refused_text() -> InvalidInput:
    """Return the error for a text with a NUL character: no failure of the database."""
    return InvalidInput("a name or text has a NUL character. Remove it")


def has_too_many_connections(error: psycopg.Error) -> bool:
    """Return whether a server refused a connection because it has too many."""
    if error.sqlstate is None:
        return any(words in str(error) for words in _TOO_MANY_TEXTS)
    return error.sqlstate == _TOO_MANY_CONNECTIONS


def _code(error: Exception) -> str | int:
    """Return the code of the driver's error that led to this one, "" or 0 if it has none."""
    for cause in causes(error):
        if isinstance(cause, psycopg.Error):
            return cause.sqlstate or ""
        if isinstance(cause, sqlite3.Error):
            # Errors of the module itself have none. The low byte is SQLITE_IOERR for all its kinds.
            return int(getattr(cause, "sqlite_errorcode", 0)) & 0xFF
    return ""


def _is_lost(error: Exception) -> bool:
    """Return whether PostgreSQL's connection was lost, or ended by the server (57P, 08)."""
    for cause in causes(error):
        if isinstance(cause, psycopg.OperationalError):
            return cause.sqlstate is None or cause.sqlstate.startswith(("57P", "08"))
    return False
