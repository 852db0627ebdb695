import asyncio
import io
import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import AuditEntry, Outcome
from ops.database import in_database

pytestmark = pytest.mark.django_db(transaction=True)
ALICE = Actor(1, "alice", Door.SLACK, "192.0.2.7", {"team": "T1"})


def write(count: int) -> None:
    for number in range(count):
        chain.append(ALICE, "sampling.change_policy", f"demo/s{number}", Outcome.OK)


def verify(*arguments: str) -> str:
    out = io.StringIO()
    call_command("audit_verify", *arguments, stdout=out)
    return out.getvalue()


def sql(statement: str, *values: str, of: str = "audit_auditentry") -> None:
    """Run a statement behind the model's back, as somebody with the owner's password would."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {of} DISABLE TRIGGER USER")
        cursor.execute(statement, values)


def test_it_numbers_rows_without_gaps_and_verifies() -> None:
    write(3)
    assert list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3]
    assert "3 rows verified; the head is 3:" in verify()


def test_it_verifies_an_empty_log() -> None:
    assert "0 rows verified" in verify()


def test_it_hashes_everything_that_a_row_says() -> None:
    entry = chain.append(
        ALICE, "a.b", "demo/x\x00", Outcome.FAILED, parameters={"rate": "1e-05"}, detail="é\ud800"
    )
    record = json.loads(entry.text)
    assert record["target"] == "demo/x\\x00"
    assert record["address"] == "192.0.2.7" and record["origin"] == {"team": "T1"}
    assert record["parameters"] == {"rate": "1e-05"}
    assert entry.hash == chain.chained(chain.GENESIS, entry.text)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("text", "{}", "its hash does not match"),
        ("hash", "0" * 64, "its hash does not match"),
        ("actor", "mallory", "its columns differ"),
        ("at", "2020-01-01 00:00:00", "its columns differ"),
    ],
)
def test_it_names_the_first_bad_row(column: str, value: str, reason: str) -> None:
    write(5)
    sql(f"UPDATE audit_auditentry SET {column} = %s WHERE seq = 3", value)
    with pytest.raises(CommandError, match=f"row 3 is invalid: {reason}"):
        verify()


@pytest.mark.parametrize(
    "text",
    [
        "", "nothing", "null", "[]", '"text"', "7", "{}", '{"seq": 3}', "[" * 100_000,
        f'{{"seq": {"9" * 5000}}}',
    ],
    ids=lambda text: text[:12] or "empty",
)  # fmt: skip
def test_it_names_a_row_whose_text_says_nothing(text: str) -> None:
    """Whoever damages it may know how hashes are made."""
    write(5)
    [before] = AuditEntry.objects.filter(seq=2).values_list("hash", flat=True)
    digest = chain.chained(before, text)
    sql("UPDATE audit_auditentry SET text = %s, hash = %s WHERE seq = 3", text, digest)
    with pytest.raises(CommandError, match="row 3 is invalid: its text is not a rec"):
        verify()
    assert "damaged" in AuditEntry.objects.get(seq=3).record["detail"]


@pytest.mark.parametrize("key", ["at", "parameters", "origin", "detail", "seq", "actor"])
@pytest.mark.parametrize("value", ["null", "7", "[]", '"yesterday"'])
def test_it_names_a_row_with_a_value_of_another_kind(key: str, value: str) -> None:
    write(2)
    record = json.loads(AuditEntry.objects.get(seq=2).text) | {key: json.loads(value)}
    [before] = AuditEntry.objects.filter(seq=1).values_list("hash", flat=True)
    text = json.dumps(record)
    digest = chain.chained(before, text)
    sql("UPDATE audit_auditentry SET text = %s, hash = %s WHERE seq = 2", text, digest)
    if key in ("at", "seq", "actor"):
        with pytest.raises(CommandError, match="row 2 is invalid: its "):
            verify()
    shown = AuditEntry.objects.get(seq=2).record
    assert (type(shown["parameters"]), type(shown["origin"])) == (dict, dict)


# What SQLite takes into any column, whatever its type.
@pytest.mark.parametrize("column", ["seq", "at", "text", "hash", "actor", "outcome"])
@pytest.mark.parametrize("value", ["x'ff00'", "'2026-99-99 00:00:00'", "'never'", "2.5", "-1e300"])
def test_it_has_a_sentence_for_any_damaged_value(column: str, value: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL takes no value of another type")
    write(4)
    sql(f"UPDATE audit_auditentry SET {column} = {value} WHERE seq = 3")
    with pytest.raises(CommandError, match=r"row \S+ is invalid: "):
        verify()


def test_it_has_a_sentence_for_rows_before_the_first() -> None:
    write(2)
    sql("UPDATE audit_auditentry SET seq = 0 WHERE seq = 1")
    with pytest.raises(CommandError, match="row 0 is invalid: rows are numbered"):
        verify()


def test_it_comes_near_a_damaged_row_in_a_long_log() -> None:
    with transaction.atomic():
        write(1200)
    text = "'never'" if connection.vendor == "sqlite" else "'2020-01-01'"
    sql(f"UPDATE audit_auditentry SET at = {text} WHERE seq = 1150")
    with pytest.raises(CommandError, match="row 1150 is invalid: "):
        verify()


def test_it_says_that_a_log_cannot_be_read() -> None:
    sql("ALTER TABLE audit_auditentry RENAME TO elsewhere")
    try:
        with pytest.raises(CommandError, match=r"cannot read the audit log: .*audit_auditentry"):
            verify()
    finally:
        sql("ALTER TABLE elsewhere RENAME TO audit_auditentry", of="elsewhere")


def test_it_knows_what_is_before_the_first_row() -> None:
    write(1)
    assert "1 row verified" in verify("--expect", f"0:{chain.GENESIS}")
    with pytest.raises(CommandError, match="the hash before row 1 is"):
        verify("--expect", f"0:{'a' * 64}")


def test_it_finds_a_removed_row() -> None:
    write(4)
    sql("DELETE FROM audit_auditentry WHERE seq = 2")
    with pytest.raises(CommandError, match="row 2 is invalid: row 2 is missing"):
        verify()


def test_it_finds_a_cut_tail_against_a_noted_head() -> None:
    write(4)
    seq, digest = chain.head()
    assert "4 rows" in verify("--expect", f"{seq}:{digest}")
    sql("DELETE FROM audit_auditentry WHERE seq = 4")
    with pytest.raises(CommandError, match="the log ends at row 3; rows up to 4 were cut off"):
        verify("--expect", f"{seq}:{digest}")
    assert "3 rows" in verify()


@pytest.mark.parametrize(
    "expectation",
    [
        "",
        " ",
        "12",
        "12:ab",
        f"²:{chain.GENESIS}",
        f"{'9' * 5000}:{chain.GENESIS}",
        f"1:{'z' * 64}",
    ],
)
def test_it_refuses_a_malformed_expectation(expectation: str) -> None:
    with pytest.raises(CommandError, match="it must be SEQ:HASH"):
        verify("--expect", expectation)


def test_it_cannot_be_changed_through_the_model() -> None:
    entry = chain.append(ALICE, "a.b", "t", Outcome.OK)
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


async def test_it_stays_whole_with_many_writers_in_one_process() -> None:
    await asyncio.gather(*(in_database(write, 5) for _ in range(10)))
    assert "50 rows verified" in await in_database(verify)


WRITER = """
import django; django.setup()
from ops.actor import Actor, Door
from ops.audit import chain
for number in range(25):
    chain.append(Actor(1, "alice", Door.GRPC), "a.b", str(number), "%s")
"""


def test_it_stays_whole_with_several_processes_writing_at_once() -> None:
    script = WRITER.replace('"%s"', "chain.Outcome.OK")
    environment = {**os.environ, "DATABASE_URL": database_url()}
    writers = [subprocess.Popen([sys.executable, "-c", script], env=environment) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert "75 rows verified" in verify()


def database_url() -> str:
    """The test database's URL, for another process."""
    database = settings.DATABASES["default"]
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    user, password = database["USER"], database["PASSWORD"]
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{name}"
