"""What makes a view a page: log-in first, the site found, an error shown."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers

from ops.database import in_database
from ops.errors import OpsError
from opsportal.dashboard import errors
from opsportal.dashboard.visit import is_piece, visit_of

FILLING_SECONDS = 25.0  # an action has 30
View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def patience(request: HttpRequest) -> float:
    """How many seconds to wait for backends: little before the first screen, long to fill it in."""
    seconds: float = FILLING_SECONDS if is_piece(request) else settings.FIRST_SCREEN_SECONDS
    return seconds


def page(view: View) -> View:
    """Make a view of `(visit, …)`: log-in first, the site found, errors turned into pages."""

    @functools.wraps(view)
    async def wrapped(request: HttpRequest, site: str = "", **path: Any) -> HttpResponseBase:
        user = await in_database(_who, request)
        if not isinstance(user, User):
            return _log_in(request)
        visit = await visit_of(request, user, "")
        try:
            visit = await visit_of(request, user, site) if site else visit
            response = await view(visit, **path)
        except OpsError as error:
            # A piece that cannot be had is left out; the page around it stands.
            response = (
                HttpResponse(status=204) if is_piece(request) else await errors.page(visit, error)
            )
        add_never_cache_headers(response)
        return response

    return wrapped


def _who(request: HttpRequest) -> User | AnonymousUser:
    """Read the session and its person in one piece of work."""
    user: User | AnonymousUser = request.user
    user.is_authenticated  # noqa: B018 - reads it now, while there is a connection
    return user


def _log_in(request: HttpRequest) -> HttpResponse:
    if is_piece(request):
        # A piece of a page cannot show the log-in form: let the whole page ask for it.
        return HttpResponse(headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())
