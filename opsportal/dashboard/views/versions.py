"""`/versions/`: which version runs where."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.versions import actions
from ops.versions.actions import ServiceVersions
from opsportal.dashboard import words
from opsportal.dashboard.pages import page
from opsportal.dashboard.visit import Visit


@require_safe
@page(actions.list_versions)
async def show(visit: Visit) -> HttpResponse:
    """Every service of the site."""
    services = await actions.list_versions(visit.actor, site=visit.site.name)
    set_up = [each for each in services if visit.site.services[each.service].version]
    return await visit.render(
        "pages/versions.html",
        {"heading": _heading(set_up), "services": services, "set_up": set_up},
    )


def _heading(services: Sequence[ServiceVersions]) -> str:
    """Name what is not plain; when everything is, say so in one sentence."""
    if not services:
        return "No service has a version to show"
    unknown = [words.name(s.service) for s in services if not s.counts]
    mixed = [s for s in services if len(s.counts) > 1]
    said = [f"{words.name(s.service)} runs {len(s.counts)} versions" for s in mixed]
    said += [f"{service} is not known" for service in unknown]
    if said:
        return ", ".join(said)
    if len(services) == 1:
        return f"{words.name(services[0].service)} runs {services[0].summary}"
    return f"{len(services)} services, each on one version"
