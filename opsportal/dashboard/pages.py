"""The decorator that makes a view a page: login, permission, site, errors."""

import functools
from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers

from ops import limits, rights
from ops.database import in_database
from ops.errors import NotPermitted, OpsError
from ops.guard import check, name_of
from ops.patience import patient
from opsportal.dashboard import errors
from opsportal.dashboard.visit import LiveRequest, is_piece, visit_of

LIVE_SECONDS = 3.0
LIVE_AGE = 15.0
FILLING_SECONDS = 25.0  # an action has 30
View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]
Action = Callable[..., Awaitable[Any]]
_SECRET = ("csrfmiddlewaretoken", "code")


def patience(request: HttpRequest) -> float:
    """Return how many seconds to wait for backends: few for a first screen, more to fill it in."""
    if isinstance(request, LiveRequest):
        return patient(LIVE_SECONDS)
    seconds: float = FILLING_SECONDS if is_piece(request) else settings.FIRST_SCREEN_SECONDS
    return seconds


def age(request: HttpRequest) -> float:
    """Return how many seconds old what backends take long for may be, if a page is live."""
    return LIVE_AGE if isinstance(request, LiveRequest) else 0.0


@dataclass(frozen=True, slots=True)
class Live:
    """How a page is kept up to date while it is open, see opsportal.dashboard.live.

    It is rendered again when one of `subjects` has news (ops.watch.notices), and after `every`
    seconds. `own` pages depend on the user, not only on the user's permissions. With `only`, it is
    kept up to date if its address has that field. `action` is the name of the page's action.
    """

    subjects: frozenset[str]
    every: float = 15.0
    own: bool = False
    only: str = ""
    action: str = ""

    def is_for(self, fields: Container[str]) -> bool:
        """Return whether a page is kept up to date whose address has these fields."""
        return not self.only or self.only in fields


def live_of(view: Callable[..., Any]) -> Live | None:
    """Return how a view is kept up to date, None if it is not."""
    found: Live | None = getattr(view, "live", None)
    return found


def page(
    action: Action, *, on_post: Action | None = None, live: Live | None = None
) -> Callable[[View], View]:
    """Make a view of `(visit, …)` a page: require login, find the site, show errors as pages.

    Users need the permission of `action`, for POST that of `on_post` if given. Input is checked
    for permission and size before anything reads it. With `live`, an open page is kept up to date.
    """
    reads = name_of(action)
    writes = name_of(on_post) if on_post else reads

    def wrap(view: View) -> View:
        @functools.wraps(view)
        async def wrapped(request: HttpRequest, site: str = "", **path: Any) -> HttpResponseBase:
            user = await _user(request)
            if user is None:
                return _log_in(request)
            visit = await visit_of(request, user, "")
            try:
                typed = _typed(request, {"site": site, **path})
                name = writes if request.method == "POST" else reads
                await check(visit.actor, name, **_without_secrets(typed))
                limits.check_fields(typed)
                visit = await visit_of(request, user, site) if site else visit
                response = await view(visit, **path)
            except OpsError as error:
                response = (
                    _without_piece(error) if is_piece(request) else await errors.page(visit, error)
                )
            add_never_cache_headers(response)
            return response

        wrapped.__dict__["live"] = replace(live, action=reads) if live else None
        return wrapped

    return wrap


def _typed(request: HttpRequest, path: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return everything that a user sent, in the address and in a form."""
    sent = [*request.GET.lists(), *request.POST.lists()]
    return [*path.items(), *((name, texts) for name, texts in sent)]


def _without_secrets(typed: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Return the part of it that the audit log may keep."""
    return {name: value for name, value in typed if name not in _SECRET}


def _without_piece(error: OpsError) -> HttpResponse:
    """Leave out a piece that failed; the page around it stays.

    A user who lost the permission for a piece also lost it for the page: reloading says so.
    """
    if isinstance(error, NotPermitted):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return HttpResponse(status=204)


async def _user(request: HttpRequest) -> User | None:
    """Return the logged-in user, with the user's rights remembered."""
    if isinstance(request, LiveRequest):
        return request.viewer
    user, its_rights = await in_database(_who, request)
    if not isinstance(user, User):
        return None
    if its_rights:
        rights.remember(user.pk, its_rights)
    return user


def _who(request: HttpRequest) -> tuple[User | AnonymousUser, rights.Rights | None]:
    """Read the session, its user, and the user's rights unless known, in one database call."""
    user: User | AnonymousUser = request.user
    if not user.is_authenticated or user.pk in rights.cache:
        return user, None
    return user, rights.rights_as_read(user)


def _log_in(request: HttpRequest) -> HttpResponse:
    if is_piece(request):
        # A piece of a page cannot show the login form: reload the whole page instead.
        return HttpResponse(headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())
