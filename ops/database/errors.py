"""What goes wrong with the database, in sentences; the log has the database's own words.

The errors are Django's too: what handles a database that fails, handles these. Strangers at the
log-in page read them, so they hold no address.
"""

import psycopg
from django.db import InterfaceError, OperationalError

from ops.errors import Busy, DatabaseUnavailable

MIGRATE = "run: manage.py migrate"
_SOON = "try again in a few seconds"
# What the databases say, in small letters, and what a person reads.
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
# Somebody else holds what this needs: it may work in a moment.
_CROWDED = ("database is locked", "toomanyconnections", "locknotavailable")


class DatabaseBusy(Busy, OperationalError):
    """Too many wait for the database already, or one waited too long for its turn."""


class DatabaseAway(DatabaseUnavailable, OperationalError):
    """The database does not answer or cannot be used."""


def busy() -> DatabaseBusy:
    """Return the error for what does not get its turn."""
    return DatabaseBusy(f"too many requests are waiting for the database; {_SOON}")


def away() -> DatabaseAway:
    """Return the error for a database that does not answer."""
    return DatabaseAway(f"the database does not answer; {_SOON}")


def explained(error: Exception) -> DatabaseAway | DatabaseBusy | None:
    """Return the error that people read for what a database says; None for what is no outage.

    A row that breaks a rule or a value that does not fit is the code's to handle.
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
    """Whether PostgreSQL's connection has ended: by itself, or as the server says (57P, 08)."""
    if not isinstance(cause, psycopg.OperationalError):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(("57P", "08"))
