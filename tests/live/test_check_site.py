"""`manage.py check_site` before real servers."""

import pytest

from tests.live import portals, servers


def test_it_finds_all_well(portal: portals.Portal) -> None:
    said = portal.manage("check_site")
    assert "✗" not in said
    assert said.count("the instance at") == 3


def test_it_says_that_the_web_port_was_given(
    jaeger: servers.Jaeger, tmp_path_factory: pytest.TempPathFactory
) -> None:
    web = jaeger.ui.removeprefix("http://")
    sites = f'[sites.live.jaeger]\naddress = "{web}"\n'
    portal = portals.portal(tmp_path_factory.mktemp("wrong"), sites)
    with pytest.raises(AssertionError, match="1 of 1 checks failed"):
        portal.manage("check_site")
