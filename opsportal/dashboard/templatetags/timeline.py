"""Template tags: addresses in the time line."""

from django import template
from django.template import Context

from opsportal.dashboard.timeline_form import DEFAULT, View

register = template.Library()


@register.simple_tag(takes_context=True)
def line_url(
    context: Context, at: int = 0, service: str = "", length: int = DEFAULT, kind: str = ""
) -> str:
    """Return the address of the time line around a moment, 0 for now."""
    visit = context["visit"]
    view = View(visit.clock.now, length, at, service, kinds=(kind,) if kind else ())
    return f"{visit.url('timeline')}{view.query}"
