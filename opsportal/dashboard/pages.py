"""What every page shares: who looks, at which site, and the frame around the content."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from ops import timerange
from ops.actor import Actor, Door
from ops.errors import OpsError
from ops.rights import rights_of
from ops.sites import Site, sites
from opsportal.dashboard import errors
from opsportal.dashboard.clock import Clock, viewer_zone

T = TypeVar("T")

SECTIONS = (
    ("overview", "Overview", "overview.view_overview"),
    ("traces", "Traces", "traces.view_traces"),
    ("alerts", "Alerts", "alerts.view_alerts"),
    ("versions", "Versions", "versions.view_versions"),
    ("sampling", "Sampling", "sampling.view_sampling"),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a person who is logged in. `asked` is the site in the address, or ""."""

    request: HttpRequest
    user_id: int
    actor: Actor
    permissions: frozenset[str]
    staff: bool
    site: Site
    asked: str
    clock: Clock

    def url(self, page: str, **path: str) -> str:
        """Return a page's address; it names the site as soon as there are several."""
        return url(page, self.site.name, **path)

    async def render(
        self, template: str, context: Mapping[str, Any], status: int = 200
    ) -> HttpResponse:
        """Write the page in a thread: a trace of 500 spans takes a tenth of a second."""
        whole = {**self._frame(), **context}
        return await asyncio.to_thread(render, self.request, template, whole, status=status)

    def _frame(self) -> dict[str, Any]:
        match = self.request.resolver_match
        section = match.url_name.partition("-")[0] if match and match.url_name else ""
        return {
            "visit": self,
            "clock": self.clock,
            "section": section,
            "sections": [item for item in SECTIONS if item[2] in self.permissions],
            "audits": "audit.view_auditentry" in self.permissions,
            "other_sites": [
                (name, url(section if section in _NAMES else "overview", name))
                for name in sites().all
                if name != self.site.name
            ],
        }


_NAMES = {name for name, _, _ in SECTIONS}
View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def url(page: str, site: str, **path: str) -> str:
    """Return the address of a page of a site."""
    several = {"site": site} if len(sites().all) > 1 else {}
    return reverse(page, kwargs={**several, **path})


def is_piece(request: HttpRequest) -> bool:
    """Whether a page that is already shown fetches a part of itself."""
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


def page(view: View) -> View:
    """Make a view of `(visit, …)`: log-in first, the site found, errors turned into pages."""

    @functools.wraps(view)
    async def wrapped(request: HttpRequest, site: str = "", **path: Any) -> HttpResponseBase:
        user = await request.auser()
        if isinstance(user, AnonymousUser):
            return _log_in(request)
        visit = await _visit(request, user, "")
        try:
            visit = await _visit(request, user, site) if site else visit
            response = await view(visit, **path)
        except OpsError as error:
            # A piece that cannot be had is left out; the page around it stands.
            response = (
                HttpResponse(status=204) if is_piece(request) else await errors.page(visit, error)
            )
        add_never_cache_headers(response)
        return response

    return wrapped


def _log_in(request: HttpRequest) -> HttpResponse:
    if is_piece(request):
        # A piece of a page cannot show the log-in form: let the whole page ask for it.
        return HttpResponse(headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())


async def _visit(request: HttpRequest, user: User, site: str) -> Visit:
    rights = await rights_of(user.pk)
    return Visit(
        request=request,
        user_id=user.pk,
        actor=Actor(
            user_id=user.pk,
            name=user.get_username(),
            door=Door.BROWSER,
            address=str(request.META.get("REMOTE_ADDR") or ""),
        ),
        permissions=rights.permissions,
        staff=user.is_staff,
        site=sites().site(site),
        asked=site,
        clock=Clock(timerange.now_ns(), viewer_zone(request.COOKIES)),
    )


@dataclass(frozen=True, slots=True)
class Sheet(Generic[T]):
    """One sheet of a long list; `first` and `last` count from 1, sheets too."""

    items: Sequence[T]
    number: int
    sheets: int
    first: int
    last: int
    total: int

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1


def sheet(request: HttpRequest, items: Sequence[T], size: int, holding: int = 0) -> Sheet[T]:
    """Cut out the sheet that `?page=` asks for; without one, that which holds the item."""
    sheets = max(1, -(-len(items) // size))
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    number = min(number or holding // size + 1, sheets)
    first = (number - 1) * size
    cut = items[first : first + size]
    return Sheet(cut, number, sheets, first + 1 if cut else 0, first + len(cut), len(items))
