"""Template tags: facts about this installation, for pages and e-mails."""

from django import template
from django.conf import settings

register = template.Library()
SOMEBODY = "an administrator"


@register.simple_tag
def public_url() -> str:
    """Return the dashboard's configured address: a request's Host header cannot be trusted."""
    return settings.PUBLIC_URL


@register.simple_tag
def contact() -> str:
    """Return the contact for everything that only an administrator can do."""
    return settings.CONTACT or SOMEBODY


@register.simple_tag
def sends_mail() -> bool:
    """Return whether e-mail is set up."""
    return settings.SENDS_MAIL
