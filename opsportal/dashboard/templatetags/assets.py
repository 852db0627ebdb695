"""Template tags: a page's stylesheets and modules."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from opsportal.static import modules_behind

register = template.Library()


@register.simple_tag
def style(name: str) -> SafeString:
    """Link a stylesheet of the dashboard: `{% style "trace" %}`."""
    return format_html('<link rel="stylesheet" href="{}">', static(f"dashboard/{name}.css"))


@register.simple_tag
def module(name: str) -> SafeString:
    """Run a module and preload everything that it imports: `{% module "waterfall" %}`."""
    path = f"dashboard/{name}.js"
    preloads = format_html_join(
        "\n",
        '<link rel="modulepreload" href="{}">',
        ((static(each),) for each in modules_behind(path)),
    )
    return format_html('<script src="{}" type="module"></script>\n{}', static(path), preloads)
