"""The HTTP proxy on the way to Slack, from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

slack_sdk reads these too, but it knows no NO_PROXY and fails on a proxy without a scheme.
"""

from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from django.core.management.base import CommandError


def proxy_for(url: str) -> str | None:
    """Return the proxy on the way to an address, None if there is none.

    Raises CommandError if what is set is not a proxy's address.
    """
    proxies = getproxies_environment()
    try:
        address = urlsplit(url)
    except ValueError:
        return None  # aiohttp refuses it
    if proxy_bypass(address.netloc.rpartition("@")[2]):
        return None
    name = "https" if address.scheme in ("https", "wss") and "https" in proxies else "http"
    proxy = proxies.get(name)
    if proxy and not _is_address(proxy):
        # The value may contain a password.
        raise CommandError(
            f"{name.upper()}_PROXY is not the address of a proxy: it must start with http:// or "
            "https://, such as http://proxy.example.com:3128"
        )
    return proxy


def _is_address(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an IPv6 address, a port above 65535
        return False
