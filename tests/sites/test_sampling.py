"""What is said about a site's sampling that cannot be right."""

import pytest

from tests.conftest import SiteFile
from tests.sites.site_files import problems

SERVICE = "[sites.a.services.b]\n"
REMOTE = "[sites.a.remote]\ndefault_sampling = '1%'\n"
WRONG = [
    ("[sites.a.remote]", "[sites.a.remote] default_sampling: is missing; it must be a sampling"),
    (
        "[sites.a.remote]\ndefault_sampling = '2'",
        '[sites.a.remote] default_sampling: "2" is not a sampling policy; accepted: never, always',
    ),
    (
        f"{REMOTE}http = '0.0.0.0:5778'",
        '[sites.a.remote] http: is "0.0.0.0:5778"; without keys it must be a loopback address',
    ),
    (f"{REMOTE}keys = ['open sesame']", "[sites.a.remote] keys: must be [{ env ="),
    (
        f"{REMOTE}keys = [{{ env = 'NOWHERE' }}]",
        "[sites.a.remote] keys: the environment variable NOWHERE is not set",
    ),
    (
        f"{REMOTE}opamp_key = 'opsportal'",
        '[sites.a.remote] opamp_key: is "opsportal"; it must be the name of an entry, at most 100',
    ),
    (f"{REMOTE}opamp_key = ''", '[sites.a.remote] opamp_key: is ""; it must be the name of'),
    (f"{SERVICE}sampling = 0.1", "[sites.a.services.b] sampling: is 0.1; it must be a sampling"),
    (
        f"{SERVICE}sampling = '5/s'\ndns = 'b:1'",
        '[sites.a.services.b] sampling: is "5 traces/s"; its instances are set with ChangeSampler',
    ),
    (
        f"{SERVICE}sampling_ceiling = '50'",
        "[sites.a.services.b] sampling_ceiling: is '50'; it must be traces per second, a number",
    ),
    (
        f"{SERVICE}sampling_ways = ['push', 'pull']",
        'sampling_ways: has "pull"; it must be a list of some of push, remote, opamp',
    ),
    (f"{SERVICE}sampling_ceiling = nan", "sampling_ceiling: is nan; it must be traces per second"),
    (f"{SERVICE}sampling_ceiling = -1", "sampling_ceiling: is -1; it must be traces per second"),
]


@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_it_names_table_key_and_form(site_file: SiteFile, text: str, problem: str) -> None:
    (found,) = problems(site_file, text)
    assert problem in found
    assert "sesame" not in found
