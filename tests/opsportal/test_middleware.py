import ipaddress

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from ops.actor import request_id
from opsportal import middleware


async def seen(peer: str, forwarded: str = "", proto: str = "") -> tuple[str, bool]:
    """The address and the security of a request as the views see them."""
    request = RequestFactory().get("/")
    request.META["REMOTE_ADDR"] = peer
    request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    request.META["HTTP_X_FORWARDED_PROTO"] = proto

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{middleware.client_address(request)} {request.is_secure()}")

    response = await middleware.trusted_proxies(view)(request)
    assert isinstance(response, HttpResponse)
    address, secure = response.content.decode().split(" ")
    return address, secure == "True"


@pytest.fixture(autouse=True)
def proxies(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]


async def test_it_takes_the_last_address_that_is_not_a_trusted_proxy() -> None:
    assert await seen("10.0.0.1", "203.0.113.9, 198.51.100.4, 10.2.3.4") == ("198.51.100.4", False)


async def test_it_believes_nobody_else() -> None:
    assert await seen("198.51.100.4", "203.0.113.9", "https") == ("198.51.100.4", False)


async def test_it_believes_a_trusted_proxy_about_https() -> None:
    assert await seen("10.0.0.1", "203.0.113.9", "https") == ("203.0.113.9", True)


@pytest.mark.parametrize("forwarded", ["", "nonsense", "10.1.1.1"])
async def test_it_keeps_the_peer_when_the_list_names_nobody(forwarded: str) -> None:
    assert (await seen("10.0.0.1", forwarded))[0] == "10.0.0.1"


async def test_it_gives_each_request_an_id_of_its_own() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request_id())

    wrapped = middleware.request_id(view)
    first = await wrapped(RequestFactory().get("/"))
    second = await wrapped(RequestFactory().get("/"))
    assert isinstance(first, HttpResponse)
    assert first.content.decode() == first["X-Request-ID"] != second["X-Request-ID"]
