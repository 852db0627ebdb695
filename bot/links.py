"""Links to the dashboard, where its public address is known."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from bot.replies import Link
from ops.people.code import Code
from ops.sites import sites


def page(
    label: str,
    name: str,
    site: str,
    *,
    line: str = "",
    trace: Sequence[str] = (),
    **path: str,
) -> tuple[Link, ...]:
    """Return the link to a page of a site, none without PUBLIC_URL.

    `name` is the page's name in the dashboard's urls, `line` what stands in its filter field,
    `trace` the ids of traces that it compares.
    """
    if not settings.PUBLIC_URL:
        return ()
    several = {"site": site} if len(sites().all) > 1 else {}
    asked = ({"q": line} if line else {}) | ({"trace": trace} if trace else {})
    query = f"?{urlencode(asked, doseq=True)}" if asked else ""
    return (Link(label, f"{settings.PUBLIC_URL}{reverse(name, kwargs=several | path)}{query}"),)


def link_account(code: Code) -> tuple[Link, ...]:
    """Return the link to where the code is entered, with it filled in; none without PUBLIC_URL."""
    if not settings.PUBLIC_URL:
        return ()
    query = urlencode({"code": code.shown})
    return (Link("Enter it", f"{settings.PUBLIC_URL}{reverse('account-slack')}?{query}"),)
