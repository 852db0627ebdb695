"""What an open page shows: the parts of an address, for a viewer who may see them."""

from collections.abc import Hashable, Iterator

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponse, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve

from ops import limits
from ops.actor import new_request_id
from ops.errors import InvalidInput, NotFound
from ops.guard import check
from ops.sites import sites
from opsportal.dashboard.clock import viewer_zone
from opsportal.dashboard.live.parts import Gone, Kind
from opsportal.dashboard.live.viewers import Viewer
from opsportal.dashboard.pages import Live, live_of
from opsportal.dashboard.views import alerts
from opsportal.dashboard.visit import SEES_ALERTS, LiveRequest, has

LONGEST = 32 * 1024  # characters of an address
_badge = live_of(alerts.badge) or Live(frozenset())


async def shown(viewer: Viewer, address: str) -> list[tuple[Hashable, Kind]]:
    """Return the parts of a page, each with what tells it from others; its own comes first.

    Raises OpsError if the viewer may not see the page, or if nothing of it is kept up to date.
    """
    if len(address) > LONGEST:
        raise limits.too_long("the address", address)
    path, _, query = address.partition("?")
    try:
        match = resolve(path)
        asked = QueryDict(query)
    except SuspiciousOperation as error:
        raise InvalidInput("the address has too many fields") from error
    except Resolver404:
        raise NotFound("there is no such page") from None
    found: list[tuple[Hashable, Kind]] = []
    live = live_of(match.func)
    if live and live.is_for(asked):
        typed = [*match.kwargs.items(), *asked.lists()]
        await check(viewer.actor, live.action, **{str(name): value for name, value in typed})
        limits.check_fields(typed)
        user = viewer.user.pk if live.own else None
        zone = viewer_zone(viewer.cookies)
        key = (address, zone and zone.key, viewer.rights.permissions, user)
        found.append((key, _kind("page", live, path, query, match)))
    found += _badges(viewer, match)
    if not found:
        raise NotFound("nothing on this page changes")
    return found


def _badges(viewer: Viewer, match: ResolverMatch) -> Iterator[tuple[Hashable, Kind]]:
    site = sites().site(match.kwargs.get("site", ""))
    if SEES_ALERTS in viewer.rights.permissions and has(site, "alerts"):
        path = f"/sites/{site.name}/alerts/badge/"
        yield ("badge", site.name), _kind("badge", _badge, path, "", resolve(path))


def _kind(name: str, live: Live, path: str, query: str, match: ResolverMatch) -> Kind:
    async def render(viewer: Viewer) -> str | None:
        new_request_id()
        request = _request(viewer, path, query, match)
        response: HttpResponseBase = await match.func(request, *match.args, **match.kwargs)
        if response.status_code == 503:
            return None  # busy: what is shown gets old, which is better than nothing
        if response.status_code in (302, 403) or not isinstance(response, HttpResponse):
            raise Gone
        return response.content.decode()

    site = sites().site(match.kwargs.get("site", "")).name
    return Kind(name, site, live.subjects, live.every, render)


def _request(viewer: Viewer, path: str, query: str, match: ResolverMatch) -> HttpRequest:
    request = LiveRequest()
    request.method = "GET"
    request.path = request.path_info = path
    request.META = {
        "HTTP_HOST": viewer.host,
        "QUERY_STRING": query,
        "REMOTE_ADDR": viewer.actor.address,
    }
    request.GET = QueryDict(query)
    request.COOKIES = dict(viewer.cookies)
    request.user = request.viewer = viewer.user
    request.resolver_match = match
    return request
