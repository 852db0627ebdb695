"""What every HTTP request passes first: whose address it really is, and its id."""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import async_only_middleware

from ops.actor import new_request_id

Next = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
LONGEST_NAME = 255


@async_only_middleware
def trusted_proxies(next_: Next) -> Next:
    """Believe X-Forwarded-For and X-Forwarded-Proto from trusted proxies, from nobody else.

    The client's address is the last one in the list that is not a trusted proxy's.
    """

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        if not _is_trusted(client_address(request)):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        else:
            hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
            while hops and _is_trusted(hops[-1]):
                hops.pop()
            if hops and _is_address(hops[-1]):
                request.META["REMOTE_ADDR"] = hops[-1]
        return await next_(request)

    return middleware


@async_only_middleware
def request_id(next_: Next) -> Next:
    """Give the request its id, on the response too."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        id_ = new_request_id()
        response = await next_(request)
        response["X-Request-ID"] = id_
        return response

    return middleware


def client_address(request: HttpRequest) -> str:
    """Return the address that the request came from, "" for none."""
    return str(request.META.get("REMOTE_ADDR") or "")


def typed_name(request: HttpRequest, credentials: Mapping[str, str] | None = None) -> str:
    """Return the name with which somebody tries to log in, no longer than the throttle stores."""
    name = (credentials or request.POST).get("username")
    return str(name or "")[:LONGEST_NAME]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str) -> bool:
    return _is_address(text) and any(
        ipaddress.ip_address(text) in network for network in settings.TRUSTED_PROXIES
    )
