"""When tokens were used: one period for uses close together, read through an index."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from ops.overview.signins import SignIn
from ops.rpc import signins
from ops.rpc.models import Token, TokenUse, make_token
from ops.vocabulary.timerange import DAY, HOUR, from_datetime
from tests.conftest import Person

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def token(person: Person) -> int:
    return stored(person, "ci", "builds")


def stored(person: Person, user: str, name: str) -> int:
    make_token(person(user), name, NOON + timedelta(days=90))
    return Token.objects.latest("pk").pk


def periods() -> list[tuple[datetime, datetime]]:
    return [*TokenUse.objects.order_by("start").values_list("start", "end")]


def test_uses_within_ten_minutes_are_one_period(token: int) -> None:
    for minutes in (0, 1, 11, 21.1, 22):
        signins.record({token}, after(minutes))
    assert periods() == [(NOON, after(11)), (after(21.1), after(22))]
    assert Token.objects.get().last_used == after(22)


def test_each_token_has_its_own_and_one_that_is_gone_is_no_error(
    token: int, person: Person
) -> None:
    other = stored(person, "alice", "")
    signins.record({token}, NOON)
    signins.record({token, other, 10_000}, after(5))
    assert periods() == [(NOON, after(5)), (after(5), after(5))]


def test_what_is_older_than_the_history_is_deleted_when_a_period_begins(
    token: int, settings: Settings
) -> None:
    settings.HISTORY_DAYS = 1
    for minutes in (0, 60, 24 * 60 + 1):
        signins.record({token}, after(minutes))
    assert periods() == [(after(60), after(60)), (after(24 * 60 + 1), after(24 * 60 + 1))]


async def read(start: datetime, end: datetime, person: str = "", most: int = 9) -> list[SignIn]:
    found = await signins.periods(from_datetime(start), from_datetime(end), person, most)
    return [*found]


@pytest.fixture
def past(token: int, person: Person) -> None:
    other = stored(person, "alice", "")
    for pk, start, end in ((token, 0, 60), (other, 30, 40), (token, 90, 95)):
        TokenUse.objects.create(token_id=pk, start=after(start), end=after(end))


async def test_what_lasted_into_a_time_is_read_newest_first(past: None) -> None:
    found = await read(after(35), after(90))
    beginning = re.compile(r"ops_\w{4}…|ops_[\w-]{4}…")
    assert [(each.person, each.start, each.end) for each in found] == [
        ("ci", from_datetime(after(90)), from_datetime(after(95))),
        ("ci", from_datetime(NOON), from_datetime(after(60))),
        ("alice", from_datetime(after(30)), from_datetime(after(40))),
    ]
    assert [beginning.sub("", each.token) for each in found] == [" (builds)", " (builds)", ""]
    assert len(await read(after(61), after(89))) == 0
    assert len(await read(NOON, after(99), most=2)) == 2
    assert [each.person for each in await read(NOON, after(99), person="alice")] == ["alice"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="another database plans differently")
def test_neither_reads_nor_writes_scan_the_table(token: int) -> None:
    noon = from_datetime(NOON)
    with CaptureQueriesContext(connection) as asked:
        signins.record({token}, NOON)
        signins.record({token}, after(5))
        signins._read(noon, noon + HOUR, "", 9)
        signins._read(noon - DAY, noon, "ci", 9)
    plans = [plan for each in asked if (plan := _plan(each["sql"]))]
    assert plans
    assert not [plan for plan in plans if re.search(r"SCAN (?!CONSTANT)", plan)]


def _plan(sql: str) -> str:
    if not re.match(r'(SELECT|DELETE|UPDATE).*"rpc_tokenuse"', sql):
        return ""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"))
        return "\n".join(step[3] for step in cursor.fetchall())
