"""What people read is complete and leads somewhere."""

import inspect
import re
from pathlib import Path

import pytest

from ops.sites import load
from ops.toml_file import Table

ROOT = Path(__file__).parent.parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def variables() -> list[str]:
    source = (ROOT / "opsportal" / "settings.py").read_text()
    return sorted(set(re.findall(r"\"((?:OPSPORTAL_|DATABASE_URL|REDIS_URL)[A-Z_]*)\"", source)))


def keys() -> list[str]:
    """What the reader of the site file asks its tables for."""
    reading = [name for name, part in vars(Table).items() if _takes_key(part)]
    asked = re.compile(rf"\.(?:{'|'.join(reading)})\(\s*\"(\w+)\"")
    readers = (ROOT / "ops" / "toml_file.py", *ROOT.glob("ops/sites/*.py"))
    sources = "".join(reader.read_text() for reader in readers)
    return sorted(set(asked.findall(sources)) - {"sites"})


def _takes_key(part: object) -> bool:
    return inspect.isfunction(part) and "key" in inspect.signature(part).parameters


def links() -> list[tuple[Path, str]]:
    return [(page, target) for page in PAGES for target in _LINK.findall(page.read_text())]


@pytest.mark.parametrize("variable", variables())
def test_it_describes_every_environment_variable(variable: str) -> None:
    assert f"`{variable}`" in CONFIGURATION


@pytest.mark.parametrize("key", keys())
def test_it_describes_every_key_of_the_site_file(key: str) -> None:
    assert f"`{key}`" in CONFIGURATION


def test_it_describes_no_variable_that_is_not_read() -> None:
    described = set(re.findall(r"`((?:OPSPORTAL|DATABASE|REDIS)_[A-Z_]+)`", CONFIGURATION))
    assert described == set(variables())


def test_it_finds_keys_and_variables() -> None:
    """The patterns above would otherwise pass by finding nothing."""
    assert {"address", "headers", "tls", "p95", "ca", "default_site"} <= set(keys())
    assert {"DATABASE_URL", "OPSPORTAL_SECRET_KEY"} <= set(variables())


def test_its_example_of_a_site_file_is_a_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    example = ROOT / "sites.example.toml"
    for name in re.findall(r"env = \"(\w+)\"", example.read_text()):
        monkeypatch.setenv(name, "secret")
    found = load(example)
    assert found.default == "production" and list(found.all) == ["production", "staging"]


@pytest.mark.parametrize(("page", "target"), links(), ids=str)
def test_its_links_lead_to_files(page: Path, target: str) -> None:
    assert (page.parent / target).exists()
