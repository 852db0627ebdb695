from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from ops.audit.models import AuditEntry
from ops.rpc.models import Token, make_token
from tests.conftest import Person

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/rpc/token/"


@pytest.fixture
def alice(person: Person) -> User:
    return person("alice", "operators")


@pytest.fixture
def admin(person: Person, client: Client) -> Client:
    client.force_login(person("root", is_staff=True, is_superuser=True))
    return client


def token_of(user: User) -> str:
    return make_token(user, "ci", timezone.now() + timedelta(days=1))


def revoke(client: Client) -> int:
    chosen = [token.pk for token in Token.objects.all()]
    form = {"action": "revoke", "_selected_action": chosen}
    return client.post(LIST, form).status_code


def test_it_shows_whose_tokens_there_are_but_not_the_tokens(admin: Client, alice: User) -> None:
    token = token_of(alice)
    stored = Token.objects.get()
    for url in (LIST, f"{LIST}{stored.pk}/change/"):
        page = admin.get(url).content.decode()
        assert "alice" in page and token[:8] in page
        assert token[:12] not in page and stored.digest not in page


def test_it_revokes_and_leaves_a_row_for_each(admin: Client, alice: User) -> None:
    token_of(alice)
    token_of(alice)
    assert revoke(admin) == 302
    assert not Token.objects.filter(revoked=None).exists()
    assert [(e.actor, e.action) for e in AuditEntry.objects.all()] == [
        ("root", "admin.revoke_token")
    ] * 2
    revoke(admin)
    assert AuditEntry.objects.count() == 2


def test_it_revokes_nothing_that_cannot_be_recorded(admin: Client, alice: User) -> None:
    token_of(alice)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditentry RENAME TO audit_away")
    try:
        with pytest.raises(DatabaseError):
            revoke(admin)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_away RENAME TO audit_auditentry")
    assert Token.objects.get().revoked is None


def test_it_makes_and_alters_none(admin: Client, alice: User) -> None:
    token_of(alice)
    before = Token.objects.values().get()
    assert admin.get(f"{LIST}add/").status_code == 403
    form = {"expires_0": "2099-01-01", "expires_1": "00:00", "user": "1"}
    admin.post(f"{LIST}{before['id']}/change/", form)
    assert Token.objects.values().get() == before


def test_it_is_not_for_those_without_the_right(person: Person, client: Client, alice: User) -> None:
    token_of(alice)
    client.force_login(person("audrey", "auditors"))
    assert client.get(LIST).status_code == 403
    assert revoke(client) == 403
    assert Token.objects.get().revoked is None


def test_it_lets_tokens_go_with_their_user(admin: Client, alice: User) -> None:
    token_of(alice)
    admin.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"})
    assert not Token.objects.exists()
