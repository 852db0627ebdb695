import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection
from django.test import Client

from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import AuditEntry, Outcome
from tests.conftest import Person

pytestmark = pytest.mark.django_db(transaction=True)
LOG = "/admin/audit/auditentry/"


@pytest.fixture
def admin(person: Person, client: Client) -> Client:
    client.force_login(person("root", is_staff=True, is_superuser=True))
    return client


def user_form(user: User, **changes: object) -> dict[str, object]:
    return {
        "username": user.username,
        "email": user.email,
        "is_active": "on",
        "last_login_0": "",
        "last_login_1": "",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    } | changes


def write_rows(*targets: str, actor: str = "alice") -> None:
    for target in targets:
        chain.append(
            Actor(1, actor, Door.SLACK), "sampling.change_policy", target, Outcome.OK,
            parameters={"policy": "<script>alert(1)</script>"},
        )  # fmt: skip


def test_it_leaves_a_row_for_a_changed_user(admin: Client, person: Person) -> None:
    alice = person("alice", "viewers")
    url = f"/admin/auth/user/{alice.pk}/change/"
    assert admin.post(url, user_form(alice, is_active="")).status_code == 302
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.target) == ("root", "admin.change_user", "user/alice")
    assert "Active" in entry.record["detail"]


def test_it_says_which_rights_a_person_and_a_group_have_now(admin: Client, person: Person) -> None:
    alice = person("alice", "viewers")
    groups = Group.objects.filter(name__in=("operators", "auditors"))
    form = user_form(alice, groups=[group.pk for group in groups], is_staff="on")
    assert admin.post(f"/admin/auth/user/{alice.pk}/change/", form).status_code == 302
    auditors = Group.objects.get(name="auditors")
    form = {"name": "auditors", "permissions": []}
    assert admin.post(f"/admin/auth/group/{auditors.pk}/change/", form).status_code == 302
    group, user = (entry.record["parameters"] for entry in AuditEntry.objects.all())
    assert user == {"groups": "auditors, operators", "flags": "is_active, is_staff"}
    assert group == {"permissions": "none"}


def test_it_has_one_page_for_changing_a_password(admin: Client) -> None:
    answer = admin.get("/admin/password_change/")
    assert answer.url == "/account/password_change/"  # type: ignore[attr-defined]


def test_it_undoes_the_change_when_the_row_cannot_be_written(admin: Client, person: Person) -> None:
    alice = person("alice", "viewers")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry RENAME TO audit_away")
    try:
        with pytest.raises(DatabaseError):
            admin.post(f"/admin/auth/user/{alice.pk}/change/", user_form(alice, is_active=""))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_away RENAME TO audit_auditentry")
    assert User.objects.get(pk=alice.pk).is_active


def test_it_ends_a_session_when_the_person_is_deactivated(person: Person, client: Client) -> None:
    alice = person("alice", "auditors")
    client.force_login(alice)
    assert client.get(LOG).status_code == 200
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get(LOG).status_code == 302


def test_it_shows_the_log_to_an_auditor_and_to_nobody_without_the_right(
    person: Person, client: Client
) -> None:
    write_rows("demo/petstore")
    client.force_login(person("audrey", "auditors"))
    page = client.get(LOG).content.decode()
    assert "demo/petstore" in page and "<script>alert" not in page
    client.force_login(person("victor", "viewers", is_staff=True))
    assert client.get(LOG).status_code == 403


def test_it_sends_strangers_to_the_one_log_in_page(client: Client) -> None:
    response = client.get(LOG)
    assert (response.status_code, response.url) == (302, f"/admin/login/?next={LOG}")  # type: ignore[attr-defined]
    response = client.get(response.url)  # type: ignore[attr-defined]
    assert response.url == f"/account/login/?next={LOG}"  # type: ignore[attr-defined]


def test_it_refuses_who_is_neither_staff_nor_auditor(person: Person, client: Client) -> None:
    client.force_login(person("victor", "viewers"))
    assert client.get(LOG, follow=True).status_code == 403


def test_it_lets_not_even_a_superuser_write(admin: Client) -> None:
    write_rows("demo/petstore")
    assert admin.get(f"{LOG}add/").status_code == 403
    assert admin.post(f"{LOG}1/change/", {"actor": "mallory"}).status_code == 403
    assert admin.post(f"{LOG}1/delete/", {"post": "yes"}).status_code == 403
    assert AuditEntry.objects.get().actor == "alice"


def test_it_shows_one_row_with_its_whole_text(admin: Client) -> None:
    write_rows("demo/petstore")
    page = admin.get(f"{LOG}1/change/").content.decode()
    assert AuditEntry.objects.get().hash in page


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("demo/pet", 1),
        ("alice", 2),
        ("actor=bob", 1),
        ("door=slack", 3),
        ("action=sampling target=demo/o", 1),
        ("from=now-1h to=now%2B1h", 3),
        ("to=now-1h", 0),
    ],
)
def test_it_searches(admin: Client, search: str, found: int) -> None:
    write_rows("demo/petstore", "demo/orders")
    write_rows("demo/mailer", actor="bob")
    response = admin.get(f"{LOG}?q={search}")
    assert response.context["cl"].result_count == found


@pytest.mark.parametrize(
    ("search", "sentence"),
    [("colour=red", "accepted: actor"), ("from=lately", "is not a time")],
)
def test_it_says_what_a_search_cannot_be(admin: Client, search: str, sentence: str) -> None:
    assert sentence in admin.get(f"{LOG}?q={search}").content.decode()


def test_it_never_counts_the_whole_table(admin: Client) -> None:
    write_rows(*(f"demo/s{number}" for number in range(5)))
    with connection.execute_wrapper(refuse_full_counts):
        assert admin.get(LOG).context["cl"].result_count == 5
        assert admin.get(f"{LOG}?q=alice").context["cl"].result_count == 5


def refuse_full_counts(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
    counts = "COUNT(" in sql and "audit_auditentry" in sql
    assert not counts or "LIMIT" in sql, sql
    return execute(sql, params, many, context)
