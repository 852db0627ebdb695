"""Links to the dashboard, if its public address is set, and what they lead to."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django.conf import settings
from django.urls import Resolver404, resolve, reverse

from bot.replies import PageLink
from ops.accounts.code import Code
from ops.sites import sites

_NONE: Mapping[str, str] = {}
_SHOWN = {
    "traces-one": ("show trace", "trace_id", "[0-9a-fA-F]{1,32}"),
    "alerts-one": ("show alert", "fingerprint", "[0-9a-f]{20}"),
}


def page(
    label: str,
    name: str,
    site: str,
    *,
    line: str = "",
    trace: Sequence[str] = (),
    follow: bool = False,
    fields: Mapping[str, str] = _NONE,
    **path: str,
) -> tuple[PageLink, ...]:
    """Return the link to a page of a site, or no link without PUBLIC_URL.

    `name` is the page's name in the dashboard's URLs, `line` the text of its filter field and
    `trace` the IDs of the traces to compare. With `follow` its search renews itself. `fields` are
    other fields of its form.
    """
    if not settings.PUBLIC_URL:
        return ()
    several = {"site": site} if len(sites().all) > 1 else {}
    asked = ({"q": line} if line else {}) | ({"trace": trace} if trace else {})
    asked |= {"follow": "1"} if follow else {}
    asked |= fields
    query = f"?{urlencode(asked, doseq=True)}" if asked else ""
    return (PageLink(label, f"{settings.PUBLIC_URL}{reverse(name, kwargs=several | path)}{query}"),)


def link_account(code: Code) -> tuple[PageLink, ...]:
    """Return the link to the page for entering the code, prefilled; none without PUBLIC_URL."""
    if not settings.PUBLIC_URL:
        return ()
    query = urlencode({"code": code.shown})
    return (PageLink("Enter the code", f"{settings.PUBLIC_URL}{reverse('account-slack')}?{query}"),)


def line_of(url: str) -> str:
    """Return the command that shows what a page of ours is about, "" for any other address."""
    address = f"{settings.PUBLIC_URL}/"
    if not settings.PUBLIC_URL or not url.startswith(address):
        return ""
    try:
        shown = resolve(f"/{re.split('[?#]', url.removeprefix(address))[0]}")
    except (Resolver404, ValueError):
        return ""
    command, key, pattern = _SHOWN.get(shown.url_name or "", ("", "", ""))
    site = shown.kwargs.get("site", "")
    if not command or not re.fullmatch(pattern, shown.kwargs[key]):
        return ""
    if site and site not in sites().all:
        return ""
    return f"{command} {shown.kwargs[key]}{f' site={site}' if site else ''}"


def jaeger(url: str) -> tuple[PageLink, ...]:
    """Return the link to a trace in Jaeger; none without the address of its pages."""
    return (PageLink("Jaeger", url),) if url else ()
