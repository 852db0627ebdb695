"""What is said about a site file that cannot be read, or names no sites."""

from pathlib import Path

import pytest

from ops.sites import SiteFileError, load
from tests.conftest import SiteFile
from tests.sites.site_files import problems

SERVICE = "[sites.a.services.b]\n"
JAEGER = "[sites.a.jaeger]\n"
PROMETHEUS = '[[sites.a.prometheus]]\nurl = "http://p"\n'
WRONG = [
    ("", "sites: is missing; add a table [sites.NAME] for each site"),
    ("default_site = 'b'\n[sites.a]", 'default_site: is "b"; it must be one of a'),
    ("sites = 5", "sites: is 5; it must be tables, [sites.NAME]"),
    ("sites.a = 5", "sites.a: must be a table [sites.NAME]; use letters, digits, . _ -"),
    ('[sites."a b"]', "sites.a b: must be a table [sites.NAME]; use"),
    ("[site.a]\n[sites.a]", 'site: is not a key of this table; did you mean "sites"?'),
    ("[sites.a]\nfoo = 1", "[sites.a] foo: is not a key of this table; remove it"),
    (
        f"[sites.a]\ndefault_service = 'c'\n{SERVICE}",
        '[sites.a] default_service: is "c"; it must be one of b',
    ),
]


@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_it_names_table_key_and_form(site_file: SiteFile, text: str, problem: str) -> None:
    (found,) = problems(site_file, text)
    assert problem in found
    assert "sesame" not in found


def test_it_reports_everything_at_once(site_file: SiteFile) -> None:
    text = f"{JAEGER}address = 'j'\nui = 'j'\nfoo = 1\n{PROMETHEUS}timeout = 'x'\n{SERVICE}x = 1"
    assert len(problems(site_file, text)) == 5


def test_it_says_where_to_start_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SiteFileError, match=r"copy sites\.example\.toml and set OPSPORTAL_SITES"):
        load(tmp_path / "none.toml")


def test_it_says_where_the_file_is_not_toml(site_file: SiteFile) -> None:
    (found,) = problems(site_file, "[sites.a]\nfoo = bar\n")
    assert found.startswith("is not valid TOML: Invalid value (at line 2")


def test_it_says_that_the_file_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "sites.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SiteFileError, match="is not valid TOML: 'utf-8' codec"):
        load(path)
