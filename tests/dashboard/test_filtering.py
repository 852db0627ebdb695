"""The filter while one types: line and fields in step, names, and what was searched lately."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import AsyncClient

from ops.database import in_database
from ops.vocabulary.tag_words import KEYS
from opsportal.dashboard import recents
from opsportal.dashboard.views.filtering import LONGEST_NAME, WORDS
from opsportal.models import RecentSearch
from tests.dashboard.places import Place, field, heading, links
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, span, trace

SITE = "/sites/production/traces/"
pytestmark = pytest.mark.django_db(transaction=True)


async def step(client: AsyncClient, **typed: str) -> dict[str, Any]:
    answer = await client.get(f"{SITE}step/", typed)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def send(client: AsyncClient, line: str, site: str = "production") -> Any:
    answer = await client.get(f"/sites/{site}/traces/", {"q": line, "sent": "1"}, follow=True)
    await asyncio.gather(*recents.writing)
    return answer


async def recent(client: AsyncClient, site: str = "production") -> list[str]:
    """What a page offers, as links that send it again."""
    page = await client.get(f"/sites/{site}/traces/")
    return [word for word, address in links(page) if address.endswith("&sent=1")]


async def test_of_a_line_it_answers_the_fields(place: Place, viewer: AsyncClient) -> None:
    line = 'error a="b c" min=100ms from=2026-11-24T14:20:51+05:30 to=now-5m limit=7 site=staging'

    fields = (await step(viewer, q=line))["fields"]

    assert {name: value for name, value in fields.items() if value} == {
        "site": "staging", "tags": 'error a="b c"', "span_min": "100ms", "limit": 7,
        "start": "2026-11-24T08:50:51Z", "end": "now-5m",
    }  # fmt: skip
    assert place.jaeger.calls == []


async def test_of_fields_it_answers_the_line_and_of_that_the_fields_again(
    place: Place, viewer: AsyncClient
) -> None:
    line = (
        'site=staging service=store operation="GET /" error operation!=b a!="b c" d>=5 error=~.*e '
        "trace-min=1s last=45m limit=7"
    )

    fields = (await step(viewer, q=line))["fields"]

    assert await step(viewer, fields="1", **fields) == {"line": line}


async def test_a_line_is_never_empty_because_that_is_the_first_search(
    place: Place, viewer: AsyncClient
) -> None:
    assert await step(viewer, fields="1", last="1h", limit="20") == {"line": "limit=20"}
    assert (await step(viewer, q=" "))["fields"]["limit"] == 100


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("errors for petstxre2", 'did you mean "petstore"?'),
        ("min=soon", '"soon" is not a duration'),
        ("site=stagin", 'did you mean "staging"?'),
        ("from=now to=now-1h", "which is not before its end"),
    ],
)
async def test_it_says_of_a_line_what_searching_would(
    place: Place, viewer: AsyncClient, line: str, problem: str
) -> None:
    assert problem in (await step(viewer, q=line))["problem"]


async def test_it_says_how_it_reads_what_is_typed(place: Place, viewer: AsyncClient) -> None:
    answer = await step(viewer, q="errors of petstroe, weird")

    assert answer["reading"] == 'Read as `service=petstore error`, without "weird".'
    assert answer["fields"]["service"] == "petstore"


@ANY_JAEGER
async def test_a_search_is_kept_as_it_was_read(place: Place, viewer: AsyncClient) -> None:
    await send(viewer, "errors of petstroe")

    assert await recent(viewer) == ["service=petstore error"]


async def test_it_says_by_each_field_what_is_wrong(place: Place, viewer: AsyncClient) -> None:
    apart = await step(viewer, fields="1", span_min="soon", tags="alone")
    together = await step(viewer, fields="1", span_min="2s", span_max="1s")

    assert set(apart["errors"]) == {"span_min", "tags"}
    assert '"soon" is not a duration' in apart["errors"]["span_min"][0]
    assert "more than max" in together["errors"]["__all__"][0]


async def test_times_in_fields_may_be_said_as_the_viewers_clock_has_them(
    place: Place, viewer: AsyncClient
) -> None:
    viewer.cookies["zone"] = "Asia/Tokyo"
    fields = {"start": "2026-11-29", "end": "29 nov 2026 18:00", "span_min": "two seconds"}
    answer = await step(viewer, fields="1", **fields)
    assert answer == {"line": "min=2s from=2026-11-29T00:00:00Z to=2026-11-29T09:00:00Z"}


async def test_it_knows_services_and_their_operations(place: Place, viewer: AsyncClient) -> None:
    long = "x" * (LONGEST_NAME + 1)
    query = span("store", "store.Query", children=[span("store", long)])
    place.jaeger.add(trace(span("petstore", "SearchPets", children=[query])))

    services = await viewer.get(f"{SITE}names/")
    operations = await viewer.get(f"{SITE}names/", {"service": "store"})

    assert services.json() == {"names": ["petstore", "store"]}
    assert operations.json() == {"names": ["store.Query"]}


def test_its_words_are_those_of_the_language() -> None:
    assert {word.partition("=")[0] for word, _ in WORDS} == {"error"} | set(KEYS) - {
        "start", "end", "tags", "before",
    }  # fmt: skip


@EITHER_JAEGER
async def test_what_was_sent_is_offered_newest_first_and_each_once(
    place: Place, viewer: AsyncClient
) -> None:
    for line in ("error", "min=10ms", "  error   last=60m "):
        page = await send(viewer, line)

    assert field(page, "q") == "error   last=60m"
    assert await recent(viewer) == ["error", "min=10ms"]


@EITHER_JAEGER
async def test_the_last_twenty_are_kept(place: Place, viewer: AsyncClient) -> None:
    for number in range(23):
        await send(viewer, f"min={number + 1}ms")

    assert await recent(viewer) == [f"min={number}ms" for number in range(23, 3, -1)]
    assert await RecentSearch.objects.acount() == 20


@EITHER_JAEGER
async def test_what_the_fields_sent_is_kept_too(place: Place, viewer: AsyncClient) -> None:
    fields = {"fields": "1", "service": "petstore", "span_min": "2s", "last": "1h"}

    await viewer.get(SITE, fields)
    await asyncio.gather(*recents.writing)

    assert await recent(viewer) == ["service=petstore min=2s"]


@EITHER_JAEGER
@pytest.mark.parametrize("line", ["", "for nothing", "site=nowhere", "ab" * 16, "a=" + "b" * 2_000])
async def test_what_is_no_search_is_not_kept(place: Place, viewer: AsyncClient, line: str) -> None:
    await send(viewer, line)

    assert await RecentSearch.objects.acount() == 0


@EITHER_JAEGER
async def test_following_a_link_is_not_kept(place: Place, viewer: AsyncClient) -> None:
    await viewer.get(SITE, {"q": "error"})
    await asyncio.gather(*recents.writing)

    assert await RecentSearch.objects.acount() == 0


@EITHER_JAEGER
async def test_a_search_belongs_to_its_site(place: Place, viewer: AsyncClient) -> None:
    await send(viewer, "site=staging error")

    assert await recent(viewer) == []
    assert await recent(viewer, "staging") == ["error"]


@EITHER_JAEGER
async def test_everybody_sees_and_forgets_their_own_only(
    place: Place, viewer: AsyncClient, operator: AsyncClient
) -> None:
    await send(viewer, "error")
    await send(operator, "min=1s")

    answer = await viewer.post(f"{SITE}forget/", {"q": "error last=2h"})

    assert answer["Location"] == f"{SITE}?q=error+last%3D2h"
    assert await recent(viewer) == []
    assert await recent(operator) == ["min=1s"]


@EITHER_JAEGER
async def test_forgetting_needs_a_form_of_ours(place: Place, viewer: AsyncClient) -> None:
    viewer.handler.enforce_csrf_checks = True
    await send(viewer, "error")

    forged = await viewer.post(f"{SITE}forget/")
    looked = await viewer.get(f"{SITE}forget/")

    assert forged.status_code == 403
    assert looked["Location"] == SITE
    assert await recent(viewer) == ["error"]


@EITHER_JAEGER
async def test_they_go_with_the_person(place: Place, viewer: AsyncClient) -> None:
    await send(viewer, "error")

    await in_database(User.objects.filter(username="victor").delete)

    assert await RecentSearch.objects.acount() == 0


@EITHER_JAEGER
async def test_a_locked_database_delays_no_page(place: Place, viewer: AsyncClient) -> None:
    with locked():
        for line in ("error", "min=1ms", "min=2ms"):
            answer = await viewer.get(SITE, {"q": line, "sent": "1"})
            page = await viewer.get(answer["Location"])
            assert heading(page) == "No trace matches"
        assert len(recents.writing) == recents.AT_ONCE
    await asyncio.gather(*recents.writing)

    assert sorted(await recent(viewer)) == ["error", "min=1ms"]


async def test_a_search_that_cannot_be_written_is_logged(
    place: Place, viewer: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    recents.remember(0, "production", "error")
    await asyncio.gather(*recents.writing)

    assert "a search was not saved" in caplog.text


@EITHER_JAEGER
async def test_a_page_stands_when_they_cannot_be_read(
    place: Place, viewer: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with without_table():
        page = await viewer.get(SITE)

    assert heading(page) == "No trace matches"
    assert "cannot read recent searches" in caplog.text


@contextmanager
def locked() -> Iterator[None]:
    """Somebody else writes, for as long as this lasts."""
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            RecentSearch.objects.filter(pk=0).delete()
            if connection.vendor == "postgresql":
                table = RecentSearch._meta.db_table
                connection.cursor().execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            holding.set()
            done.wait()
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def without_table() -> Iterator[None]:
    """The migration is still to come."""
    _in_a_thread(lambda editor: editor.delete_model(RecentSearch))
    try:
        yield
    finally:
        _in_a_thread(lambda editor: editor.create_model(RecentSearch))


def _in_a_thread(change: Any) -> None:
    def work() -> None:
        with connection.schema_editor() as editor:
            change(editor)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
