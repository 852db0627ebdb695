"""Sentences about database failures; the log has the database's own words.

The errors are also Django's, so code that handles database errors handles these. Anyone on the
login page can read them, so they contain no address.
"""

import psycopg
from django.db import InterfaceError, OperationalError

from ops.errors import Busy, DatabaseUnavailable

MIGRATE = "run: manage.py migrate"
_SOON = "try again in a few seconds"
# What databases say, in lower case, and what people read.
_KNOWN = {
    "no such table": f"a database table is missing; {MIGRATE}",
    "undefinedtable": f"a database table is missing; {MIGRATE}",
    "no such column": f"a database column is missing; {MIGRATE}",
    "undefinedcolumn": f"a database column is missing; {MIGRATE}",
    "database or disk is full": "the database's disk is full; free some space, then try again",
    "diskfull": "the database's disk is full; free some space, then try again",
    "disk i/o error": "the database's disk failed; see the log",
    "readonly database": "the database cannot be written: its file is read-only",
    "readonlysqltransaction": "the database cannot be written: this server is read-only",
    "unable to open database file": "the database's file cannot be opened; check DATABASE_URL",
}
# Something else holds what this needs, so it may work in a moment.
_CROWDED = ("database is locked", "toomanyconnections", "locknotavailable")


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
    said = f"{type(error.__cause__).__name__} {error}".lower()
    for words, sentence in _KNOWN.items():
        if words in said:
            return DatabaseAway(sentence)
    if any(words in said for words in _CROWDED):
        return busy()
    if isinstance(error, InterfaceError) or _is_lost(error.__cause__):
        return away()
    if isinstance(error, OperationalError):
        return DatabaseAway("the database could not do this; see the log")
    return None


def _is_lost(cause: BaseException | None) -> bool:
    """Return whether PostgreSQL's connection was lost, or ended by the server (57P, 08)."""
    if not isinstance(cause, psycopg.OperationalError):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(("57P", "08"))
