"""The filter: what it asks while one types, and the searches of before."""

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.test import AsyncClient

from ops.database import in_database
from opsportal.dashboard import recents
from opsportal.models import RecentSearch
from tests.dashboard.places import Place, field, heading, text, words
from tests.fakes.jaeger import span, trace

SEARCH = "/sites/production/traces/"
pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_knows_what_can_come_next(place: Place, viewer: AsyncClient) -> None:
    query = span("store", "store.Query")
    place.jaeger.add(trace(span("petstore", "SearchPets", children=[query])))

    names = (await viewer.get(f"{SEARCH}names/", {"service": "store"})).json()
    default = (await viewer.get(f"{SEARCH}names/")).json()

    assert names["service"] == ["petstore", "store"]
    assert names["operation"] == ["store.Query"]
    assert default["operation"] == ["SearchPets"]
    assert "service=" in names["keys"]
    assert "1h" in names["last"]


async def test_a_line_fills_the_fields(place: Place, viewer: AsyncClient) -> None:
    line = 'service=store operation="GET /" error min=100ms last=3h limit=7'

    found = (await viewer.get(f"{SEARCH}step/", {"q": line})).json()["fields"]

    assert (found["service"], found["operation"], found["tags"]) == ("store", "GET /", "error")
    assert (found["span_min"], found["last"], found["limit"]) == ("100ms", "3h", "7")


async def test_fields_write_the_line(place: Place, viewer: AsyncClient) -> None:
    fields = {"fields": "1", "service": "store", "tags": "error", "last": "3h", "limit": "20"}

    found = (await viewer.get(f"{SEARCH}step/", fields)).json()

    assert found == {"line": "service=store error last=3h"}


async def test_what_cannot_be_read_is_said_where_it_stands(
    place: Place, viewer: AsyncClient
) -> None:
    line = (await viewer.get(f"{SEARCH}step/", {"q": "servic=x"})).json()
    fields = (
        await viewer.get(f"{SEARCH}step/", {"fields": "1", "span_min": "soon", "tags": "x"})
    ).json()
    order = {"fields": "1", "span_min": "2s", "span_max": "1s"}
    whole = (await viewer.get(f"{SEARCH}step/", order)).json()

    assert 'did you mean "service"?' in line["problems"]["q"][0]
    assert set(fields["problems"]) == {"span_min", "tags"}
    assert "more than max" in whole["problems"]["q"][0]


async def test_a_search_that_was_sent_is_remembered(place: Place, viewer: AsyncClient) -> None:
    for line in ("error", "last=2h", "error"):
        sent = await viewer.get(SEARCH, {"q": line, "sent": "1"})
        assert sent.status_code == 302
        assert "sent" not in sent["Location"]
    await viewer.get(SEARCH, {"q": "limit=5"})  # a link
    refused = await viewer.get(SEARCH, {"q": "servic=x", "sent": "1"})
    await viewer.get(SEARCH, {"fields": "1", "service": "store"})

    page = await viewer.get(SEARCH)

    assert (refused.status_code, field(refused, "q")) == (400, "servic=x")
    remembered = page.content.decode().partition('class="menu recents"')[2].partition("<form")[0]
    assert words(remembered.partition("</summary>")[2]) == "service=store error last=2h"
    assert "servic=x" not in text(page)


async def test_nobody_sees_the_searches_of_others(
    place: Place, viewer: AsyncClient, operator: AsyncClient
) -> None:
    await viewer.get(SEARCH, {"q": "secret=1", "sent": "1"})

    assert "secret=1" in text(await viewer.get(SEARCH))
    assert "secret=1" not in text(await operator.get(SEARCH))
    assert "secret=1" not in text(await viewer.get("/sites/staging/traces/"))


async def test_they_can_be_forgotten(place: Place, viewer: AsyncClient) -> None:
    await viewer.get(SEARCH, {"q": "error last=9h", "sent": "1"})

    answer = await viewer.post(f"{SEARCH}forget/")

    assert answer["Location"] == SEARCH
    assert "error last=9h" not in text(await viewer.get(SEARCH))
    assert await RecentSearch.objects.acount() == 0


async def test_the_last_twenty_are_kept(place: Place, viewer: AsyncClient) -> None:
    user = await User.objects.aget(username="victor")
    for number in range(25):
        await recents.remember(user.pk, "production", f"limit={number + 1}")
    await recents.remember(user.pk, "production", "x" * 3_000)

    kept = await recents.recent(user.pk, "production")

    assert kept == [f"limit={number}" for number in range(25, 5, -1)]
    assert await RecentSearch.objects.acount() == recents.MOST


async def test_a_page_stands_without_what_cannot_be_remembered(
    place: Place, viewer: AsyncClient
) -> None:
    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    table = RecentSearch._meta.db_table
    await in_database(rename, table, "elsewhere")
    try:
        sent = await viewer.get(SEARCH, {"q": "error", "sent": "1"}, follow=True)
        with pytest.raises(DatabaseError):
            await recents.forget(1, "production")
    finally:
        await in_database(rename, "elsewhere", table)

    assert heading(sent) == "No trace matches"
