"""`/`: is something wrong, what changed."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from ops.overview import actions
from ops.overview.actions import Overview
from opsportal.dashboard import words
from opsportal.dashboard.pages import Visit, page


@require_safe
@page
async def show(visit: Visit) -> HttpResponse:
    """Ask for everything at a glance."""
    overview = await actions.show_overview(visit.actor, site=visit.site.name)
    return await visit.render(
        "pages/overview.html",
        {
            "heading": _heading(overview),
            "overview": overview,
            "answered": _answered(overview),
            "problems": _problems(overview),
        },
    )


def _heading(overview: Overview) -> str:
    return ", ".join([_alerts(overview), *_mixtures(overview)])


def _alerts(overview: Overview) -> str:
    if overview.alerts is None:
        return "What fires is not known"
    firing = len(overview.alerts.firing)
    if firing:
        return f"{words.count(firing, 'alert')} {'fires' if firing == 1 else 'fire'}"
    return "Nothing fires that we know of" if overview.alerts.failures else "Nothing fires"


def _answered(overview: Overview) -> int:
    """How many sources of alerts answered."""
    found = overview.alerts
    return found.sources - len(found.failures) if found else 0


def _mixtures(overview: Overview) -> list[str]:
    return [
        f"{words.name(line.service)} runs {len(line.versions.counts)} versions"
        for line in overview.lines
        if line.versions and len(line.versions.counts) > 1
    ]


def _problems(overview: Overview) -> list[str]:
    """Return each sentence once: one dead source troubles every line in the same words."""
    sentences = [*overview.problems, *(p for line in overview.lines for p in line.problems)]
    return list(dict.fromkeys(sentences))
