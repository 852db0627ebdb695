import io
import sys
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from ops.audit.models import AuditEntry
from tests.conftest import Person, SiteFile

pytestmark = pytest.mark.django_db(transaction=True)
Talk = Callable[..., str]
SITES = """
[sites.demo.jaeger]
address = "127.0.0.1:1"
[sites.demo.services.petstore]
"""


@pytest.fixture
def talk(
    site_file: SiteFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Talk:
    site_file(SITES)

    def run(typed: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        call_command("bot_console", *arguments)
        return capsys.readouterr().out

    return run


def test_it_answers_each_line_of_a_pipe(talk: Talk, person: Person) -> None:
    person("olga", "operators")
    said = talk("help\n\nlist traces limit=0\n", "--user", "olga")
    assert said.startswith("Commands\n\nhelp\n")
    assert "\n\nNot understood: limit is 0; it must be between 1 and 1500\n" in said
    assert "opsportal>" not in said, "a pipe sees no prompt"


@pytest.mark.parametrize("goodbye", ["exit", " Quit "])
def test_it_ends_when_told(talk: Talk, person: Person, goodbye: str) -> None:
    person("olga", "operators")
    assert talk(f"{goodbye}\nhelp\n", "--user", "olga") == ""


def test_it_is_the_only_superuser_when_nobody_is_named(talk: Talk, person: Person) -> None:
    person("olga", is_superuser=True)
    person("victor", "viewers")
    assert "the site file names none" in talk("sampling")


@pytest.mark.parametrize("superusers", [0, 2])
def test_it_asks_who_speaks_when_that_is_not_clear(
    talk: Talk, person: Person, superusers: int
) -> None:
    for number in range(superusers):
        person(f"root{number}", is_superuser=True)
    with pytest.raises(CommandError, match="there is not exactly one active superuser"):
        talk("help")


def test_it_knows_no_user_of_that_name(talk: Talk) -> None:
    with pytest.raises(CommandError, match='there is no user "nobody"'):
        talk("help", "--user", "nobody")


def test_it_takes_an_empty_name_for_nobody(talk: Talk, person: Person) -> None:
    """A variable that is not set must not become the superuser."""
    person("root", is_superuser=True)
    with pytest.raises(CommandError, match='there is no user ""'):
        talk("help", "--user", "")


class Terminal(io.StringIO):
    """Input from a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "outcome"),
    [
        ("y", "Not every instance confirmed. Sampling of petstore: unknown -> always"),
        ("n", "Cancelled by olga"),
        ("", "Cancelled by olga"),
    ],
)
def test_it_asks_before_it_changes(
    site_file: SiteFile,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    person: Person,
    typed: str,
    outcome: str,
) -> None:
    site_file(f'{SITES}instances = ["127.0.0.1:1"]')
    person("olga", "operators")
    monkeypatch.setattr(sys, "stdin", Terminal(f"change sampling always\n{typed}"))
    call_command("bot_console", "--user", "olga")
    said = capsys.readouterr().out
    assert "Change sampling of petstore: unknown -> always on 1 instance?" in said
    assert "Apply it? y/n " in said
    assert outcome in said


def test_in_a_terminal_buttons_have_numbers(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    site_file: SiteFile,
    person: Person,
) -> None:
    site_file(f'{SITES}instances = ["127.0.0.1:1"]')
    person("olga", "operators")
    monkeypatch.setattr(sys, "stdin", Terminal("sampling 10%\n1\nn"))
    call_command("bot_console", "--user", "olga")
    said = capsys.readouterr().out
    assert "\n[1 change sampling " in said
    assert "Change sampling of petstore: unknown -> 10% on 1 instance?" in said


def test_a_pipe_is_told_how_to_apply(talk: Talk, site_file: SiteFile, person: Person) -> None:
    site_file(f'{SITES}instances = ["127.0.0.1:1"]')
    person("olga", "operators")
    said = talk("change sampling always", "--user", "olga")
    assert "Or write: apply " in said
    assert "Apply it?" not in said


def test_it_lets_nobody_do_more_than_they_may(talk: Talk, person: Person) -> None:
    person("victor", "viewers")
    person("gone", "operators", is_active=False)
    for name in ("victor", "gone"):
        said = talk("change sampling always", "--user", name)
        assert said.startswith(f"Not permitted: {name} is not allowed to do this")
    entries = AuditEntry.objects.order_by("seq")
    assert [(e.actor, e.door, e.outcome) for e in entries] == [
        ("victor", "console", "denied"),
        ("gone", "console", "denied"),
    ]


def test_a_time_zone_is_known_or_refused(talk: Talk, person: Person) -> None:
    person("olga", "operators")
    assert "Not understood" in talk(
        "list traces limit=0\n", "--user", "olga", "--zone", "Asia/Tokyo"
    )
    with pytest.raises(CommandError, match='"Berlin" is not a time zone; write a name such as'):
        talk("help", "--user", "olga", "--zone", "Berlin")
