"""The queries of a site for all of its services, and what is said about wrong services."""

import pytest

from ops.sites import SiteFileError, load, sites
from tests.conftest import SiteFile
from tests.sites.site_files import problems

PROMETHEUS = '[[sites.a.prometheus]]\nurl = "http://p"\n'
SERVICE = "[sites.a.services.b]\n"
WRONG = [
    (
        f"{SERVICE}instances = 'x:1'",
        "[sites.a.services.b] instances: is 'x:1'; it must be a list of addresses",
    ),
    (
        f"{SERVICE}instances = [5]",
        '[sites.a.services.b] instances: has 5; it must be a list of addresses, ["host:port", …]',
    ),
    (
        f"{SERVICE}instances = ['x']",
        '[sites.a.services.b] instances: is "x"; it must be host:port without a scheme',
    ),
    (
        f"{SERVICE}instances = ['x:1', 'y:1', 'x:1']",
        '[sites.a.services.b] instances: lists "x:1" twice',
    ),
    (
        f"{SERVICE}instances = ['x:1']\ndns = 'x:1'",
        "[sites.a.services.b] dns: and instances or targets_port cannot be combined",
    ),
    (
        f"{PROMETHEUS}{SERVICE}targets_port = 65536",
        "[sites.a.services.b] targets_port: is 65536; it must be a port, 1 to 65535",
    ),
    (
        f"{SERVICE}targets_port = 50051",
        "[sites.a.services.b] targets_port: needs a Prometheus server and the labels in alerts",
    ),
    (
        f"{PROMETHEUS}{SERVICE}prometheus = 'q'",
        '[sites.a.services.b] prometheus: is "q"; sources: p',
    ),
    (
        f"{SERVICE}alerts = {{ job = 5 }}",
        '[sites.a.services.b] alerts: must be { label = "value" }',
    ),
    (
        f"{SERVICE}verison = 'x'",
        '[sites.a.services.b] verison: is not a key of this table; did you mean "version"?',
    ),
]


@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_it_names_table_key_and_form(site_file: SiteFile, text: str, problem: str) -> None:
    (found,) = problems(site_file, text)
    assert problem in found
    assert "sesame" not in found


def test_a_service_takes_what_it_has_no_query_of_its_own_for(site_file: SiteFile) -> None:
    site_file(
        """
        [sites.p.every_service]
        version = "build_info"
        version_label = "release"
        requests = "by_job"
        [sites.p.services.a]
        requests = "own"
        failing = "own too"
        [sites.p.services.b]
        requests = ""
        version_label = "tag"
        [sites.p.services.nameless]
        alerts = {}
        """
    )
    a, b, nameless = sites().site("p").services.values()
    assert (a.version, a.version_label, a.requests, a.failing) == (
        "build_info", "release", "own", "own too"
    )  # fmt: skip
    assert a.shared == {"version"}
    assert (b.requests, b.version_label) == ("", "tag")
    assert b.shared == {"version"}
    assert (nameless.version, nameless.requests, nameless.shared) == ("", "", frozenset())


def test_what_is_wrong_in_it_is_said(site_file: SiteFile) -> None:
    path = site_file("[sites.p.every_service]\nrequest = 'a'\nfailing = 3\n")
    with pytest.raises(SiteFileError) as caught:
        load(path)
    said = " ".join(caught.value.problems)
    assert '[sites.p.every_service] request: is not a key of this table; did you mean "req' in said
    assert "[sites.p.every_service] failing: is 3; it must be PromQL" in said
