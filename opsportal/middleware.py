"""The first middleware of every HTTP request: its real client address and its ID."""

from collections.abc import Awaitable, Callable, Mapping

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import async_only_middleware

from ops.actor import new_request_id
from ops.proxies import is_trusted, real_address

Next = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
LONGEST_NAME = 255


@async_only_middleware
def trusted_proxies(next_: Next) -> Next:
    """Use X-Forwarded-For and X-Forwarded-Proto only if they come from trusted proxies."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        peer = client_address(request)
        if not is_trusted(peer):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        request.META["REMOTE_ADDR"] = real_address(peer, forwarded)
        return await next_(request)

    return middleware


@async_only_middleware
def request_id(next_: Next) -> Next:
    """Give the request an ID, and return it in the response."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        id_ = new_request_id()
        response = await next_(request)
        response["X-Request-ID"] = id_
        return response

    return middleware


def client_address(request: HttpRequest) -> str:
    """Return the address that the request came from, or ""."""
    return str(request.META.get("REMOTE_ADDR") or "")


def typed_name(request: HttpRequest, credentials: Mapping[str, str] | None = None) -> str:
    """Return the user name of a login attempt, cut to what the throttle stores."""
    name = (credentials or request.POST).get("username")
    return str(name or "")[:LONGEST_NAME]
