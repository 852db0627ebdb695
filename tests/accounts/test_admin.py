import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ops.accounts.models import Identity
from ops.audit.models import AuditEntry
from tests.conftest import Person


@pytest.fixture
def admin(person: Person, client: Client) -> User:
    user = person("root", is_superuser=True, is_staff=True)
    client.force_login(user)
    return user


def test_it_links_somebody_and_leaves_a_row(admin: User, client: Client, person: Person) -> None:
    olga = person("olga")
    address = reverse("admin:people_identity_add")
    form = {"slack_user_id": "U0ALICE01", "slack_team_id": "T0ACME001", "user": olga.pk}
    assert client.post(address, form).status_code == 302
    identity = Identity.objects.get()
    assert (identity.user, str(identity)) == (olga, "T0ACME001/U0ALICE01")
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == ("root", "admin.add_identity")


def test_it_links_a_slack_user_to_one_person_only(
    admin: User, client: Client, person: Person
) -> None:
    form = {"slack_user_id": "U0ALICE01", "slack_team_id": "T0ACME001"}
    Identity.objects.create(**form, user=person("olga"))
    address = reverse("admin:people_identity_add")
    answer = client.post(address, {**form, "user": person("victor").pk})
    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()
    assert Identity.objects.count() == 1


@pytest.mark.parametrize(
    ("user_id", "team_id", "wrong"),
    [("T0ACME001", "U0ALICE01", "user ID"), ("U0ALICE01", "acme.slack.com", "workspace ID")],
)
def test_it_takes_no_id_that_can_be_nobodys(
    admin: User, client: Client, person: Person, user_id: str, team_id: str, wrong: str
) -> None:
    form = {"slack_user_id": user_id, "slack_team_id": team_id, "user": person("olga").pk}
    answer = client.post(reverse("admin:people_identity_add"), form)
    assert f"A {wrong} starts with" in answer.content.decode()
    assert not Identity.objects.exists()


def test_it_finds_identities(admin: User, client: Client, person: Person) -> None:
    form = {"slack_user_id": "U0ALICE01", "slack_team_id": "T0ACME001"}
    Identity.objects.create(**form, user=person("olga"))
    page = client.get(reverse("admin:people_identity_changelist"), {"q": "olga"}).content.decode()
    assert "U0ALICE01" in page
