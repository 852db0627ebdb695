"""One request: its user, its site, and the frame around the page."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from ops.actor import Actor, Door
from ops.alerts.actions import FiringCount, count_firing
from ops.errors import OpsError
from ops.requests import actions as requests
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.silences import actions as silences
from ops.sites import Site, sites
from ops.vocabulary import timerange
from opsportal.dashboard.clock import Clock, viewer_zone
from opsportal.dashboard.endings import ShownEnding

SECTIONS = (
    ("overview", "Overview", "overview.view_overview"),
    ("traces", "Traces", "traces.view_traces"),
    ("alerts", "Alerts", "alerts.view_alerts"),
    ("versions", "Versions", "versions.view_versions"),
    ("sampling", "Sampling", "sampling.view_sampling"),
    ("incidents", "Incidents", "incidents.view_incidents"),
    ("timeline", "Time line", "overview.view_overview"),
)
# More threads would not render faster, but would take the interpreter from the threads that use
# the database: under load those would take so long that requests fail with "try again".
_writers = ThreadPoolExecutor(2, thread_name_prefix="page")
SEES_ALERTS = "alerts.view_alerts"
_NAMES = {name for name, _, _ in SECTIONS}


OWN_TOKEN = "own"  # noqa: S105 - the browser puts the token of its page there


class LiveRequest(HttpRequest):
    """A request of our own, which renders a page again for everybody who has it open.

    `viewer` is one of them.
    """

    viewer: User


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a logged-in user. `asked` is the site in the address, or ""."""

    request: HttpRequest
    user_id: int
    actor: Actor
    permissions: frozenset[str]
    staff: bool
    site: Site
    asked: str
    clock: Clock

    def url(self, page: str, **path: str) -> str:
        """Return a page's address; it names the site if there are several."""
        return url(page, self.site.name, **path)

    async def render(
        self, template: str, context: Mapping[str, Any], status: int = 200
    ) -> HttpResponse:
        """Render the page in a thread, because a trace of 500 spans takes a tenth of a second."""
        badge: FiringCount | None = None
        endings: list[ShownEnding | None] = []
        if not is_piece(self.request) and not isinstance(self.request, LiveRequest):
            badge, *endings = await asyncio.gather(
                self._badge(), self._change_ending(), self._silence_ending()
            )
        whole = {**self._frame(), "badge": badge, "own_endings": filter(None, endings), **context}
        if isinstance(self.request, LiveRequest):
            whole["csrf_token"] = OWN_TOKEN
        write = partial(render, self.request, template, whole, status=status)
        work = partial(copy_context().run, write)
        return await asyncio.get_running_loop().run_in_executor(_writers, work)

    async def _badge(self) -> FiringCount | None:
        """Return how many alerts are firing by what the watcher knows, None if it is unknown."""
        if not self._sees_alerts:
            return None
        try:
            return await count_firing(self.actor, site=self.site.name)
        except OpsError:
            return None

    async def _change_ending(self) -> ShownEnding | None:
        """Return the end of this user's timed change that ends first, None for none."""
        if sampling.CHANGE not in self.permissions:
            return None
        try:
            found = await requests.ending_soon(self.actor, site=self.site.name)
        except OpsError:
            return None
        return ShownEnding.of_change(found[0], self.clock.now) if found else None

    async def _silence_ending(self) -> ShownEnding | None:
        """Return the end of this user's silence that ends first, None for none."""
        if silences.CHANGE not in self.permissions or not self.site.alertmanager:
            return None
        try:
            found = await silences.ending_soon(self.actor, site=self.site.name)
        except OpsError:
            return None
        return ShownEnding.of_silence(found[0], self.clock.now) if found else None

    @property
    def _sees_alerts(self) -> bool:
        return SEES_ALERTS in self.permissions and has(self.site, "alerts")

    def _frame(self) -> dict[str, Any]:
        match = self.request.resolver_match
        live = getattr(match.func, "live", None) if match else None
        again = isinstance(self.request, LiveRequest)
        section = match.url_name.partition("-")[0] if match and match.url_name else ""
        return {
            "visit": self,
            "clock": self.clock,
            "section": section,
            "frame": "live.html" if again else "base.html",
            "live_update": again,
            "live": bool(live and live.is_for(self.request.GET)),
            "sees_alerts": self._sees_alerts,
            "sections": [
                item for item in SECTIONS if item[2] in self.permissions and has(self.site, item[0])
            ],
            "audits": "audit.view_auditentry" in self.permissions,
            "other_sites": [
                (name, url(section if section in _NAMES else "overview", name))
                for name in sites().all
                if name != self.site.name
            ],
        }


def has(site: Site, section: str) -> bool:
    """Return whether the site is set up for a section; the others are not linked."""
    needed = {"traces": site.jaeger, "alerts": site.prometheus, "sampling": site.services}
    return bool(needed.get(section, True))


def is_piece(request: HttpRequest) -> bool:
    """Return whether a page that is already shown requests a part of itself."""
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


def url(page: str, site: str, **path: str) -> str:
    """Return the address of a page of a site."""
    several = {"site": site} if len(sites().all) > 1 else {}
    return reverse(page, kwargs={**several, **path})


async def visit_of(request: HttpRequest, user: User, site: str) -> Visit:
    """Return a user's visit to a site, "" for the default one; raises OpsError."""
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
