"""Backups: whole though the database is in use, and put back all or not at all."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection

from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import Outcome
from opsportal import backup
from tests.opsportal.commands import Environment, manage

ALICE = Actor(1, "alice", Door.BROWSER)
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="PostgreSQL has its own commands for this"
    ),
]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A separate database with three audit rows that no process has open."""
    path = tmp_path / "db.sqlite3"
    write(3)
    copy_of_the_tests(path)
    return path


def write(count: int) -> None:
    for number in range(count):
        chain.append(ALICE, "sampling.change_policy", f"demo/s{number}", Outcome.OK)


def copy_of_the_tests(to: Path) -> None:
    connection.ensure_connection()
    with closing(sqlite3.connect(to)) as copy:
        connection.connection.backup(copy)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else who works with the database, as serve does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("PRAGMA wal_autocheckpoint=0")
        yield other


def actors(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as there:
        return [actor for (actor,) in there.execute("SELECT actor FROM audit_auditentry")]


def names(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as there:
        return {name for (name,) in there.execute("SELECT name FROM auth_group")}


def beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_it_has_what_a_running_process_committed_last(tmp_path: Path) -> None:
    """Of the nine rows the file alone has none: they are in the write-ahead log."""
    live = Path(connection.settings_dict["NAME"])
    write(9)
    head = backup.back_up(live, tmp_path / "copy")
    assert head == chain.head() and head[0] == 9
    assert len(actors(tmp_path / "copy")) == 9
    assert beside(tmp_path / "copy") == ["copy"]
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


def test_it_takes_one_moment_though_somebody_writes(database: Path, tmp_path: Path) -> None:
    with opened(database) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO auth_group (name) VALUES ('not yet')")
        backup.back_up(database, tmp_path / "copy")
        writer.execute("COMMIT")
    assert "not yet" not in names(tmp_path / "copy")


def test_it_says_whole_only_of_a_whole_log(database: Path, tmp_path: Path) -> None:
    with opened(database) as mallory:
        mallory.execute("UPDATE audit_auditentry SET actor = 'mallory' WHERE seq = 2")
    with pytest.raises(CommandError, match="row 2 of the audit log is invalid"):
        backup.back_up(database, tmp_path / "copy")
    assert "copy" not in beside(database)


def test_it_replaces_no_file_and_names_what_is_missing(database: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    for to, sentence in (
        (tmp_path / "there", "already exists; choose a new file"),
        (tmp_path / "none" / "copy", "cannot write .*: No such file or directory"),
    ):
        with pytest.raises(CommandError, match=sentence):
            backup.back_up(database, to)
    with pytest.raises(CommandError, match="there is no database at"):
        backup.back_up(tmp_path / "nowhere", tmp_path / "copy")
    assert (tmp_path / "there").read_text() == "mine"
    assert beside(database) == ["db.sqlite3", "there"]


def test_it_brings_back_what_was_and_keeps_what_is(database: Path, tmp_path: Path) -> None:
    head = backup.back_up(database, tmp_path / "copy")
    with opened(database) as later:
        later.execute("INSERT INTO auth_group (name) VALUES ('later')")
    restored = backup.restore(tmp_path / "copy", database)
    assert (restored.head, restored.replaced) == (head, head)
    assert "later" not in names(database)
    assert restored.kept and "later" in names(restored.kept)
    assert not any(name.endswith(("-wal", "-shm", "-journal")) for name in beside(database))


def test_it_refuses_while_somebody_has_the_database_open(database: Path, tmp_path: Path) -> None:
    backup.back_up(database, tmp_path / "copy")
    with opened(database) as idle:
        idle.execute("INSERT INTO auth_group (name) VALUES ('later')")
        with pytest.raises(CommandError, match="is in use; stop serve"):
            backup.restore(tmp_path / "copy", database)
    assert "later" in names(database)


HOLD = """
import sys, django; django.setup()
from pathlib import Path
from opsportal.backup import in_use
with in_use(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def idle_process(database: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that serves and has had no request yet."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ,
    ) as process:  # fmt: skip
        assert process.stdout and process.stdout.readline() == "open\n"
        yield process
        process.communicate()


def test_it_refuses_while_a_process_only_waits(
    database: Path, tmp_path: Path, idle_process: subprocess.Popen[str]
) -> None:
    backup.back_up(database, tmp_path / "copy")
    with pytest.raises(CommandError, match="is in use"):
        backup.restore(tmp_path / "copy", database)
    idle_process.communicate()
    assert backup.restore(tmp_path / "copy", database).head[0] == 3


def test_it_refuses_to_replace_a_damaged_database_that_is_open(
    database: Path, tmp_path: Path, idle_process: subprocess.Popen[str]
) -> None:
    backup.back_up(database, tmp_path / "copy")
    with database.open("r+b") as file:
        file.write(b"no longer SQLite")
    with pytest.raises(CommandError, match="is in use"):
        backup.restore(tmp_path / "copy", database)
    idle_process.communicate()
    restored = backup.restore(tmp_path / "copy", database)
    assert restored.head[0] == 3 and restored.replaced is None
    assert restored.kept and restored.kept.read_bytes().startswith(b"no longer SQLite")


@pytest.mark.parametrize("there", [True, False])
def test_a_left_over_log_changes_nothing(there: bool, database: Path, tmp_path: Path) -> None:
    """Beside a restored file an old write-ahead log would be taken for its own."""
    backup.back_up(database, tmp_path / "copy")
    with opened(database) as killed:
        killed.execute("INSERT INTO auth_group (name) VALUES ('left over')")
        log = Path(f"{database}-wal").read_bytes()
        assert log
    Path(f"{database}-wal").write_bytes(log)
    if not there:
        database.unlink()
    backup.restore(tmp_path / "copy", database)
    assert not Path(f"{database}-wal").exists()
    assert "left over" not in names(database)
    assert len(actors(database)) == 3


def test_it_takes_no_database_for_a_backup(database: Path, tmp_path: Path) -> None:
    """What was copied by hand says something else without its log, or with another's."""
    backup.back_up(database, tmp_path / "copy")
    Path(f"{tmp_path}/copy-wal").write_bytes(b"")
    with pytest.raises(CommandError, match=r"copy is not a backup: .*copy-wal shows"):
        backup.restore(tmp_path / "copy", database)
    with pytest.raises(CommandError, match="is the database itself"):
        backup.restore(database, database)


def damage_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def text(path: Path) -> None:
    path.write_text("dear diary " * 1000)


def rewrite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as there, there:
        there.execute("UPDATE audit_auditentry SET text = 'nothing' WHERE seq = 2")


def renew(path: Path) -> None:
    with closing(sqlite3.connect(path)) as there, there:
        there.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('bot', '9', '')")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (damage_page, "damaged"),
        (cut, "damaged"),
        (empty, "not an OpsPortal database"),
        (text, "not a SQLite database"),
        (rewrite, "row 2 of the audit log is invalid"),
        (renew, r"comes from a newer release, with bot\.9; install that release"),
        (os.unlink, "there is no backup at"),
    ],
)
def test_it_restores_nothing_that_is_not_whole(
    spoil: object, sentence: str, database: Path, tmp_path: Path
) -> None:
    backup.back_up(database, tmp_path / "copy")
    assert callable(spoil)
    spoil(tmp_path / "copy")
    before = database.read_bytes()
    with pytest.raises(CommandError, match=sentence):
        backup.restore(tmp_path / "copy", database)
    assert database.read_bytes() == before
    assert {"db.sqlite3"} <= set(beside(database)) <= {"db.sqlite3", "copy"}


def test_its_commands_say_the_head_and_leave_a_row(
    environment: Environment, database: Path, tmp_path: Path
) -> None:
    assert environment["DATABASE_URL"] == f"sqlite:///{database}"
    seq, digest = chain.head()
    copy = str(tmp_path / "copy")
    taken = manage("backup", copy, env=environment)
    assert f"{copy} is complete; the head of its audit log is {seq}:{digest}" in taken.stdout
    put_back = manage("restore", copy, env=environment)
    assert f"restored {copy}; the head of its audit log is {seq}:{digest}" in put_back.stdout
    assert f"(up to audit row {seq}) is kept as {database}." in put_back.stdout
    verified = manage("audit_verify", "--expect", f"{seq}:{digest}", env=environment)
    assert f"{seq + 1} rows verified" in verified.stdout
    with closing(sqlite3.connect(database)) as there:
        rows = there.execute("SELECT action, target FROM audit_auditentry WHERE seq = ?", [seq + 1])
        assert rows.fetchall() == [("audit.record_restore", "backup/copy")]
