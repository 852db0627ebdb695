"""Every page with too much in its address or form: refused before anything reads it."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import URLPattern, reverse

from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.limits import LONGEST_TEXT, MOST_ITEMS
from opsportal.admin_site import MOST_SEARCHED
from opsportal.dashboard import urls
from tests.conftest import Person
from tests.dashboard.conftest import logged_in
from tests.dashboard.places import Place, text
from tests.fakes.jaeger import ANY_JAEGER
from tests.watching import Calls, watched

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "a?" * LONGEST_TEXT
ID = "17b4f65b0d9f038e2a7bc5ea84309af2"
OWN = [each for each in urls.urlpatterns if isinstance(each, URLPattern)]
PAGES = [
    each for each in [*urls.pages, *OWN] if not hasattr(each.callback, "view_class")
]  # classes are Django's forms of passwords, whose fields have bounds of their own
ANYBODYS = [each.name for each in PAGES if (each.name or "").startswith("account")]
# Who may decide on a request depends on who asked for it.
LATER = ("sampling-request", "post")
VIEWS = "opsportal.dashboard.views."
TOO_MUCH: Sequence[dict[str, Any]] = (
    {"q": LONG},
    {"any-other": LONG},
    {LONG: "a"},
    {"service": ["a"] * (MOST_ITEMS + 1)},
    {f"field{number}": "a" for number in range(MOST_ITEMS + 1)},
)


@pytest.fixture
def everything(person: Person) -> AsyncClient:
    """A user with the permissions for every page."""
    return logged_in(person("ada", "operators", "auditors"))


def address(page: URLPattern, **changes: str) -> str:
    names = page.pattern.converters
    usual = {name: "1" if name in ("row", "number") else ID for name in names} | changes
    return reverse(page.name or "", kwargs=usual)


def methods(page: URLPattern) -> Iterator[str]:
    """GET and POST, but for pages without GET; a page without a form answers POST with 405."""
    if page.name not in ("account-slack-link", "account-slack-unlink"):
        yield "get"
    yield "post"


async def reached(client: AsyncClient, method: str, where: str, typed: Any) -> tuple[Any, Calls]:
    with watched(LONGEST_TEXT, MOST_ITEMS) as calls:
        answer = await getattr(client, method)(where, typed)
    return answer, calls


CASES = [(page, method) for page in PAGES for method in methods(page)]
NAMES = [f"{page.name} {method}" for page, method in CASES]


@pytest.mark.parametrize(("page", "method"), CASES, ids=NAMES)
async def test_it_refuses_what_is_too_much_before_anything_reads_it(
    place: Place, everything: AsyncClient, page: URLPattern, method: str
) -> None:
    for typed in TOO_MUCH:
        if method == "post" and LONG in typed:
            continue  # no form of several parts can have such a name
        answer, calls = await reached(everything, method, address(page), typed)
        if method == "post" and answer.status_code == 405:
            return
        assert answer.status_code == 400, typed
        assert "the limit is" in text(answer) or "has more than" in text(answer)
        assert not {module for module in calls.modules if module.startswith(VIEWS)}


@pytest.mark.parametrize(
    "page", [each for each in PAGES if "trace_id" in each.pattern.converters], ids=lambda p: p.name
)
async def test_it_refuses_an_address_that_is_too_long(
    place: Place, everything: AsyncClient, page: URLPattern
) -> None:
    for where in (
        address(page, trace_id="a" * 2 * LONGEST_TEXT),
        f"/sites/{'s' * 2 * LONGEST_TEXT}/traces/",
    ):
        answer, calls = await reached(everything, "get", where, {})
        assert answer.status_code == 400
        assert not {module for module in calls.modules if module.startswith(VIEWS)}


@pytest.mark.parametrize(("page", "method"), CASES, ids=NAMES)
async def test_who_has_no_right_reads_that_first_and_leaves_a_short_row(
    place: Place, newcomer: AsyncClient, page: URLPattern, method: str
) -> None:
    if page.name in ANYBODYS or (page.name, method) == LATER:
        return
    answer, calls = await reached(newcomer, method, address(page), {"q": LONG})
    if method == "post" and answer.status_code == 405:
        return
    assert answer.status_code == 403
    assert not {module for module in calls.modules if module.startswith(VIEWS)}
    entry = await in_database(AuditEntry.objects.get)
    assert entry.outcome == "denied"
    assert len(entry.text) < 3_000


def test_it_walks_every_page() -> None:
    assert len(PAGES) > 25
    assert set(ANYBODYS) == {
        "account", "account-slack", "account-slack-link", "account-slack-unlink",
    }  # fmt: skip


@ANY_JAEGER
async def test_it_takes_what_people_send(place: Place, viewer: AsyncClient) -> None:
    tags = " ".join(f'key{number}="{"v" * 100}"' for number in range(20))
    for line in (tags, f'db.statement="{"select a from b where c " * 80}"'):
        answer = await viewer.get("/traces/", {"q": line})
        assert answer.status_code == 200, text(answer)


MODELS = [model._meta for model in admin.site._registry]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_admin_searches_for_few_words_in_every_table(
    person: Person, client: Client, model: Any
) -> None:
    client.force_login(
        person("root", is_staff=True, is_superuser=True),
        "django.contrib.auth.backends.ModelBackend",
    )
    where = reverse(f"admin:{model.app_label}_{model.model_name}_changelist")
    asked: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        return execute(sql, params, many, context)

    for typed in ({"q": "ab " * (MOST_SEARCHED + 1)}, {"q": LONG}, {"o": LONG}):
        with connection.execute_wrapper(note):
            answer = client.get(where, typed)
        assert answer.status_code == 400
        assert not [sql for sql in asked if f'FROM "{model.db_table}"' in sql and "LIKE" in sql]
    assert client.get(where, {"q": "ab " * MOST_SEARCHED}).status_code in (200, 302)
