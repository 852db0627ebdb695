"""What people read for what a database's driver raises."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType, SimpleNamespace

import psycopg
import pytest
from django.db import DataError, Error, OperationalError
from django.db.utils import DatabaseErrorWrapper
from psycopg.adapt import PyFormat, Transformer

from ops.database import DatabaseAway, DatabaseBusy
from ops.database.errors import explained, has_too_many_connections, is_of_text


def _passing_on(driver: ModuleType) -> DatabaseErrorWrapper:
    """Raise a driver's error as Django passes it on."""
    return DatabaseErrorWrapper(SimpleNamespace(Database=driver, errors_occurred=False))


def shown(driver: ModuleType, error: Exception) -> DatabaseAway | DatabaseBusy | None:
    """Explain an error as Django passes it on."""
    with pytest.raises(Error) as caught, _passing_on(driver):
        raise error
    return explained(caught.value)


def missing_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("SELECT * FROM never_made")


def missing_column(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE one (a)")
        database.execute("SELECT never_made FROM one")


def no_space(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE one (a)")
        database.execute("PRAGMA max_page_count = 2")
        database.execute("INSERT INTO one VALUES (zeroblob(100000))")


def read_only(file: Path) -> None:
    sqlite3.connect(file).close()
    file.touch()
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        database.execute("CREATE TABLE one (a)")


def not_a_file(file: Path) -> None:
    with closing(sqlite3.connect(file / "in" / "no" / "folder")) as database:
        database.execute("SELECT 1")


def locked(file: Path) -> None:
    with (
        closing(sqlite3.connect(file)) as first,
        closing(sqlite3.connect(file, timeout=0)) as second,
    ):
        first.execute("BEGIN EXCLUSIVE")
        second.execute("CREATE TABLE one (a)")


def locked_table(file: Path) -> None:
    with closing(sqlite3.connect("file::memory:?cache=shared", uri=True)) as first:
        first.execute("CREATE TABLE one (a)")
        first.commit()
        first.execute("INSERT INTO one VALUES (1)")
        with closing(sqlite3.connect("file::memory:?cache=shared", uri=True)) as second:
            second.execute("SELECT * FROM one")


def wrong_statement(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("SELECT FROM")


@pytest.mark.parametrize(
    ("provoke", "kind", "sentence"),
    [
        (missing_table, DatabaseAway, "table is missing; run: manage.py migrate"),
        (missing_column, DatabaseAway, "column is missing; run: manage.py migrate"),
        (no_space, DatabaseAway, "disk is full; free some space"),
        (read_only, DatabaseAway, "its file is read-only"),
        (not_a_file, DatabaseAway, "check DATABASE_URL"),
        (locked, DatabaseBusy, "try again in a few seconds"),
        (locked_table, DatabaseBusy, "try again in a few seconds"),
        (wrong_statement, DatabaseAway, "could not do this; see the log"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_has_a_sentence_for_what_sqlite_raises(
    provoke: Callable[[Path], None], kind: type[Exception], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(sqlite3.Error) as caught:
        provoke(tmp_path / "file.sqlite3")
    found = shown(sqlite3, caught.value)
    assert type(found) is kind and sentence in str(found)


def test_it_tells_a_text_that_postgresql_cannot_have() -> None:
    with pytest.raises(psycopg.DataError) as caught:
        Transformer().dump_sequence(["a\0b"], [PyFormat.AUTO])
    error = caught.value
    with pytest.raises(DataError) as passed_on, _passing_on(psycopg):
        raise error
    assert is_of_text(passed_on.value)
    assert not is_of_text(DataError("integer out of range"))


CODES = sorted(
    {
        code & 0xFF
        for name, code in vars(sqlite3).items()
        if name.startswith("SQLITE_") and isinstance(code, int) and name.count("_") == 1
    }
)


@pytest.mark.parametrize("code", CODES)
def test_it_has_a_sentence_for_every_code_of_sqlite(code: int) -> None:
    error = sqlite3.OperationalError("what nobody foresaw")
    error.sqlite_errorcode = code | 0xA00  # as SQLITE_IOERR_WRITE extends SQLITE_IOERR
    assert str(shown(sqlite3, error)).startswith(("the database", "too many requests"))


def classes(kind: type[psycopg.Error]) -> Iterator[type[psycopg.Error]]:
    yield kind
    for below in kind.__subclasses__():
        yield from classes(below)


# Errors of a value or a statement, which the calling code handles.
OURS = (
    psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError, psycopg.NotSupportedError,
    psycopg.ProgrammingError,
)  # fmt: skip
OUTAGES = {
    "25006": "this server is read-only",
    "42703": "column is missing",
    "42P01": "table is missing",
    "53100": "disk is full",
    "53300": "too many requests are waiting",
    "55P03": "too many requests are waiting",
}


@pytest.mark.parametrize("kind", sorted(set(classes(psycopg.Error)), key=str))
def test_it_knows_every_error_of_postgresql(kind: type[psycopg.Error]) -> None:
    """By SQLSTATE only: a server may speak any language."""
    found = shown(psycopg, kind("Was niemand vorhersah"))
    state = kind.sqlstate or ""
    if state in OUTAGES:
        assert OUTAGES[state] in str(found)
    elif issubclass(kind, OURS):
        assert found is None
    elif state.startswith(("08", "57P")):
        assert "does not answer" in str(found)
    elif issubclass(kind, psycopg.OperationalError | psycopg.InterfaceError):
        assert isinstance(found, DatabaseAway)
    else:
        assert found is None


def test_it_finds_the_driver_s_error_behind_others() -> None:
    outer = OperationalError("while saving")
    outer.__cause__ = OperationalError("while inserting")
    outer.__cause__.__context__ = psycopg.errors.DiskFull("Platte voll")
    assert "disk is full" in str(explained(outer))


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (psycopg.errors.TooManyConnections("zu viele"), True),
        (psycopg.errors.AdminShutdown("sorry, too many clients already"), False),
        (psycopg.OperationalError("connection refused"), False),
    ],
    ids=str,
)
def test_it_tells_a_server_that_is_full_from_one_that_is_away(
    error: psycopg.Error, full: bool
) -> None:
    assert has_too_many_connections(error) is full
