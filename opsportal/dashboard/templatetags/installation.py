"""Template tags: what pages and mails say of this installation."""

from django import template
from django.conf import settings

register = template.Library()
SOMEBODY = "the person who manages accounts here"


@register.simple_tag
def public_url() -> str:
    """The dashboard's own address. What a request calls it is up to whoever sends the request."""
    return settings.PUBLIC_URL


@register.simple_tag
def contact() -> str:
    """Whom people ask for what only an administrator can do."""
    return settings.CONTACT or SOMEBODY


@register.simple_tag
def sends_mail() -> bool:
    """Tell whether mails are sent at all."""
    return settings.SENDS_MAIL
