"""Limits on attempts to guess a password or to send e-mail."""

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from opsportal.throttling import FAILED_LOGINS, OLD_PASSWORDS, RESET_MAILS, RESETS_ASKED
from tests.conftest import Person

pytestmark = pytest.mark.django_db(transaction=True)
LOG_IN, CHANGE, RESET = "/account/login/", "/account/password_change/", "/account/password_reset/"


def log_in(client: Client, name: str, password: str, address: str = "192.0.2.7") -> int:
    typed = {"username": name, "password": password}
    return client.post(LOG_IN, typed, REMOTE_ADDR=address).status_code


def change(client: Client, old: str) -> int:
    new = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    return client.post(CHANGE, {"old_password": old, **new}).status_code


@pytest.fixture
def alice(person: Person) -> User:
    return person("alice", "viewers")


def test_it_counts_an_address_over_many_names(client: Client, alice: User) -> None:
    for number in range(FAILED_LOGINS.most):
        assert log_in(client, f"name{number}", "wrong") == 200
    assert log_in(client, "alice", "opensesame") == 429
    assert log_in(client, "alice", "opensesame", "192.0.2.8") == 302


def test_it_does_not_count_who_is_right(client: Client, alice: User) -> None:
    for _ in range(FAILED_LOGINS.most + 1):
        assert log_in(client, "alice", "opensesame") == 302


def test_it_counts_wrong_old_passwords(client: Client, alice: User) -> None:
    client.force_login(alice, "django.contrib.auth.backends.ModelBackend")
    for _ in range(OLD_PASSWORDS.most):
        assert change(client, "wrong") == 200
    assert change(client, "opensesame") == 429
    alice.refresh_from_db()
    assert alice.check_password("opensesame")


def test_it_forgets_the_wrong_ones_of_somebody_who_is_right(client: Client, alice: User) -> None:
    client.force_login(alice, "django.contrib.auth.backends.ModelBackend")
    for _ in range(OLD_PASSWORDS.most - 1):
        assert change(client, "wrong") == 200
    assert change(client, "opensesame") == 302
    for _ in range(OLD_PASSWORDS.most):
        assert change(client, "wrong") == 200


def test_it_sends_a_person_few_links_and_says_the_same(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.SENDS_MAIL, settings.PUBLIC_URL = True, "https://ops.example.com"
    spellings = ["alice@example.com", "ALICE@example.com", "alice@EXAMPLE.com", "Alice@example.com"]
    for number in range(RESET_MAILS.most * 4):
        typed = {"email": spellings[number % 4]}
        answer = client.post(RESET, typed, REMOTE_ADDR=f"192.0.2.{number}", follow=True)
        assert "Check your e-mail" in answer.content.decode()
    assert len(mail.outbox) == RESET_MAILS.most


def test_it_takes_few_addresses_for_links_from_one_place(client: Client, alice: User) -> None:
    for number in range(RESETS_ASKED.most):
        assert client.post(RESET, {"email": f"x{number}@example.com"}).status_code == 302
    answer = client.post(RESET, {"email": "alice@example.com"})
    assert answer.status_code == 429
    assert "Try again in an hour" in answer.content.decode()
    assert not mail.outbox
