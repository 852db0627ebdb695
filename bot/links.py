"""Links to the dashboard, where its public address is known."""

from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from bot.replies import Link
from ops.sites import sites


def page(label: str, name: str, site: str, *, line: str = "", **path: str) -> tuple[Link, ...]:
    """Return the link to a page of a site, none without PUBLIC_URL.

    `name` is the page's name in the dashboard's urls, `line` what stands in its filter field.
    """
    if not settings.PUBLIC_URL:
        return ()
    several = {"site": site} if len(sites().all) > 1 else {}
    query = f"?{urlencode({'q': line})}" if line else ""
    return (Link(label, f"{settings.PUBLIC_URL}{reverse(name, kwargs=several | path)}{query}"),)
