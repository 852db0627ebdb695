import asyncio
import io
import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

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


def sql(statement: str, *values: str) -> None:
    """Run a statement behind the model's back, as somebody with the owner's password would."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER USER")
        cursor.execute(statement, values)


def test_it_numbers_rows_without_gaps_and_verifies() -> None:
    write(3)
    assert list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3]
    assert "3 rows are as they were written; the head is 3:" in verify()


def test_it_verifies_an_empty_log() -> None:
    assert "0 rows are as they were written" in verify()


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
        ("text", "{}", "its hash does not follow"),
        ("hash", "0" * 64, "its hash does not follow"),
        ("actor", "mallory", "its columns differ"),
        ("at", "2020-01-01 00:00:00", "its columns differ"),
    ],
)
def test_it_names_the_first_bad_row(column: str, value: str, reason: str) -> None:
    write(5)
    sql(f"UPDATE audit_auditentry SET {column} = %s WHERE seq = 3", value)
    with pytest.raises(CommandError, match=f"row 3 is not as it was written: {reason}"):
        verify()


def test_it_finds_a_removed_row() -> None:
    write(4)
    sql("DELETE FROM audit_auditentry WHERE seq = 2")
    with pytest.raises(CommandError, match="row 2 is not as it was written: row 2 is missing"):
        verify()


def test_it_finds_a_cut_tail_against_a_noted_head() -> None:
    write(4)
    seq, digest = chain.head()
    assert "4 rows" in verify("--expect", f"{seq}:{digest}")
    sql("DELETE FROM audit_auditentry WHERE seq = 4")
    with pytest.raises(CommandError, match="the log ends at row 3; rows up to 4 were cut off"):
        verify("--expect", f"{seq}:{digest}")
    assert "3 rows" in verify()


@pytest.mark.parametrize("expectation", ["12", "12:ab", f"²:{chain.GENESIS}"])
def test_it_refuses_a_malformed_expectation(expectation: str) -> None:
    with pytest.raises(CommandError, match="--expect is SEQ:HASH"):
        verify("--expect", expectation)


def test_it_cannot_be_changed_through_the_model() -> None:
    entry = chain.append(ALICE, "a.b", "t", Outcome.OK)
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


async def test_it_stays_whole_with_many_writers_in_one_process() -> None:
    await asyncio.gather(*(in_database(write, 5) for _ in range(10)))
    assert "50 rows are as they were written" in await in_database(verify)


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
    assert "75 rows are as they were written" in verify()


def database_url() -> str:
    """The test database's URL, for another process."""
    database = settings.DATABASES["default"]
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    user, password = database["USER"], database["PASSWORD"]
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{name}"
